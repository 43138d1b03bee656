"""What is drawn, when, and what can be checked: no shop is needed for that."""

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond_lottery import rules
from koipond_lottery.errors import LotteryInvalid, LotteryNotOpen
from koipond_lottery.types import (
    Entry,
    EntryId,
    EntryState,
    Lottery,
    LotteryDraft,
    LotteryId,
    Prize,
    PrizeDraft,
    PrizeId,
)
from koipond_sdk import ChannelId, MemberId, encode

KEY, LIN = LotteryId(UUID(int=1)), MemberId(UUID(int=2))
SEED = "5e" * 32
START = datetime(2030, 1, 1, 12, tzinfo=UTC)
END = START + timedelta(days=30)
README = Path(__file__).parents[1] / "README.md"

seeds = st.binary(min_size=32, max_size=32).map(bytes.hex)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(
    lambda at: at.replace(tzinfo=UTC)
)
# Of each kind one that is odd: Samoa left a day out, elsewhere clocks change at midnight.
zones = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo", "Asia/Gaza"])
odds = st.lists(st.integers(1, 50_000), min_size=1, max_size=20)


def lottery(*odds_ppm: int, given: int = 0, seed: str = SEED, **more: Any) -> Lottery:
    """Make a lottery of a prize for each of the odds, of which there are two units."""
    prizes = tuple(
        Prize(
            id=PrizeId(UUID(int=100 + place)),
            lottery_id=KEY,
            position=place,
            name=f"Prize {place}",
            units=2,
            given=given,
            odds_ppm=one,
            reward_kind="",
            reward_amount=1,
        )
        for place, one in enumerate(odds_ppm)
    )
    told = {"time_zone": "UTC", "starts_at": START, "ends_at": END, **more}
    channel = ChannelId(UUID(int=3))
    return Lottery(id=KEY, channel_id=channel, name="New Year", seed=seed, prizes=prizes, **told)


def entry(drawn_in: Lottery, state: EntryState, **more: Any) -> Entry:
    """Make what Lin drew on the first day."""
    entrant = rules.entrant_of(drawn_in.seed, KEY, LIN)
    drawn = rules.draw(drawn_in, entrant, 1)
    made = {
        "id": EntryId(UUID(int=9)),
        "lottery_id": KEY,
        "member_id": LIN,
        "entrant": entrant,
        "number": 1,
        "roll": drawn.roll,
        "prize_id": drawn.prize.id if drawn.prize else None,
        "state": state,
        "entered_at": START,
        **more,
    }
    return Entry(**made)


def draft(*prizes: PrizeDraft, **more: Any) -> LotteryDraft:
    told = {"name": "New Year", "starts_at": START, "ends_at": END, **more}
    return LotteryDraft(prizes=prizes, **told)


def prize(**more: Any) -> PrizeDraft:
    return PrizeDraft(**{"name": "Tea", "units": 1, "odds_ppm": 1_000_000, **more})


@given(seeds, st.uuids(), st.integers(1, 366))
def test_a_draw_follows_from_seed_lottery_entrant_and_day(
    seed: str, member: UUID, number: int
) -> None:
    entrant = rules.entrant_of(seed, KEY, MemberId(member))
    rolled = rules.roll(seed, KEY, entrant, number)
    assert 0 <= rolled < rules.PPM
    assert rolled == rules.roll(seed, KEY, entrant, number)


def test_a_draw_is_the_one_that_was_published() -> None:
    """Exact: a change of the rule would make every seed that is published a lie."""
    entrant = rules.entrant_of(SEED, KEY, LIN)
    assert [rules.roll(SEED, KEY, entrant, number) for number in (1, 2, 3)] == [
        335_152,
        398_583,
        731_463,
    ]


def test_numbers_that_would_not_be_fair_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """2**64 is no multiple of a million: its last part would favour the low numbers."""
    answers = {"0": b"\xff" * 32, "1": (7_000_003).to_bytes(8) + bytes(24)}
    monkeypatch.setattr(rules, "_sign", lambda _, told: answers[told.rpartition(":")[2]])
    assert rules.roll(SEED, KEY, "somebody", 1) == 3


def test_rolls_are_as_frequent_as_the_odds_say() -> None:
    of_a_tenth = lottery(100_000)
    drawn = [rules.draw(of_a_tenth, f"entrant {one}", 1).prize for one in range(10_000)]
    assert 900 < sum(one is not None for one in drawn) < 1_100


@given(odds)
def test_each_prize_has_as_many_numbers_as_its_odds_say(odds_ppm: list[int]) -> None:
    prizes = lottery(*odds_ppm).prizes
    reached = 0
    for one in prizes:
        first, last = reached, reached + one.odds_ppm - 1
        assert (rules.pick(first, prizes), rules.pick(last, prizes)) == (one, one)
        reached += one.odds_ppm
    assert reached == rules.PPM or rules.pick(reached, prizes) is None
    assert sum(Fraction(one.odds_ppm, rules.PPM) for one in prizes) <= 1


@given(zones, moments, st.timedeltas(timedelta(0), timedelta(days=365)))
def test_the_next_entry_is_possible_when_the_next_day_begins(
    zone: str, start: datetime, later: timedelta
) -> None:
    made = lottery(1, time_zone=zone, starts_at=start, ends_at=start + timedelta(days=400))
    at = start + later
    found = rules.find_next(made, at)
    assert found is not None
    assert found > at
    assert rules.number_of(made, found) > rules.number_of(made, at) >= 1
    just_before = max(at, found - timedelta(microseconds=1))
    assert rules.number_of(made, just_before) == rules.number_of(made, at)


def test_a_day_begins_at_midnight_of_the_shop() -> None:
    made = lottery(1, time_zone="Asia/Shanghai")
    midnight = datetime(2030, 1, 2, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert rules.find_next(made, START) == midnight
    assert rules.number_of(made, midnight - timedelta(microseconds=1)) == 1
    assert rules.number_of(made, midnight) == 2


def test_there_is_no_next_day_behind_the_end() -> None:
    assert rules.find_next(lottery(1), END - timedelta(hours=1)) is None


@pytest.mark.parametrize("at", [START - timedelta(microseconds=1), END])
def test_it_takes_no_entry_before_it_starts_nor_from_its_end_on(at: datetime) -> None:
    with pytest.raises(LotteryNotOpen, match="from 2030-01-01 12:00 UTC until 2030-01-31 12:00"):
        rules.check_open(lottery(1), at)


@pytest.mark.parametrize("at", [START, END - timedelta(microseconds=1)])
def test_it_takes_entries_in_between(at: datetime) -> None:
    rules.check_open(lottery(1), at)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (draft(), "prizes"),
        (draft(prize(), name=" "), "name"),
        (draft(prize(), ends_at=START), "endsAt"),
        (draft(prize(), ends_at=START + timedelta(days=366, seconds=1)), "endsAt"),
        (draft(prize(units=0)), "prizes.0.units"),
        (draft(prize(odds_ppm=1), prize(odds_ppm=0)), "prizes.1.oddsPpm"),
        (draft(prize(), prize(odds_ppm=1)), "prizes"),
        (draft(prize(name="")), "prizes.0.name"),
        (draft(prize(reward_amount=0)), "prizes.0.rewardAmount"),
        (draft(*[prize(odds_ppm=1)] * 21), "prizes"),
    ],
)
def test_a_lottery_that_cannot_be_is_refused(wrong: LotteryDraft, field: str) -> None:
    with pytest.raises(LotteryInvalid) as refused:
        rules.check_draft(wrong)
    assert refused.value.at == field


def test_odds_may_sum_to_certainty() -> None:
    rules.check_draft(draft(prize(odds_ppm=999_999), prize(odds_ppm=1)))


@pytest.mark.parametrize(
    ("odds_ppm", "given", "state", "changed", "is_right"),
    [
        (1_000_000, 1, EntryState.GIVEN, {}, True),
        (1_000_000, 2, EntryState.SOLD_OUT, {}, True),
        (1_000_000, 1, EntryState.SOLD_OUT, {}, False),
        (1_000_000, 1, EntryState.NOTHING, {}, False),
        (1_000_000, 1, EntryState.GIVEN, {"roll": 7}, False),
        (1_000_000, 1, EntryState.GIVEN, {"entrant": "somebody else"}, False),
        (1_000_000, 1, EntryState.GIVEN, {"prize_id": None}, False),
        (1, 0, EntryState.NOTHING, {}, True),
        (1, 1, EntryState.GIVEN, {"prize_id": PrizeId(UUID(int=100))}, False),
    ],
)
def test_an_entry_that_was_changed_is_found(
    odds_ppm: int, given: int, state: EntryState, changed: dict[str, Any], is_right: bool
) -> None:
    drawn_in = lottery(odds_ppm, given=given)
    assert (rules.find_wrong(drawn_in, [entry(drawn_in, state, **changed)]) == []) is is_right


@given(seeds, st.uuids(), st.integers(1, 366), odds)
def test_the_recipe_of_the_readme_finds_what_was_drawn(
    seed: str, member: UUID, number: int, odds_ppm: list[int]
) -> None:
    made = lottery(*odds_ppm, seed=seed)
    outside = encode(LotteryId, KEY), encode(MemberId, MemberId(member))
    entrant = rules.entrant_of(seed, KEY, MemberId(member))
    assert RECIPE["hash_of"](seed) == rules.commit_to(seed)
    assert RECIPE["entrant_of"](seed, *outside) == entrant
    drawn = rules.draw(made, entrant, number)
    assert RECIPE["roll"](seed, outside[0], entrant, number) == drawn.roll
    place = RECIPE["pick"](drawn.roll, odds_ppm)
    assert (None if place is None else made.prizes[place]) == drawn.prize


def read_recipe() -> dict[str, Any]:
    """Run the README's blocks of Python, the assertions that they end with too."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, Any] = {}
    exec("\n".join(blocks), found)
    return found


RECIPE = read_recipe()
