"""Which tokens are believed, and which keys may have signed them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlsplit

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from koipond_oidc.errors import KeyUnknown, TokenUnsound
from koipond_oidc.types import Claims, Discovery, Issuer, Published, Wanted
from koipond_sdk.hooks import IdentityKind, ProvenPerson

# Clocks differ.
LEEWAY = timedelta(seconds=60)
# A client logs in as soon as it has its token; an older one was lying around.
AGE_MAX = timedelta(minutes=10)
KEYS_GOOD_FOR = timedelta(hours=1)
# While the issuer cannot be asked; a key that it took back for a reason is not believed for ever.
KEYS_HELD_FOR = timedelta(days=1)
# For a key that is not among those that were read, they are read again at most so often.
KEYS_AGAIN_AFTER = timedelta(minutes=1)
# After a failure, whoever comes next is not made to wait for the next failure.
TRY_AGAIN_AFTER = timedelta(seconds=5)
TOKEN_MAX = 16_384
KEYS_MAX = 100
_RSA_BITS_MIN, _RSA_BITS_MAX = 2_048, 8_200

# {alg: what a key that signs so says of itself}. Never `none`, and none that a secret checks.
_ALGORITHMS: Mapping[str, Mapping[str, str]] = {
    "RS256": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}
_KINDS: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def find_issuer(issuers: Sequence[Issuer], data: Mapping[str, str]) -> Issuer:
    """Return whom the client asked; it need not say so where there is one. Raises TokenUnsound."""
    name = data.get("issuer", "")
    if not name and len(issuers) == 1:
        return issuers[0]
    for one in issuers:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in issuers) or "none"
    raise TokenUnsound(f"`issuer` must be one of this shop's: {known}")


def read_wanted(issuer: Issuer, data: Mapping[str, str]) -> Wanted:
    """Return what the client sent, complete. Raises TokenUnsound."""
    client_id = data.get("client_id") or issuer.client_ids[0]
    if client_id not in issuer.client_ids:
        raise TokenUnsound("`client_id` is none of this shop's")
    names = ("id_token", "nonce", "code", "code_verifier", "redirect_uri")
    wanted = Wanted(client_id=client_id, **{name: data.get(name, "") for name in names})
    if bool(wanted.id_token) == bool(wanted.code):
        raise TokenUnsound("send `id_token` and `nonce`, or `code` and what belongs to it")
    if wanted.id_token and not wanted.nonce:
        raise TokenUnsound("a token is sent with the `nonce` that it was asked for with")
    if wanted.code and not _VERIFIER.fullmatch(wanted.code_verifier):
        raise TokenUnsound("a code is sent with its `code_verifier` of 43 to 128 characters")
    if wanted.code and not wanted.redirect_uri:
        raise TokenUnsound("a code is sent with the `redirect_uri` that it came to")
    if max(map(len, data.values())) > TOKEN_MAX:
        raise TokenUnsound(f"nothing of it may be longer than {TOKEN_MAX:,} characters")
    return wanted


def is_near(url: str, issuer: Issuer) -> bool:
    """Tell whether an endpoint may be asked: by https, or on the machine of an issuer on it."""
    found, own = urlsplit(url), urlsplit(issuer.url)
    return found.scheme == "https" or found.hostname == own.hostname


def is_fresh(published: Published, now: datetime) -> bool:
    """Tell whether an issuer's keys can be gone by as they were read."""
    tried, read = now - published.tried_at, published.read_at
    return _is_within(tried, TRY_AGAIN_AFTER) or (
        read is not None and _is_within(now - read, KEYS_GOOD_FOR)
    )


def is_usable(published: Published, now: datetime) -> bool:
    """Tell whether there are keys that hold while the issuer does not answer."""
    return published.read_at is not None and _is_within(now - published.read_at, KEYS_HELD_FOR)


def was_tried_lately(published: Published, now: datetime) -> bool:
    """Tell whether an issuer is not asked again for a key that is unknown."""
    return _is_within(now - published.tried_at, KEYS_AGAIN_AFTER)


def _is_within(age: timedelta, most: timedelta) -> bool:
    # A clock that was set back makes what was read too young, not forever fresh.
    return timedelta() <= age < most


def secret_variable(issuer: Issuer) -> str:
    """Name the environment variable with the shop's secret at an issuer.

    It is made of the host, so that whoever may set issuers cannot have a secret sent to another:
    no two hosts have one name, since no label of a host is empty or has an underscore.
    """
    host = urlsplit(issuer.url).netloc.upper()
    return "OIDC_SECRET_" + host.replace("-", "__").replace(".", "_").replace(":", "_")


def token_request(
    wanted: Wanted, discovery: Discovery, secret: str
) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Return the form that redeems a code, and by which name and word, of RFC 6749, section 2.3.1.

    A client without a secret only names itself; PKCE holds the code to it.
    """
    form = {
        "grant_type": "authorization_code",
        "code": wanted.code,
        "redirect_uri": wanted.redirect_uri,
        "code_verifier": wanted.code_verifier,
    }
    if secret and "client_secret_basic" in discovery.token_endpoint_auth_methods_supported:
        return form, (quote_plus(wanted.client_id), quote_plus(secret))
    form["client_id"] = wanted.client_id
    if secret:
        form["client_secret"] = secret
    return form, None


def read_token(token: str, keys: Sequence[Mapping[str, Any]]) -> Claims:
    """Return the claims of a token that one of these keys signed. Raises TokenUnsound."""
    if len(token) > TOKEN_MAX:
        raise TokenUnsound(f"its token is longer than {TOKEN_MAX:,} characters")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, UnicodeError):
        raise TokenUnsound("this is no token") from None
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise TokenUnsound(f"tokens are signed by {', '.join(_ALGORITHMS)}, this one is not")
    key = _import(_find_key(keys, algorithm, header.get("kid")))
    try:
        with warnings.catch_warnings():
            # EdDSA has a new name since RFC 9864; issuers go on to use this one.
            warnings.simplefilter("ignore", SecurityWarning)
            signed = jws.deserialize_compact(token, key, algorithms=[algorithm])
        return msgspec.json.decode(signed.payload, type=Claims)
    except JoseError:
        raise TokenUnsound("the signature is not the issuer's") from None
    except (msgspec.DecodeError, ValueError, UnicodeError):
        raise TokenUnsound("it does not say what an ID token says") from None


def token_problem(error: str | None) -> str:
    """Say what it means that a code gave no token, of RFC 6749, section 5.2."""
    if error == "invalid_grant":
        return "the code was used, is too old, or belongs to another login"
    if error in {"invalid_client", "unauthorized_client"}:
        return "the issuer does not know this shop by its client or secret; tell the shop"
    return "the issuer gives no ID token for this code"


def _find_key(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: object) -> Mapping[str, Any]:
    fitting = [one for one in keys if _fits(one, algorithm)]
    named = [one for one in fitting if kid is None or one.get("kid") == kid]
    if kid is None and len(named) > 1:
        raise TokenUnsound("it does not say which of the issuer's keys signed it")
    if not named:
        raise KeyUnknown("the issuer has no such key")
    return named[0]


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    wanted = _ALGORITHMS[algorithm]
    is_of_kind = all(key.get(name) == value for name, value in wanted.items())
    return is_of_kind and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm


def _import(key: Mapping[str, Any]) -> RSAKey | ECKey | OKPKey:
    kind = key["kty"]
    public = {name: key[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in key}
    try:
        # RFC 7518, section 3.3: whoever factors a short one is the issuer. A huge one takes long.
        if kind == "RSA" and not _RSA_BITS_MIN <= len(public["n"]) * 6 <= _RSA_BITS_MAX:
            raise TokenUnsound("the issuer's key is too short, or too long")
        return _KINDS[kind].import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        raise TokenUnsound("the issuer's key cannot be read") from None


def check_claims(claims: Claims, issuer: Issuer, wanted: Wanted, now: datetime) -> None:
    """Raise TokenUnsound unless a token is this issuer's, for this shop, this login and now.

    OpenID Connect Core 1.0, section 3.1.3.7.
    """
    audience = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    own = set(issuer.client_ids)
    if claims.iss != issuer.url:
        raise TokenUnsound("it is another issuer's token")
    if not audience or not own.issuperset(audience):
        raise TokenUnsound("it is a token for somebody else")
    if wanted.code and wanted.client_id not in audience:
        raise TokenUnsound("it is a token for another client than asked for it")
    if claims.azp not in own and (claims.azp is not None or len(audience) > 1):
        raise TokenUnsound("it was given to somebody else")
    if (wanted.nonce or claims.nonce) and wanted.nonce != claims.nonce:
        raise TokenUnsound("its nonce is that of another login")
    if not 1 <= len(claims.sub) <= 255 or not claims.sub.isprintable():
        raise TokenUnsound("it names nobody")
    _check_times(claims, now.timestamp())


def _check_times(claims: Claims, now: float) -> None:
    leeway = LEEWAY.total_seconds()
    if now >= claims.exp + leeway:
        raise TokenUnsound("its time is over")
    if claims.iat > now + leeway or (claims.nbf or 0) > now + leeway:
        raise TokenUnsound("its time has not come; is a clock wrong?")
    if now > claims.iat + AGE_MAX.total_seconds() + leeway:
        raise TokenUnsound("it was made too long ago")


def person_of(claims: Claims, issuer: Issuer) -> ProvenPerson:
    """Return whom a token that was checked names. An address only if the issuer has checked it."""
    is_verified = claims.email_verified in (True, "true")
    name = "".join(one for one in (claims.name or "") if one.isprintable())
    return ProvenPerson(
        identities=((IdentityKind(f"oidc:{issuer.url}"), claims.sub),),
        email=claims.email if is_verified and claims.email else None,
        name=name.strip()[:100],
    )
