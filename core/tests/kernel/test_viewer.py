import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from koipond.kernel.ids import MemberId
from koipond.kernel.viewer import (
    GUEST,
    MEMBERS_ONLY,
    PermissionMissing,
    TokenInvalid,
    Viewer,
    ViewerKind,
    check,
    sign,
)

SECRET = "a secret of at least thirty-two characters"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MEMBER = Viewer(kind=ViewerKind.MEMBER, id=uuid4())
STAFF = Viewer(kind=ViewerKind.STAFF, id=uuid4(), permissions=frozenset({"stock.write"}))


def token(viewer: Viewer = STAFF) -> str:
    return sign(viewer, secret=SECRET, now=NOW, lifetime=HOUR)


def accept(given: str, *, now: datetime = NOW) -> Viewer:
    return check(given, secret=SECRET, now=now)


def claims(**changed: object) -> dict[str, object]:
    return {
        "iss": "koipond",
        "aud": "koipond",
        "sub": str(STAFF.id),
        "kind": "staff",
        "permissions": ["*"],
        "exp": int((NOW + HOUR).timestamp()),
    } | changed


def signed(given: dict[str, object], secret: str = SECRET) -> str:
    header = json.loads(base64.urlsafe_b64decode(token().partition(".")[0] + "=="))
    return jwt.encode(header, given, OctKey.import_key(secret))


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def test_a_signed_token_says_who_and_not_what_they_may_do() -> None:
    for found in (accept(token()), accept(signed(claims(permissions=["*"])))):
        assert (found.kind, found.id) == (ViewerKind.STAFF, STAFF.id)
        assert found.permissions == frozenset()
        assert found.expires_at == NOW + HOUR


def test_only_a_member_has_a_member_id() -> None:
    assert MEMBER.id is not None
    assert accept(token(MEMBER)).member_id == MemberId(MEMBER.id)
    assert accept(token(STAFF)).member_id is None
    assert GUEST.member_id is None


def test_a_viewer_may_what_its_permissions_name() -> None:
    assert STAFF.may("stock.write")
    assert not STAFF.may("catalog.write")
    assert Viewer(kind=ViewerKind.STAFF, permissions=frozenset({"*"})).may("catalog.write")
    assert not GUEST.may("stock.write")


def test_a_permission_is_held_where_it_is_not_limited() -> None:
    clerk = Viewer(
        kind=ViewerKind.STAFF,
        permissions=frozenset({"order.read", "order.write", "tax.read"}),
        limited={"order.write": frozenset({"cn", "eu"}), "tax.read": frozenset()},
    )
    assert clerk.channels_for("order.read") is None
    assert clerk.channels_for("order.write") == {"cn", "eu"}
    assert clerk.channels_for("tax.read") == clerk.channels_for("stock.write") == frozenset()
    assert [clerk.may_in("order.write", channel) for channel in ("cn", "us")] == [True, False]
    everything = Viewer(
        kind=ViewerKind.STAFF,
        permissions=frozenset({"*", "order.read", "order.write"}),
        limited={"*": frozenset({"cn"}), "order.write": frozenset({"eu"})},
    )
    assert everything.channels_for("order.write") == {"cn", "eu"}
    assert everything.channels_for("tax.read") == {"cn"}
    assert everything.channels_for("order.read") is None


def test_a_token_ends_with_its_hour() -> None:
    assert accept(token(), now=NOW + HOUR - timedelta(seconds=1)).id == STAFF.id
    with pytest.raises(TokenInvalid, match="it expired at 2026-01-01T01:00:00"):
        accept(token(), now=NOW + HOUR)


def test_a_token_of_another_secret_is_refused() -> None:
    with pytest.raises(TokenInvalid, match="not signed by this shop"):
        check(token(), secret=SECRET[::-1], now=NOW)


def test_a_token_without_a_signature_is_refused() -> None:
    header, body, _ = token().split(".")
    for unsigned in (
        f"{encoded({'alg': 'none'})}.{body}.",
        f"{encoded({'alg': 'None', 'typ': 'JWT'})}.{body}.",
        f"{header}.{body}.",
        f"{header}.{body}",
    ):
        with pytest.raises(TokenInvalid):
            accept(unsigned)


def test_a_token_with_other_claims_than_were_signed_is_refused() -> None:
    header, _, signature = token().split(".")
    forged = encoded(claims(permissions=["*"]))
    with pytest.raises(TokenInvalid, match="not signed by this shop"):
        accept(f"{header}.{forged}.{signature}")


def test_another_algorithm_is_refused() -> None:
    key = OctKey.import_key(SECRET)
    stronger = jwt.encode({"alg": "HS512"}, claims(), key, algorithms=["HS512"])
    with pytest.raises(TokenInvalid):
        accept(stronger)


@pytest.mark.parametrize(
    "changed",
    [
        *({"aud": "another"}, {"aud": None}, {"kind": "guest"}, {"kind": "root"}, {"kind": 1}),
        *({"sub": "1"}, {"sub": None}, {"exp": "soon"}, {"exp": None}, {"exp": 10**30}),
        *({"kind": "service"},),
    ],
)
def test_signed_claims_that_mean_no_viewer_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(TokenInvalid):
        accept(signed(claims(**changed)))


@pytest.mark.parametrize("given", ["", ".", "..", "a.b.c", "é.é.é", "\0", "x" * 100_000])
def test_what_is_no_token_is_refused(given: str) -> None:
    with pytest.raises(TokenInvalid):
        accept(given)


def test_a_missing_permission_is_told_with_what_to_send() -> None:
    assert "a role that has it" in str(PermissionMissing(permission="stock.write"))
    told = str(PermissionMissing(permission=MEMBERS_ONLY))
    assert told == "This is for members. Log in as a member (Authorization: Bearer …)."
