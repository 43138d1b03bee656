"""What a plugin's settings come to: pure functions of its class and of what was set."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from koipond.kernel.extensions import PluginSettings
from koipond.plugin.errors import (
    PluginSettingInvalid,
    PluginSettingsRefused,
    PluginSettingUnknown,
)
from koipond.plugin.types import EVERYWHERE, Misfit, SettingField, States

S = TypeVar("S", bound=PluginSettings)
Document = Mapping[str, Any]
# What is shown of a value that was refused.
_SHOWN = 60


def fields(kind: type[PluginSettings]) -> tuple[SettingField, ...]:
    """Return the fields of a plugin's settings, in their order."""
    types = _types(kind)
    defaults = msgspec.to_builtins(kind())
    return tuple(
        SettingField(name=name, expects=expects(types[name]), default=defaults[name])
        for name in kind.__struct_fields__
    )


def check_values(plugin: str, kind: type[PluginSettings], document: Document) -> None:
    """Raise PluginSettingUnknown or PluginSettingInvalid for the first value that cannot be."""
    types = _types(kind)
    for name, value in document.items():
        if name not in types:
            known = ", ".join(kind.__struct_fields__)
            raise PluginSettingUnknown(plugin=plugin, setting=name, known=known)
        if _misfit(value, types[name]):
            raise PluginSettingInvalid(
                plugin=plugin, setting=name, expects=expects(types[name]), given=_shown(value)
            )


def check_together(
    plugin: str, kind: type[PluginSettings], channel: str, documents: tuple[Document, ...]
) -> None:
    """Raise PluginSettingsRefused if the plugin does not take what these come to."""
    reason = settle(kind, documents).check()
    if reason is not None:
        raise PluginSettingsRefused(plugin=plugin, channel=channel, reason=reason)


def settle(kind: type[S], documents: tuple[Document, ...]) -> S:
    """Return what documents come to, the later ones first; what does not fit counts as not set."""
    types = _types(kind)
    found = {
        name: value
        for document in documents
        for name, value in document.items()
        if name in types and not _misfit(value, types[name])
    }
    return msgspec.convert(found, kind)


def misfits(
    plugin: str, kind: type[PluginSettings], channel: str, document: Document
) -> Iterator[Misfit]:
    """Yield what was set and no longer fits, as after an upgrade."""
    types = _types(kind)
    for name, value in sorted(document.items()):
        if name not in types:
            reason = "there is no such setting any more"
        elif _misfit(value, types[name]):
            reason = f"it must be {expects(types[name])}, and is {_shown(value)}"
        else:
            continue
        yield Misfit(plugin=plugin, channel=channel, setting=name, reason=reason)


def expects(annotation: Any) -> str:
    """Say in words what values a type has."""
    return _expects(inspect.type_info(annotation))


def _expects(told: inspect.Type) -> str:
    match told:
        case inspect.Metadata():
            words = _expects(told.type)
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType() | inspect.FloatType():
            kind = "a whole number" if isinstance(told, inspect.IntType) else "a number"
            words = kind + _range(told.ge, told.le, told.gt, told.lt)
        case inspect.StrType():
            kind = "a text" + (f" like {told.pattern}" if told.pattern else "")
            words = kind + _lengths(told.min_length, told.max_length, "characters")
        case inspect.EnumType():
            words = "one of " + ", ".join(str(one.value) for one in told.cls)
        case inspect.LiteralType():
            words = "one of " + ", ".join(map(str, told.values))
        case inspect.ListType() | inspect.VarTupleType():
            lengths = _lengths(told.min_length, told.max_length, "parts")
            words = f"a list{lengths}, each {_expects(told.item_type)}"
        case inspect.UnionType():
            words = " or ".join(map(_expects, told.types))
        case inspect.NoneType():
            words = "null"
        case _:
            words = f"a {type(told).__name__.removesuffix('Type').lower()}"
    return words


def _range(ge: float | None, le: float | None, gt: float | None, lt: float | None) -> str:
    least = f"more than {gt:,}" if gt is not None else f"from {ge:,}" if ge is not None else ""
    most = f"less than {lt:,}" if lt is not None else f"to {le:,}" if le is not None else ""
    if least and not most and gt is None:
        most = "up"
    if most and not least and lt is None:
        least = "up"
    return "".join(f" {part}" for part in (least, most) if part)


def _lengths(least: int | None, most: int | None, units: str) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f" of at least {least} {units}"
    return f" of {least} to {most} {units}" if least else f" of at most {most} {units}"


def _types(kind: type[PluginSettings]) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _misfit(value: Any, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        return True
    return False


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def values(settings: PluginSettings) -> dict[str, Any]:
    """Return settings as they are shown: {field: value as JSON knows it}."""
    shown: dict[str, Any] = msgspec.to_builtins(settings)
    return shown


def group(disabled: Collection[tuple[str, str]]) -> States:
    """Return the states that [(plugin, channel)] come to."""
    everywhere = frozenset(plugin for plugin, channel in disabled if channel == EVERYWHERE)
    in_channels: dict[str, set[str]] = {}
    for plugin, channel in disabled:
        if plugin not in everywhere:
            in_channels.setdefault(channel, set()).add(plugin)
    return States(
        everywhere=everywhere,
        in_channels={channel: frozenset(plugins) for channel, plugins in in_channels.items()},
    )
