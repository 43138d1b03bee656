"""Issuers and their tokens, seen from outside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from koipond_sdk import PluginSettings
from koipond_sdk.services.web import web_address_problem

Url = Annotated[str, Meta(min_length=8, max_length=200)]
ClientId = Annotated[str, Meta(min_length=1, max_length=200)]


class Issuer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who vouches for people. name: what clients call it; url: as its tokens write it.

    client_ids: of this shop's own clients, the one that redeems codes first. Its secret, if it has
    one, stands in the environment, see `rules.secret_variable`.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    url: Url
    client_ids: Annotated[tuple[ClientId, ...], Meta(min_length=1, max_length=20)]


class OidcSettings(PluginSettings, frozen=True):
    """What staff may tell. issuers: whom the shop believes; whoever they name is let in."""

    issuers: Annotated[tuple[Issuer, ...], Meta(max_length=20)] = ()

    def check(self) -> str | None:
        """Refuse issuers that cannot be asked, or told from each other."""
        for one in self.issuers:
            problem = web_address_problem(one.url)
            if problem is not None or "?" in one.url:
                return f"{one.url} is no issuer: {problem or 'it has a question mark'}"
        for told in ([one.name for one in self.issuers], [one.url for one in self.issuers]):
            if len(set(told)) < len(told):
                return "each issuer has a name and an address of its own"
        return None


class Discovery(Struct, frozen=True, kw_only=True):
    """What an issuer says of itself, of OpenID Connect Discovery 1.0, section 3; the rest is left.

    token_endpoint: an issuer that only gives ID tokens to clients has none.
    """

    issuer: str
    jwks_uri: str
    token_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class KeySet(Struct, frozen=True, kw_only=True):
    """RFC 7517, section 5: keys as the issuer wrote them."""

    keys: tuple[dict[str, Any], ...]


class Published(Struct, frozen=True, kw_only=True):
    """What an issuer published, when it was read, and when it was last tried.

    problem: why the last try gave nothing; what was read before is then kept.
    """

    tried_at: datetime
    read_at: datetime | None = None
    discovery: Discovery | None = None
    keys: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a client sent: a token, or a code with what belongs to it. client_id: who asked."""

    client_id: str
    id_token: str = ""
    nonce: str = ""
    code: str = ""
    code_verifier: str = ""
    redirect_uri: str = ""


class Claims(Struct, frozen=True, kw_only=True):
    """An ID token's payload, of OpenID Connect Core 1.0, sections 2 and 5.1.

    email_verified: some issuers write a text.
    """

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    exp: int | float
    iat: int | float
    nbf: int | float | None = None
    azp: str | None = None
    nonce: str | None = None
    email: str | None = None
    email_verified: bool | str | None = None
    name: str | None = None


class TokenAnswer(Struct, frozen=True, kw_only=True):
    """RFC 6749, sections 5.1 and 5.2: an ID token, or a word for why there is none."""

    id_token: str | None = None
    error: str | None = None
