"""The use-case of an OpenID Connect login: ask the issuer, and believe what it signed."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from koipond_oidc import rules
from koipond_oidc.errors import KeyUnknown, TokenUnsound
from koipond_oidc.types import (
    Claims,
    Discovery,
    Issuer,
    KeySet,
    OidcSettings,
    Published,
    TokenAnswer,
    Wanted,
)
from koipond_sdk import Context, settings_of
from koipond_sdk.hooks import LoginProof, ProofRefused, ProvenPerson
from koipond_sdk.services.web import Remembered, WebAnswer, WebUnreachable, ask

T = TypeVar("T")
_PUBLISHED = Remembered[Published]()
# Less than the hook has, so that who is too slow is told so by this plugin.
_TOGETHER_S = 9.0
_DOCUMENT_MAX = 262_144


async def prove(ctx: Context, proof: LoginProof) -> ProvenPerson:
    """Return whom an issuer vouches for. Raises ProofRefused."""
    try:
        async with asyncio.timeout(_TOGETHER_S):
            return await _prove(ctx, proof.data)
    except TokenUnsound as unsound:
        reason = str(unsound)
    except (WebUnreachable, TimeoutError):
        reason = "the issuer does not answer as it should; try again in a minute"
    raise ProofRefused(provider=proof.provider, reason=reason)


async def _prove(ctx: Context, data: Mapping[str, str]) -> ProvenPerson:
    settings = await settings_of(ctx, OidcSettings)
    issuer = rules.find_issuer(settings.issuers, data)
    wanted = rules.read_wanted(issuer, data)
    token = wanted.id_token or await _redeem(ctx, issuer, wanted)
    claims = await _read_token(ctx, issuer, token)
    rules.check_claims(claims, issuer, wanted, ctx.clock.now())
    return rules.person_of(claims, issuer)


async def _read_token(ctx: Context, issuer: Issuer, token: str) -> Claims:
    published = await _find_published(ctx, issuer)
    try:
        return rules.read_token(token, published.keys)
    except KeyUnknown:
        # Issuers change their keys; whoever sends nonsense must not have them asked each time.
        renewed = await _PUBLISHED.find(
            ctx,
            issuer.url,
            partial(_read_published, ctx, issuer),
            is_good=lambda one: rules.was_tried_lately(one, ctx.clock.now()),
        )
        return rules.read_token(token, renewed.keys)


async def _find_published(ctx: Context, issuer: Issuer) -> Published:
    published = await _PUBLISHED.find(
        ctx,
        issuer.url,
        partial(_read_published, ctx, issuer),
        is_good=lambda one: rules.is_fresh(one, ctx.clock.now()),
    )
    if not rules.is_usable(published, ctx.clock.now()):
        raise WebUnreachable(published.problem)
    return published


async def _read_published(ctx: Context, issuer: Issuer, last: Published | None) -> Published:
    """Read what an issuer publishes now; what was read last stays if that fails."""
    now = ctx.clock.now()
    try:
        discovery = await _read_discovery(issuer)
        keys = await _read_keys(discovery.jwks_uri)
    except WebUnreachable as error:
        kept = last or Published(tried_at=now)
        return msgspec.structs.replace(kept, tried_at=now, problem=str(error))
    return Published(tried_at=now, read_at=now, discovery=discovery, keys=keys)


async def _read_discovery(issuer: Issuer) -> Discovery:
    url = f"{issuer.url.rstrip('/')}/.well-known/openid-configuration"
    found = _decode(await ask(url, bytes_max=_DOCUMENT_MAX), Discovery)
    # OpenID Connect Discovery 1.0, section 4.3: or one issuer could speak for another.
    if found.issuer != issuer.url:
        raise WebUnreachable("the issuer calls itself by another name")
    if not all(rules.is_near(one, issuer) for one in (found.jwks_uri, found.token_endpoint or url)):
        raise WebUnreachable("the issuer names an address that is not asked")
    return found


async def _read_keys(url: str) -> tuple[Mapping[str, Any], ...]:
    return _decode(await ask(url, bytes_max=_DOCUMENT_MAX), KeySet).keys[: rules.KEYS_MAX]


async def _redeem(ctx: Context, issuer: Issuer, wanted: Wanted) -> str:
    """Return the ID token that a code is good for, once."""
    published = await _find_published(ctx, issuer)
    assert published.discovery is not None, "it was found"
    endpoint = published.discovery.token_endpoint
    if endpoint is None:
        raise TokenUnsound("this issuer takes no codes")
    secret = os.environ.get(rules.secret_variable(issuer), "")
    form, name = rules.token_request(wanted, published.discovery, secret)
    headers = {"Authorization": f"Basic {_basic(*name)}"} if name else {}
    answer = await ask(endpoint, form=form, headers=headers)
    if answer.status not in {200, 400, 401}:
        raise WebUnreachable(f"status {answer.status}")
    said = _decode(answer, TokenAnswer, statuses=(200, 400, 401))
    if answer.status == 200 and said.id_token:
        return said.id_token
    raise TokenUnsound(rules.token_problem(said.error))


def _basic(name: str, word: str) -> str:
    return base64.b64encode(f"{name}:{word}".encode()).decode()


def _decode(answer: WebAnswer, kind: type[T], *, statuses: Sequence[int] = (200,)) -> T:
    if answer.status not in statuses:
        raise WebUnreachable(f"status {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError):
        raise WebUnreachable("the answer is not what it should be") from None
