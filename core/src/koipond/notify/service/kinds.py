"""Use-cases of kinds of messages and their templates."""

from collections.abc import Mapping, Sequence

import msgspec

from koipond.kernel.context import Context, transaction
from koipond.kernel.editions import Kept, count_up
from koipond.kernel.texts import Locale, locale
from koipond.notify import repository, rules
from koipond.notify.errors import MessageKindUnknown, TemplateChanged
from koipond.notify.types import Medium, MessageKind, StaffText, Template, TemplateDraft


async def _read_texts(ctx: Context) -> Sequence[StaffText]:
    async with ctx.reading() as db:
        return await repository.find_staff_texts(db)


_TEMPLATES = "message_templates"
_KEPT: Kept[Sequence[StaffText]] = Kept(_TEMPLATES, read=_read_texts, empty=())


def find_kinds(ctx: Context) -> Mapping[str, MessageKind]:
    """Return {key: kind} of all messages that core and the plugins of this shop send."""
    return ctx.shop.providers.get(MessageKind, {})


def get_kind(ctx: Context, key: str) -> MessageKind:
    """Return a kind of message. Raises MessageKindUnknown."""
    kinds = find_kinds(ctx)
    if key not in kinds:
        raise MessageKindUnknown(kind=key, known=", ".join(sorted(kinds)) or "none")
    return kinds[key]


async def find_staff_texts(ctx: Context) -> Sequence[StaffText]:
    """Return what staff wrote in the place of what is built in, at most 1 s old."""
    return await _KEPT.find(ctx)


async def find_templates(ctx: Context, kinds: Sequence[MessageKind]) -> list[list[Template]]:
    """Return the templates in force for each of some kinds, as they are stored."""
    staff = await _read_texts(ctx)
    return [
        [
            found
            for way in kind.ways
            for medium in way
            for found in rules.templates_of(kind, medium, staff)
        ]
        for kind in kinds
    ]


@transaction
async def set_template(ctx: Context, draft: TemplateDraft) -> Template:
    """Keep a template in the place of the built-in one, or of staff's earlier one.

    Raises MessageKindUnknown, LocaleUnknown, TemplateInvalid, TemplateVariableUnknown,
    TemplateChanged.
    """
    kind, tag = get_kind(ctx, draft.kind), locale(draft.locale)
    rules.check_template(kind, draft.medium, draft.text)
    new = StaffText(
        kind=kind.key,
        medium=draft.medium,
        locale=tag,
        text=draft.text,
        version=draft.expected_version + 1,
        changed_at=ctx.clock.now(),
    )
    if draft.expected_version < 0 or not await repository.save_staff_text(ctx.db, new):
        raise await _changed(ctx, kind, draft.medium, tag, draft.expected_version)
    await count_up(ctx, _TEMPLATES)
    fields = msgspec.structs.asdict(new)
    return Template(**{name: fields[name] for name in Template.__struct_fields__})


@transaction
async def reset_template(
    ctx: Context, key: str, medium: Medium, code: str, *, expected_version: int
) -> list[Template]:
    """Take staff's template away, so that the built-in one holds again, if there is one.

    Returns what is in force now. Raises MessageKindUnknown, LocaleUnknown, TemplateChanged.
    """
    kind, tag = get_kind(ctx, key), locale(code)
    if not await repository.remove_staff_text(ctx.db, key, medium, tag, expected_version):
        raise await _changed(ctx, kind, medium, tag, expected_version)
    await count_up(ctx, _TEMPLATES)
    (left,) = await find_templates(ctx, [kind])
    return left


async def _changed(
    ctx: Context, kind: MessageKind, medium: Medium, tag: Locale, expected: int
) -> TemplateChanged:
    known = {
        one.version
        for one in await repository.find_staff_texts(ctx.db)
        if (one.kind, one.medium, one.locale) == (kind.key, medium, tag)
    }
    return TemplateChanged(
        kind=kind.key, expected_version=expected, current_version=max(known, default=0)
    )
