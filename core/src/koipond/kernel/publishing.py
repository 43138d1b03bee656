"""Events as others see them: an envelope with ids in their outside form, and its JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from koipond.kernel.events import Event
from koipond.kernel.ids import PREFIXES, encode

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# 26 characters of Crockford's alphabet; see kernel/ids.py.
_BODY = "[0-7][0-9a-hjkmnp-tv-z]{25}"

_INSTANT = {"type": "string", "format": "date-time"}

IdKind = Callable[[UUID], Any]


def envelope(event: Event, *, occurred_at: datetime, seq: int) -> dict[str, Any]:
    """Return what others are told of an event, as docs/reference/events/ describes it.

    seq: its place among the events of one thing, counted up.
    """
    kind = type(event)
    return {
        "type": kind.name(),
        "version": kind.version,
        "timestamp": occurred_at.isoformat().replace("+00:00", "Z"),
        "sequence": seq,
        "data": {
            name: msgspec.to_builtins(_outside(getattr(event, name), ids_in(hint)))
            for name, hint in _fields(kind).items()
        },
    }


def write(told: Mapping[str, Any]) -> bytes:
    """Write an envelope: the same one is the same bytes each time, so that a signature holds."""
    return msgspec.json.encode(told)


def event_schema(kind: type[Event]) -> dict[str, Any]:
    """Return the JSON Schema of a kind of event's envelope.

    It lets through fields that it does not name: a version may gain some, and never loses one.
    """
    return {
        "$schema": _DIALECT,
        "title": kind.name(),
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "properties": {
            "type": {"const": kind.name()},
            "version": {"const": kind.version},
            "timestamp": _INSTANT,
            "sequence": {
                "description": f"Counted up for each {kind.aggregate.removesuffix('_id')}",
                "type": "integer",
                "minimum": 1,
            },
            "data": _data_schema(kind),
        },
        "required": ["type", "version", "timestamp", "sequence", "data"],
    }


def ids_in(hint: Any) -> IdKind | None:
    """Return which ids a field holds: one, perhaps none, or a list of them."""
    if hint in PREFIXES:
        kind: IdKind = hint
        return kind
    if get_origin(hint) in (Union, UnionType, list, tuple):
        found = [ids_in(one) for one in get_args(hint)]
        return next((one for one in found if one is not None), None)
    return None


def _fields(kind: type[Event]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {name: hints[name] for name in kind.__struct_fields__}


def _outside(value: Any, ids: IdKind | None) -> Any:
    if ids is None or value is None:
        return value
    if isinstance(value, UUID):
        return encode(ids, value)
    return [_outside(one, ids) for one in value]


def _data_schema(kind: type[Event]) -> dict[str, Any]:
    (_,), components = msgspec.json.schema_components([kind])
    # Of the event alone: what it holds is named by its fields.
    schema = dict(components.pop(kind.__name__))
    assert not components, f"{kind.__name__} holds a Struct of its own: tell its fields instead"
    hints = _fields(kind)
    schema["properties"] = {
        name: _INSTANT if hints[name] is datetime else _field_schema(told, ids_in(hints[name]))
        for name, told in schema["properties"].items()
    }
    for left_out in ("title", "description", "additionalProperties"):
        schema.pop(left_out, None)
    return schema


def _field_schema(told: Any, ids: IdKind | None) -> Any:
    """Return the schema of a field, where an id is what leaves the shop."""
    if ids is None:
        return told
    if isinstance(told, list):
        return [_field_schema(one, ids) for one in told]
    if not isinstance(told, dict):
        return told
    if told.get("format") == "uuid":
        return {"type": "string", "pattern": f"^{PREFIXES[ids]}_{_BODY}$"}
    return {name: _field_schema(one, ids) for name, one in told.items()}
