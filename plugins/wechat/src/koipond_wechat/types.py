"""Mini programs, and what WeChat says, seen from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from koipond_sdk import PluginSettings

AppId = Annotated[str, Meta(pattern=r"^wx[0-9a-z]{4,30}$")]


class WeChatSettings(PluginSettings, frozen=True):
    """What staff may tell. app_ids: of the shop's mini programs.

    The secret of each stands in the environment, see `rules.secret_variable`.
    """

    app_ids: Annotated[tuple[AppId, ...], Meta(max_length=20)] = ()

    def check(self) -> str | None:
        """Refuse a mini program that is named twice."""
        if len(set(self.app_ids)) < len(self.app_ids):
            return "each mini program is named once"
        return None


class Wanted(Struct, frozen=True, kw_only=True):
    """What a mini program sent. code: of `wx.login`; phone_code: of the button `getPhoneNumber`."""

    app_id: str
    code: str
    phone_code: str = ""


class Session(Struct, frozen=True, kw_only=True):
    """What `code2session` answers. Its session_key is not read: nothing here needs it."""

    openid: str = ""
    unionid: str = ""
    errcode: int = 0


class AccessAnswer(Struct, frozen=True, kw_only=True):
    """What `stable_token` answers. expires_in: seconds."""

    access_token: str = ""
    expires_in: int = 0
    errcode: int = 0


class Watermark(Struct, frozen=True, kw_only=True):
    """Whose mini program was given a phone number."""

    appid: str


class PhoneInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """A phone number, the country's code apart. It is documented as a text and as a number."""

    pure_phone_number: str
    country_code: str | int
    watermark: Watermark


class PhoneAnswer(Struct, frozen=True, kw_only=True):
    """What `getuserphonenumber` answers."""

    phone_info: PhoneInfo | None = None
    errcode: int = 0


class Access(Struct, frozen=True, kw_only=True):
    """A token for WeChat's interfaces. good_until: it is asked for anew from then on."""

    token: str
    good_until: datetime
