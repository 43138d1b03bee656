from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from koipond.kernel.retries import DeadlinePassed, backoff, cut_after, describe


def test_waits_double_up_to_an_hour() -> None:
    waits = [backoff(attempts, chance=0).total_seconds() for attempts in range(1, 14)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_chance_shortens_a_wait_by_up_to_a_half(attempts: int, chance: float) -> None:
    whole = backoff(attempts, chance=0)
    assert whole / 2 <= backoff(attempts, chance=chance) <= whole <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abc.def", "Authorization: [hidden] [hidden]"),
        ("{'password': 'two words', 'name': 'Wu'}", "{'password': [hidden], 'name': 'Wu'}"),
        ('{"api_token": "abc"}', '{"api_token": [hidden]}'),
        ("GET /pay?client_secret=abc&amount=5", "GET /pay?client_secret=[hidden]&amount=5"),
        ("postgresql://koi:pond@host/db", "postgresql://koi:[hidden]@host/db"),
        ("signed with our-own-secret-value", "signed with [hidden]"),
        ("out of 12 carp", "out of 12 carp"),
    ],
)
def test_secrets_are_not_kept(text: str, kept: str) -> None:
    described = describe(ValueError(text), secrets=("our-own-secret-value", ""))
    assert described == f"ValueError: {kept}"


def test_of_a_database_error_the_parameters_are_not_kept() -> None:
    error = IntegrityError("INSERT …", {"email": "wu@example.com"}, ValueError("UNIQUE failed"))
    assert describe(error) == "ValueError: UNIQUE failed"


def test_what_is_kept_can_be_stored_anywhere() -> None:
    assert describe(ValueError("a\0b\ud800c")) == "ValueError: a�b?c"
    assert len(describe(ValueError("x" * 10_000))) == 2_000


def test_an_error_that_cannot_speak_is_described_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert describe(Mute()).endswith("Mute: <exception str() failed>")


async def test_a_time_out_of_the_block_itself_is_not_its_deadline() -> None:
    with pytest.raises(TimeoutError, match="the provider's own"):
        async with cut_after(60):
            raise TimeoutError("the provider's own")


async def test_what_takes_too_long_is_cut() -> None:
    import asyncio

    with pytest.raises(DeadlinePassed, match="not done after 0 s"):
        async with cut_after(0):
            await asyncio.sleep(3600)
