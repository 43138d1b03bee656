"""Examples for the reference: what a field, an option or a setting may hold."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import click
import msgspec

from koipond.kernel.errors import DomainError
from koipond.kernel.events import Event
from koipond.kernel.money import Currency, Money
from koipond.kernel.publishing import envelope
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema.errors import wrap_error
from koipond.kernel.schema.types import MoneyType

ID = UUID("01950000-0000-7000-8000-000000000042")
NOW = datetime(2030, 1, 2, 12, tzinfo=UTC)
EUROS = Currency("EUR")
PLAIN: Mapping[Any, Any] = {
    bool: True,
    int: 3,
    float: 0.5,
    Quantity: Quantity(3),
    datetime: NOW,
    date: NOW.date(),
    Money: Money(12_50, EUROS),
    Currency: EUROS,
}
# Texts that say something, by the last word of a field's name; what is not here is its own name.
TEXTS: Mapping[str, str] = {
    "address": "lin@example.org",
    "channel": "main",
    "code": "TEATIME",
    "country": "DE",
    "currency": "EUR",
    "email": "lin@example.org",
    "hash": "9f86d081884c7d65",
    "hook": "order_creating",
    "id": "01jm0000000000000000000022",
    "key": "my first purchase",
    "kind": "points",
    "locale": "en",
    "message": "order.unpaid",
    "name": "Longjing",
    "number": "K7Q2-M4XD",
    "permission": "catalog.write",
    "phone": "+4930123456",
    "plugin": "points",
    "problem": "It takes nothing off.",
    "provider": "sandbox",
    "reason": "it is too long",
    "sku": "TEA-1",
    "slug": "longjing",
    "time": "2030-01-02T12:00:00Z",
    "unit": "points",
    "url": "https://example.org/hook",
    "value": "yes please",
    "zone": "Europe/Berlin",
}
# What is typed for an argument or an option that must be given.
TYPED: Mapping[str, str] = {
    "--currency": "EUR",
    "--locale": "en",
    "--permission": "catalog.read",
    "CODE": "eu",
    "EMAIL": "lin@example.org",
    "ENDPOINT": "01jm0000000000000000000022",
    "EVENT": "42",
    "FILE": "products.csv",
    "FILES": "queries.graphql",
    "FOLDER": "schemas",
    "KIND": "products",
    "LETTER": "01jm0000000000000000000022",
    "MEMBER": "lin@example.org",
    "MESSAGE": '"what changes"',
    "NAME": "points",
    "ORDER": "K7Q2-M4XD",
    "PAYMENT": "pay_01jm0000000000000000000022",
    "URL": "https://example.org/hook",
    "WHICH": "storefront",
    "WHO": "lin@example.org",
}
# What settings hold that have no default, or none that would show what they are for.
SET: Mapping[str, Any] = {
    "CapSettings.category": "marketing",
    "CapSettings.medium": "email",
    "ChannelSettings.code": "eu",
    "ChannelSettings.currencies": ["EUR"],
    "ChannelSettings.locales": ["en", "de"],
    "ChannelSettings.name": "Europe",
    "FourEyesSettings.act": "refund",
    "FourEyesSettings.above": 100_00,
    "FourEyesSettings.unit": "EUR",
    "RateSettings.operation": "login",
    "RateSettings.per": "account",
    "SeedSettings.file": "catalog.en.csv",
    "ShippingRateSettings.price": "4.90",
    "ShippingSettings.code": "courier",
    "ShippingSettings.name": {"en": "Courier", "de": "Kurier"},
    "ZoneSettings.code": "de",
    "ZoneSettings.name": "Germany",
    "ZoneSettings.places": ["DE"],
}
# Commands that are typed with more, or with something else, than what they ask for.
LINES: Mapping[str, str] = {
    "koi ask": "koi ask promotions.graphql --channel main",
    "koi channel add": "koi channel add eu --currency EUR --locale en --locale de",
    "koi dev": "koi dev --port 8001",
    "koi doctor": "koi doctor --audit --json",
    "koi export": "koi export orders orders.csv",
    "koi import members": "koi import members members.csv",
    "koi import orders": "koi import orders orders.csv",
    "koi import prices": "koi import prices prices.csv",
    "koi import stock": "koi import stock stock.csv",
    "koi migrate": "koi migrate --plugin points --to 0001_first",
    "koi plugin backfill": "koi plugin backfill points --since 2030-01-01",
    "koi plugin disable": "koi plugin disable points --channel eu",
    "koi plugin new": "koi plugin new deal",
    "koi plugin purge": "koi plugin purge points --export points.jsonl --yes",
    "koi plugin trace": "koi plugin trace query.graphql",
    "koi privacy erase": "koi privacy erase lin@example.org --yes",
    "koi sandbox notify": "koi sandbox notify --times 2",
    "koi serve": "koi serve --host 0.0.0.0 --workers 2",
    "koi token service": "koi token service reports --permission order.read",
}


class SampleMissing(Exception):
    """Something of a kind that no example is known of."""


def error_sample(kind: type[DomainError]) -> str:
    """Return what a client may be answered for a refusal, as JSON."""
    hints = get_type_hints(kind)
    made: Any = kind
    fields = {one.name: sample(hints[one.name], one.name) for one in dataclasses.fields(made)}
    wrapped = wrap_error(made(**fields))
    told = {
        "__typename": kind.__name__,
        **{_camel(name): _shown(value) for name, value in vars(wrapped).items()},
    }
    return json.dumps(told, ensure_ascii=False)


def event_sample(kind: type[Event]) -> str:
    """Return what others may be told of an event, as JSON over several lines."""
    hints = get_type_hints(kind)
    fields = {name: sample(hints[name], name) for name in kind.__struct_fields__}
    told = envelope(kind(**fields), occurred_at=NOW, seq=1)
    return json.dumps(told, indent=2, ensure_ascii=False)


def setting_sample(struct: type[msgspec.Struct], name: str) -> str:
    """Return a line that sets a setting: to its default, where that shows what it is for."""
    field = next(one for one in msgspec.structs.fields(struct) if one.name == name)
    value = SET.get(f"{struct.__name__}.{name}", msgspec.to_builtins(default_of(field)))
    if value is None:
        value = msgspec.to_builtins(sample(field.type, name))
    # Read back, as the shop would: an example that is refused stops the reference.
    msgspec.convert(value, field.type, strict=False)
    return f"{field.encode_name} = {_toml(value)}"


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """Return a setting's default; None if there is none."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.required else field.default


def command_sample(path: tuple[str, ...], command: click.Command) -> str:
    """Return a line that can be typed. Raises SampleMissing."""
    known = LINES.get(" ".join(path))
    if known is not None:
        return known
    words = list(path)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            words += [parameter.opts[0], _typed(parameter.opts[0])] if parameter.required else []
        elif parameter.required:
            words.append(_typed((parameter.name or "").upper()))
    return " ".join(words)


def sample(kind: Any, name: str) -> Any:
    """Return a value of a type for a field of this name. Raises SampleMissing."""
    if kind in PLAIN:
        return PLAIN[kind]
    if get_origin(kind) in (tuple, list):
        return get_origin(kind)([sample(get_args(kind)[0], name.removesuffix("s"))])
    base = getattr(kind, "__supertype__", kind)
    if base is UUID:
        return kind(ID)
    if isinstance(base, type) and issubclass(base, StrEnum):
        return next(iter(base))
    if base is str:
        return kind(TEXTS.get(name.rpartition("_")[2], name.replace("_", " ")))
    known = next((one for one in get_args(kind) if one is not type(None)), None)
    if known is not None:
        return sample(known, name)
    raise SampleMissing(f"an example of {name}: {kind}; say one in docs/samples.py")


def _typed(name: str) -> str:
    if name not in TYPED:
        raise SampleMissing(f"an example of {name}; say one in TYPED of docs/samples.py")
    return TYPED[name]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)


def _shown(value: Any) -> Any:
    if isinstance(value, MoneyType):
        return {"amount": "12.50", "currency": EUROS}
    return value.isoformat() if isinstance(value, date) else value


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{name} = {_toml(one)}" for name, one in value.items() if one is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
