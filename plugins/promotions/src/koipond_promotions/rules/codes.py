"""Coupon codes: how they are written, read and made."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid5

from koipond_promotions.errors import CouponCodeInvalid, CouponExpiryPast
from koipond_promotions.types import CODE_MAX, CouponId

CODE_MIN = 4
# Nothing that people take for something else: no I, L, O, U.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# 60 bits: of ten thousand codes one is found by a hundred million million tries.
RANDOM_LENGTH = 12
PREFIX_MAX = 20
_CODE = re.compile(rf"[0-9A-Z_-]{{{CODE_MIN},{CODE_MAX}}}")
_COUPONS = UUID("5e6f0d3e-3d5c-5d0b-8f2a-6a1c3f1f7c21")


def read_code(text: str) -> str | None:
    """Return a code as it is kept, however it was typed; None for what cannot be one."""
    if len(text) > 4 * CODE_MAX:
        return None
    # Full-width letters are what a Chinese keyboard makes of a code.
    made = unicodedata.normalize("NFKC", text).strip().upper()
    return made if _CODE.fullmatch(made) else None


def check_code(text: str) -> str:
    """Return a code as it is kept. Raises CouponCodeInvalid."""
    made = read_code(text)
    if made is None:
        raise CouponCodeInvalid(coupon=text, minimum=CODE_MIN, maximum=CODE_MAX).located("code")
    return made


def check_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    """Return when a code expires, in UTC. Raises CouponExpiryPast."""
    if expires_at is None:
        return None
    if expires_at <= now:
        raise CouponExpiryPast(expires_at=expires_at.astimezone(UTC), now=now).located("expiresAt")
    return expires_at.astimezone(UTC)


def check_prefix(text: str) -> str:
    """Return with what generated codes begin, "" or a few letters. Raises CouponCodeInvalid."""
    made = text.strip().upper()
    if made and (len(made) > PREFIX_MAX or read_code(made + "0000") is None):
        raise CouponCodeInvalid(coupon=text, minimum=0, maximum=PREFIX_MAX).located("prefix")
    return made


def make_code(prefix: str, draw: Callable[[int], int]) -> str:
    """Return a code that nobody can guess. draw: a random number below its argument."""
    return prefix + "".join(ALPHABET[draw(len(ALPHABET))] for _ in range(RANDOM_LENGTH))


def coupon_of(code: str) -> CouponId:
    """Return the id of the coupon that has a code, as it is kept."""
    return CouponId(uuid5(_COUPONS, code))
