"""What passwords, codes, tokens and sessions must be: pure."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from koipond.kernel.ids import LoginSessionId
from koipond.login.errors import PasswordInvalid
from koipond.login.types import (
    CodeState,
    LoginSession,
    ProvenPerson,
    PurposeToken,
    RefreshToken,
)
from koipond.member.rules import normalise_contact
from koipond.member.types import Identity, IdentityKind

# NIST SP 800-63B, 3.1.1.2: long enough, not a known one, and no rules about signs.
PASSWORD_MIN, PASSWORD_MAX = 8, 128
_DISTINCT_MIN = 4
# What lists of stolen passwords begin with, among those that are long enough.
_KNOWN = frozenset(
    [
        "00000000",
        "11111111",
        "12341234",
        "12345678",
        "123456789",
        "1234567890",
        "1234qwer",
        "11223344",
        "1q2w3e4r",
        "1qaz2wsx",
        "5201314520",
        "87654321",
        "88888888",
        "987654321",
        "a1234567",
        "a12345678",
        "aa123456",
        "abc12345",
        "abcd1234",
        "admin123",
        "administrator",
        "asdfasdf",
        "asdfghjkl",
        "baseball",
        "changeme",
        "computer",
        "football",
        "iloveyou",
        "letmein1",
        "liverpool",
        "p@ssw0rd",
        "passw0rd",
        "password",
        "password1",
        "password12",
        "password123",
        "princess",
        "q1w2e3r4",
        "qazwsxedc",
        "qwer1234",
        "qwerty12",
        "qwerty123",
        "qwertyui",
        "qwertyuiop",
        "starwars",
        "sunshine",
        "superman",
        "trustno1",
        "welcome1",
        "woaini520",
        "woaini1314",
        "zxcvbnm1",
        "zxcvbnm123",
    ]
)
CODE_DIGITS = 6
CODE_ATTEMPTS_MAX = 5
CODE_HOLDS = timedelta(minutes=10)
TOKEN_HOLDS = timedelta(hours=1)
# Passwords that may be tried for one address within this time, over all processes.
ATTEMPTS_WINDOW = timedelta(minutes=15)
# A client that lost the answer asks again with the token that it still has. Longer would give a
# thief time; shorter loses people whose phone changed the network (RFC 9700, section 4.14.2).
LOST_ANSWER = timedelta(seconds=10)
_SEALED = 32


def check_password(password: str, *, known_by: str = "") -> None:
    """Raise PasswordInvalid for a password that is too easily guessed.

    known_by: the address of the account, which is no password.
    """
    told = password.casefold()
    name = known_by.partition("@")[0].casefold()
    problems = {
        f"it has {len(password)} characters, {PASSWORD_MIN} are the least": (
            len(password) < PASSWORD_MIN
        ),
        f"it has {len(password)} characters, {PASSWORD_MAX} are the most": (
            len(password) > PASSWORD_MAX
        ),
        "it is one of those that are tried first": told in _KNOWN,
        "it repeats a few characters": len(set(password)) < _DISTINCT_MIN,
        "it is the address itself": bool(name) and told in {name, known_by.casefold()},
    }
    reason = next((words for words, is_so in problems.items() if is_so), None)
    if reason is not None:
        raise PasswordInvalid(reason=reason).located("password")


def attempts_key(known: Identity) -> str:
    """Return under which key tries for an address are counted; the address cannot be read off."""
    return hashlib.sha256(f"{known.kind}:{known.value}".encode()).hexdigest()


def hash_cart_token(token: str | None) -> str:
    """Return what an event may tell of a cart's token; "" for none. Carts are found by the same."""
    return "" if not token else hashlib.sha256(token.encode()).hexdigest()


def _seal(secret: str, what: str, *parts: bytes) -> bytes:
    told = b"\0".join([what.encode(), *(str(len(one)).encode() + b":" + one for one in parts)])
    return hmac.digest(secret.encode(), told, "sha256")


def make_code(secret: str, code_id: UUID) -> str:
    """Return the digits of a code."""
    number = int.from_bytes(_seal(secret, "login code", code_id.bytes), "big")
    return str(number % 10**CODE_DIGITS).zfill(CODE_DIGITS)


def code_fits(told: str, code_id: UUID, *secrets: str) -> bool:
    """Tell whether digits are those of a code."""
    given = told.strip().encode()
    return any(
        hmac.compare_digest(given, make_code(one, code_id).encode()) for one in secrets if one
    )


def code_holds(code: CodeState, *, now: datetime) -> bool:
    """Tell whether a code may still be tried."""
    return code.used_at is None and now < code.expires_at and code.attempts < CODE_ATTEMPTS_MAX


def make_registration(secret: str, code_id: UUID) -> str:
    """Return what only who registered has: without it a code does not set their password."""
    return _text(_seal(secret, "registration", code_id.bytes))


def registration_fits(told: str, code_id: UUID, *secrets: str) -> bool:
    """Tell whether this is what who registered was given."""
    given = told.encode()
    return any(
        hmac.compare_digest(given, make_registration(one, code_id).encode())
        for one in secrets
        if one
    )


def make_token(secret: str, token: PurposeToken) -> str:
    """Return a token as it is sent: its row's id, sealed with all that it is good for."""
    return _text(token.id.bytes + _token_seal(secret, token))


def read_token_id(told: str) -> UUID | None:
    """Return of which row a token says to be; None for what is no token."""
    raw = _bytes(told)
    return UUID(bytes=raw[:16]) if raw is not None and len(raw) == 16 + _SEALED else None


def token_fits(told: str, token: PurposeToken, *secrets: str) -> bool:
    """Tell whether a token was made for this row, with its purpose, account and address."""
    raw = _bytes(told) or b""
    return any(hmac.compare_digest(raw[16:], _token_seal(one, token)) for one in secrets if one)


def _token_seal(secret: str, token: PurposeToken) -> bytes:
    return _seal(
        secret,
        f"token {token.purpose}",
        token.id.bytes,
        token.principal.kind.encode(),
        token.principal.id.bytes,
        token.to.kind.encode(),
        token.to.value.encode(),
    )


def make_refresh_token(secret: str, session: LoginSession) -> str:
    """Return the refresh token of a session's present generation: the same each time."""
    generation = session.generation.to_bytes(4, "big")
    return _text(session.id.bytes + generation + _refresh_seal(secret, session, generation))


def read_refresh_token(told: str) -> RefreshToken | None:
    """Return what a refresh token says; None for what is none."""
    raw = _bytes(told)
    if raw is None or len(raw) != 20 + _SEALED:
        return None
    return RefreshToken(
        session_id=LoginSessionId(UUID(bytes=raw[:16])),
        generation=int.from_bytes(raw[16:20], "big"),
        proof=raw[20:],
    )


def is_of(token: RefreshToken, session: LoginSession, *secrets: str) -> bool:
    """Tell whether a session gave this token, now or earlier."""
    generation = token.generation.to_bytes(4, "big")
    seals = [_refresh_seal(one, session, generation) for one in secrets if one]
    was_given = token.generation <= session.generation
    return any(hmac.compare_digest(token.proof, one) for one in seals) and was_given


def is_repeated(token: RefreshToken, session: LoginSession, *, now: datetime) -> bool:
    """Tell whether who holds the token before the present one has just not heard the answer.

    They get the very token again that they did not hear of, so that there is one family still.
    """
    is_before = token.generation == session.generation - 1
    return is_before and timedelta() <= now - session.used_at <= LOST_ANSWER


def _refresh_seal(secret: str, session: LoginSession, generation: bytes) -> bytes:
    return _seal(secret, "refresh", session.id.bytes, session.seed.encode(), generation)


def proven_by(person: ProvenPerson) -> list[tuple[IdentityKind, str]]:
    """Return what a login provider vouches for, the strongest first. Raises ContactInvalid."""
    if person.email is None and person.phone is None:
        return list(person.identities)
    contact = normalise_contact(name="", email=person.email, phone=person.phone)
    return [*person.identities, *contact.identities]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(told: str) -> bytes | None:
    try:
        raw = base64.b64decode(told + "=" * (-len(told) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # One writing of one token: the spare bits of the last character are none.
    return raw if _text(raw) == told else None
