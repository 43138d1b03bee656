"""Reads settings from a TOML file and the environment, and says in words what is wrong."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from koipond.settings.shape import (
    CapSettings,
    ChannelSettings,
    RateSettings,
    RoundingSettings,
    SeedSettings,
    Settings,
    ShippingRateSettings,
    ShippingSettings,
    TrustedDocumentsSettings,
    ZoneSettings,
)

FILE = "koi.toml"

# Variables that begin like ours: of the command, of the tests, and what Kubernetes sets beside a
# service called koi.
_NO_SETTING = re.compile(
    r"KOI_(SETTINGS|TYPED|TEST_DATA|PG_WHEEL|CRASH_AT|(RACE|ATTACK|FUZZ)_\w+|(SERVICE|PORT)(_\w+)?)"
)
# What no variable can say.
_TABLES_AND_LISTS = {
    "channels",
    "merge_on",
    "message_caps",
    "origins",
    "rate_limits",
    "seeds",
    "source_entries",
    "trusted_admin_documents",
    "trusted_documents",
    "trusted_proxies",
    "webhook_networks",
    "zones",
}
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list in [ ]",
    "object": "a table",
}


class SettingsInvalid(Exception):
    """A settings file or variable that cannot be used; the message says which and why."""


def load(
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    defaults: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> Settings:
    """Read settings: `defaults`, then the file, then variables named KOI_…, then `overrides`.

    file: None means `koi.toml` in the working folder if there is one. Paths in a file are relative
    to it. Raises SettingsInvalid.
    """
    found = file if file is not None else Path(FILE)
    from_file = _from_file(found) if file is not None or found.exists() else {}
    from_variables = _from_environment(environment)
    given = {**(defaults or {}), **from_file, **from_variables, **overrides}
    # {setting: where it stands}; what was read later wins.
    places = dict.fromkeys(from_file, str(found))
    places |= {name: f"the variable {_variable(name)}" for name in from_variables}
    try:
        return msgspec.convert(given, Settings, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsInvalid(_explain(str(error), places)) from error


def _from_file(file: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsInvalid(f"There is no file {file}") from error
    except IsADirectoryError as error:
        raise SettingsInvalid(f"{file} is a folder. Name the file in it") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{file} cannot be read as TOML: {error}") from error
    for name in ("media_folder", "sandbox_file"):
        if given.get(name):
            given[name] = str(file.parent / str(given[name]))
    kind, sep, path = str(given.get("database_url", "")).partition("sqlite:///")
    if sep and not kind and path:
        given["database_url"] = f"sqlite:///{file.parent / path}"
    trusted = [given.get("trusted_documents"), given.get("trusted_admin_documents")]
    for one in (*_tables(given.get("seeds")), *_tables(trusted)):
        if one.get("file"):
            one["file"] = str(file.parent / str(one["file"]))
    return given


def _tables(value: object) -> list[dict[str, Any]]:
    """Return the tables of a list; what is something else is refused later, in words."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings among the variables: KOI_DATABASE_URL is `database_url`."""
    named = {
        _variable(name): name
        for name in Settings.__struct_fields__
        if name not in _TABLES_AND_LISTS
    }
    for key in environment:
        if key.startswith("KOI_") and key not in named and not _NO_SETTING.fullmatch(key):
            raise SettingsInvalid(
                f"There is no setting for the variable {key}.{_nearest(key, named)}"
            )
    return {named[key]: value for key, value in environment.items() if key in named}


def _variable(name: str) -> str:
    return f"KOI_{name.upper()}"


def _nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that names what was probably meant."""
    close = get_close_matches(name, list(known), 1)
    return f" Is it {close[0]}?" if close else f" There are: {', '.join(sorted(known))}"


def _explain(problem: str, places: Mapping[str, str]) -> str:
    """Say in people's words what msgspec or we found, and where it stands."""
    told, _, at = problem.partition(" - at `$")
    at = at.strip("`.")
    words = _mistyped(told, at) or _misnamed(told, at) or (f"{at}.{told}" if at else told)
    first = re.match(r"\w*", words)
    place = places.get(first[0]) if first else None
    return f"{place}: {words}" if place else words


def _mistyped(told: str, at: str) -> str | None:
    found = re.fullmatch(r"Expected `(\w+)[^`]*`, got `(\w+)`", told)
    if found is None:
        return None
    wanted, got = (_KINDS.get(kind, kind) for kind in found.groups())
    return f"{at}: this must be {wanted}, and is {got}"


def _misnamed(told: str, at: str) -> str | None:
    found = re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", told)
    if found is None:
        return None
    path = f"{at}.{found[2]}" if at else found[2]
    if found[1] == "missing required":
        return f"{path}: this is missing"
    holder = at.rpartition(".")[2].partition("[")[0]
    struct = {
        "channels": ChannelSettings,
        "message_caps": CapSettings,
        "rate_limits": RateSettings,
        "shipping": ShippingSettings,
        "rates": ShippingRateSettings,
        "rounding": RoundingSettings,
        "zones": ZoneSettings,
        "seeds": SeedSettings,
        "trusted_documents": TrustedDocumentsSettings,
        "trusted_admin_documents": TrustedDocumentsSettings,
    }
    fields = struct.get(holder, Settings).__struct_fields__
    return f"{path}: there is no such setting.{_nearest(found[2], fields)}"
