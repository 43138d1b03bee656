"""What is sent to WeChat, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from koipond_sdk.hooks import IdentityKind, ProvenPerson
from koipond_wechat.errors import AccessRefused, WeChatRefused
from koipond_wechat.types import Access, AccessAnswer, PhoneAnswer, Session, Wanted, WeChatSettings

# What an answer's errcode means for whoever logs in.
PROBLEMS: Mapping[int, str] = {
    -1: "WeChat is busy; try again in a moment",
    40029: "the code is wrong or too old; get a new one",
    40163: "the code was used before; get a new one",
    45011: "there were too many logins; try again in a minute",
    40226: "WeChat stops this login because the account is at risk; log in another way",
}
# The shop's own fault: a wrong id or secret, an address that is not on the account's list.
_MISCONFIGURED = frozenset({40002, 40013, 40125, 40164, 41002, 41004, 48001, 50002})
_ACCESS_REFUSED = frozenset({40001, 40014, 42001})
# WeChat renews a token five minutes before its end, and both hold for that while.
_EARLIER = timedelta(seconds=60)
# Of texts that clients send; WeChat's codes have 32 to 64 characters.
_CODE = re.compile(r"[\w.~-]{1,256}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{3,14}")


def read_wanted(settings: WeChatSettings, data: Mapping[str, str]) -> Wanted:
    """Return what a mini program sent. Raises WeChatRefused."""
    app_id = data.get("appid", "")
    if not app_id and len(settings.app_ids) == 1:
        app_id = settings.app_ids[0]
    if app_id not in settings.app_ids:
        known = ", ".join(settings.app_ids) or "none"
        raise WeChatRefused(f"`appid` must be one of this shop's: {known}")
    code, phone_code = data.get("code", ""), data.get("phone_code", "")
    if not _CODE.fullmatch(code):
        raise WeChatRefused("`code` must be what `wx.login` gave")
    if phone_code and not _CODE.fullmatch(phone_code):
        raise WeChatRefused("`phone_code` must be what the button `getPhoneNumber` gave")
    return Wanted(app_id=app_id, code=code, phone_code=phone_code)


def secret_variable(app_id: str) -> str:
    """Name the environment variable with a mini program's secret."""
    return f"WECHAT_SECRET_{app_id.upper()}"


def check(errcode: int) -> None:
    """Raise WeChatRefused, or AccessRefused, unless all went well."""
    if errcode == 0:
        return
    if errcode in _ACCESS_REFUSED:
        raise AccessRefused("WeChat does not let this shop ask; try again in a minute")
    if errcode in _MISCONFIGURED:
        raise WeChatRefused(f"WeChat does not know this shop ({errcode}); tell the shop")
    raise WeChatRefused(PROBLEMS.get(errcode, f"WeChat refuses it ({errcode}); try again"))


def access_of(answer: AccessAnswer, now: datetime) -> Access:
    """Return a token, and until when it is gone by. Raises WeChatRefused."""
    check(answer.errcode)
    if not answer.access_token:
        raise WeChatRefused(PROBLEMS[-1])
    lasts = timedelta(seconds=min(answer.expires_in, 7_200)) - _EARLIER
    return Access(token=answer.access_token, good_until=now + lasts)


def phone_of(answer: PhoneAnswer, app_id: str) -> str:
    """Return a phone number as the world dials it. Raises WeChatRefused, AccessRefused."""
    check(answer.errcode)
    found = answer.phone_info
    if found is None or found.watermark.appid != app_id:
        raise WeChatRefused("the phone number is not of this mini program; get a new code for it")
    country, number = str(found.country_code).lstrip("+"), found.pure_phone_number
    if not country.isdecimal() or not _NUMBER.fullmatch(number):
        raise WeChatRefused("WeChat tells no phone number that can be dialled")
    return f"+{country}{number}"


def person_of(session: Session, app_id: str, phone: str | None) -> ProvenPerson:
    """Return whom WeChat vouches for, the strongest first. Raises WeChatRefused.

    unionid: the same in all programs of one company, where it has joined them.
    """
    check(session.errcode)
    if not session.openid:
        raise WeChatRefused(PROBLEMS[-1])
    own = (IdentityKind(f"openid:{app_id}"), session.openid)
    if session.unionid:
        return ProvenPerson(
            identities=((IdentityKind("unionid"), session.unionid), own), phone=phone
        )
    return ProvenPerson(identities=(own,), phone=phone)
