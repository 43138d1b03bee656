"""The use-case of a WeChat login: codes of a mini program become who somebody is."""

from __future__ import annotations

import asyncio
import os
from typing import TypeVar

import msgspec

from koipond_sdk import Context, settings_of
from koipond_sdk.hooks import LoginProof, ProofRefused, ProvenPerson
from koipond_sdk.services.web import Remembered, WebAnswer, WebUnreachable, ask
from koipond_wechat import rules
from koipond_wechat.errors import AccessRefused, WeChatRefused
from koipond_wechat.types import (
    Access,
    AccessAnswer,
    PhoneAnswer,
    Session,
    Wanted,
    WeChatSettings,
)

T = TypeVar("T")
_ACCESS = Remembered[Access]()
# Where WeChat is asked, told by whoever runs the shop and not by staff: secrets are sent there.
API_VARIABLE = "WECHAT_API_URL"
_API = "https://api.weixin.qq.com"
# Less than the hook has, so that who is too slow is told so by this plugin.
_TOGETHER_S = 9.0
_ANSWER_MAX = 16_384


async def prove(ctx: Context, proof: LoginProof) -> ProvenPerson:
    """Return whom WeChat vouches for. Raises ProofRefused."""
    try:
        async with asyncio.timeout(_TOGETHER_S):
            return await _prove(ctx, rules.read_wanted(await _settings(ctx), proof.data))
    except WeChatRefused as refused:
        reason = str(refused)
    except (WebUnreachable, TimeoutError):
        reason = "WeChat does not answer as it should; try again in a minute"
    raise ProofRefused(provider=proof.provider, reason=reason)


async def _settings(ctx: Context) -> WeChatSettings:
    return await settings_of(ctx, WeChatSettings)


async def _prove(ctx: Context, wanted: Wanted) -> ProvenPerson:
    secret = os.environ.get(rules.secret_variable(wanted.app_id), "")
    if not secret:
        raise WeChatRefused("the secret of this mini program is not set; tell the shop")
    session = await _find_session(wanted, secret)
    rules.check(session.errcode)
    phone = await _find_phone(ctx, wanted, secret) if wanted.phone_code else None
    return rules.person_of(session, wanted.app_id, phone)


async def _find_session(wanted: Wanted, secret: str) -> Session:
    query = {
        "appid": wanted.app_id,
        "secret": secret,
        "js_code": wanted.code,
        "grant_type": "authorization_code",
    }
    answer = await ask(_url("/sns/jscode2session"), query=query, bytes_max=_ANSWER_MAX)
    return _decode(answer, Session)


async def _find_phone(ctx: Context, wanted: Wanted, secret: str) -> str:
    access = await _find_access(ctx, wanted.app_id, secret)
    try:
        return await _ask_phone(wanted, access)
    except AccessRefused:
        # It holds no more though its time is not over. The code is not spent by that.
        renewed = await _find_access(ctx, wanted.app_id, secret, but=access)
        return await _ask_phone(wanted, renewed)


async def _ask_phone(wanted: Wanted, access: Access) -> str:
    answer = await ask(
        _url("/wxa/business/getuserphonenumber"),
        query={"access_token": access.token},
        document=msgspec.json.encode({"code": wanted.phone_code}),
        bytes_max=_ANSWER_MAX,
    )
    return rules.phone_of(_decode(answer, PhoneAnswer), wanted.app_id)


async def _find_access(
    ctx: Context, app_id: str, secret: str, *, but: Access | None = None
) -> Access:
    """Return an access token that should hold. but: one that WeChat refused."""

    async def renew(last: Access | None) -> Access:
        order = {"grant_type": "client_credential", "appid": app_id, "secret": secret}
        answer = await ask(
            _url("/cgi-bin/stable_token"),
            document=msgspec.json.encode(order),
            bytes_max=_ANSWER_MAX,
        )
        return rules.access_of(_decode(answer, AccessAnswer), ctx.clock.now())

    return await _ACCESS.find(
        ctx,
        app_id,
        renew,
        is_good=lambda kept: kept is not but and ctx.clock.now() < kept.good_until,
    )


def _url(path: str) -> str:
    return os.environ.get(API_VARIABLE, _API).rstrip("/") + path


def _decode(answer: WebAnswer, kind: type[T]) -> T:
    """Read an answer: WeChat refuses with status 200 too, and calls its JSON a text."""
    if answer.status != 200:
        raise WebUnreachable(f"status {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError):
        raise WebUnreachable("the answer is not what it should be") from None
