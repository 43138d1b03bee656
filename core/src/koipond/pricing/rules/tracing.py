"""What of a plugin's inputs is kept with an order."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from koipond.kernel.ids import IdentityId, MemberId
from koipond.pricing.types import TRACED_MAX, Traced, TracedInputs

# What is known of people is called so.
_PERSONAL = {
    "address",
    "birthday",
    "contact",
    "email",
    "ip",
    "member",
    "member_id",
    "name",
    "phone",
}
_IDS_OF_PEOPLE = {MemberId, IdentityId}


def find_personal(kind: type[Struct]) -> list[str]:
    """Return the fields of a class, and of what it is made of, that would hold personal data."""
    return list(_find_personal(kind, set()))


def _find_personal(kind: Any, seen: set[Any]) -> Iterator[str]:
    if kind in seen:
        return
    seen.add(kind)
    for part in get_args(kind):
        yield from _find_personal(part, seen)
    if isinstance(kind, type) and issubclass(kind, Struct):
        for field, hint in get_type_hints(kind).items():
            if field in kind.__struct_fields__:
                if field in _PERSONAL or _IDS_OF_PEOPLE & {hint, *get_args(hint)}:
                    yield f"{kind.__name__}.{field}"
                yield from _find_personal(hint, seen)


def trace_inputs(
    hook: str, inputs: Mapping[str, Any], known: Mapping[tuple[str, int], type[Struct]]
) -> Iterator[Traced]:
    """Say what plugins' calculations were given. known: {(plugin, version): registered class}.

    Of each it is kept what can be read again, if it is not too large.
    """
    for plugin, given in sorted(inputs.items()):
        is_known = isinstance(given, TracedInputs) and (
            known.get((plugin, given.version)) is type(given)
        )
        if not is_known:
            yield Traced(plugin=plugin, hook=hook)
            continue
        text = msgspec.json.encode(given)
        kept = msgspec.json.decode(text) if len(text) <= TRACED_MAX else None
        version = given.version
        yield Traced(plugin=plugin, hook=hook, version=version, size=len(text), kept=kept)
