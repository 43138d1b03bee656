"""Settings: one frozen Struct, read from a TOML file and the environment; units in the names."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

DEVELOPMENT_SECRET = "koipond-development-secret-not-for-production"  # noqa: S105  # refused in production
FILE = "koi.toml"


class SettingsInvalid(Exception):
    """A settings file or variable that cannot be used; the message says which and why."""


class ShippingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shipping method that is made with its channel."""

    # What programs call it; one per channel.
    code: str
    # {language: what buyers read}
    name: dict[str, str]
    # {currency: amount as text}, such as {EUR = "4.90"}; not offered in any other currency.
    prices: dict[str, str]


class ChannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel that `koi migrate` makes if there is none of this code."""

    # What the header Koi-Channel says: a-z, 0-9 and -.
    code: str
    # What people call it.
    name: str
    # ISO 4217 codes; the first is the default.
    currencies: tuple[str, ...]
    # Language tags such as en, de-AT, zh-Hans; the first is the default.
    locales: tuple[str, ...]
    # An IANA name such as Asia/Shanghai: where a day of this channel begins.
    time_zone: str = "UTC"
    # How orders of this channel can be sent.
    shipping: tuple[ShippingSettings, ...] = ()


class SeedSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A catalogue that `koi dev` imports once."""

    # A product CSV, relative to the settings file.
    file: str
    # The code of the channel that shows it.
    channel: str
    # The currency of its prices.
    currency: str
    # The language of its texts.
    locale: str
    # Put before the relative addresses of images.
    asset_base: str = ""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a shop can be told from outside."""

    # sqlite:///FILE (relative to the working folder) or postgresql://USER@HOST/NAME
    database_url: str = "sqlite:///koi.db"
    # Connections that one process keeps for reading (SQLite) or for everything (PostgreSQL).
    database_pool_size: int = 10
    # How long a request waits for a connection.
    database_wait_s: float = 10.0
    # Signs bearer tokens; at least 32 characters. Production refuses the default.
    secret: str = DEVELOPMENT_SECRET
    # Production hides GraphiQL, introspection and suggestions, writes logs as JSON, wants a secret.
    production: bool = False
    # The largest request that is read.
    request_max_bytes: int = 1_000_000
    # How long an unfinished request keeps its idempotency key to itself.
    idempotency_lease_s: int = 30
    # How long units are kept for an order that is about to be placed.
    reservation_hold_s: int = 90
    # The most units of one variant in one order.
    order_line_quantity_max: int = 9_999
    # The most lines of one order.
    order_lines_max: int = 200
    # `Availability.quantityAtMost` never says more than this.
    availability_quantity_max: int = 10
    # A folder that is served at /media, or none.
    media_folder: str = ""
    # Channels that are made if they are missing; the first made is the default one.
    channels: tuple[ChannelSettings, ...] = (
        ChannelSettings(code="main", name="Main", currencies=("EUR",), locales=("en",)),
    )
    # Catalogues of the demo shop, in this order.
    seeds: tuple[SeedSettings, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a secret that is too short to sign with (RFC 7518, section 3.2: 256 bits)."""
        if len(self.secret) < 32:
            raise ValueError("secret: at least 32 characters; `openssl rand -hex 32` makes one")
        if self.production and self.secret == DEVELOPMENT_SECRET:
            raise ValueError("secret: production refuses the built-in one; set KOI_SECRET")


def load(
    file: Path | None = None, environment: Mapping[str, str] = os.environ, **overrides: Any
) -> Settings:
    """Read settings: defaults, then the file, then variables named KOI_…, then `overrides`.

    file: None means `koi.toml` in the working folder if there is one. Paths in a file are relative
    to it. Raises SettingsInvalid.
    """
    found = file if file is not None else Path(FILE)
    given = _from_file(found) if file is not None or found.exists() else {}
    given |= _from_environment(environment) | overrides
    try:
        return msgspec.convert(given, Settings, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsInvalid(f"{found}, KOI_ variables: {error}") from error


def _from_file(file: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{file} cannot be read as TOML: {error}") from error
    if "media_folder" in given:
        given["media_folder"] = str(file.parent / str(given["media_folder"]))
    for seed in given.get("seeds", ()):
        seed["file"] = str(file.parent / str(seed.get("file", "")))
    return given


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the plain settings among the variables: KOI_DATABASE_URL is `database_url`."""
    plain = {name for name in Settings.__struct_fields__ if name not in {"channels", "seeds"}}
    named = {f"KOI_{name.upper()}": name for name in plain}
    return {named[key]: value for key, value in environment.items() if key in named}
