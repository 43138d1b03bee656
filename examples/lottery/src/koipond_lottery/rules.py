"""What is drawn, who may enter, and what of it can be checked."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from koipond_lottery.errors import (
    LotteryEnteredLast,
    LotteryEnteredToday,
    LotteryInvalid,
    LotteryNothingToDeliver,
    LotteryNotOpen,
)
from koipond_lottery.types import (
    Drawn,
    Entry,
    EntryState,
    Lottery,
    LotteryDraft,
    LotteryId,
    Prize,
    PrizeDraft,
)
from koipond_sdk import MemberId, encode

PPM = 1_000_000
PRIZES_MAX = 20
UNITS_MAX = 1_000_000
NAME_MAX = 120
LASTS_MAX = timedelta(days=366)

WON = frozenset({EntryState.GIVEN, EntryState.DELIVERED})
ENTRY_MOVES: Mapping[EntryState, frozenset[EntryState]] = {
    EntryState.NOTHING: frozenset(),
    EntryState.SOLD_OUT: frozenset(),
    EntryState.GIVEN: frozenset({EntryState.DELIVERED}),
    EntryState.DELIVERED: frozenset(),
}

# The largest multiple of a million that 8 bytes hold: the remainders of what is below are equally
# frequent, those of all that 8 bytes hold are not.
_FAIR_BELOW = 2**64 - 2**64 % PPM


def check_draft(draft: LotteryDraft) -> None:
    """Raise LotteryInvalid for a lottery that cannot be made."""
    for reason, field in _find_problems(draft):
        raise LotteryInvalid(reason=reason).located(field)


def _find_problems(draft: LotteryDraft) -> Iterator[tuple[str, str]]:
    if not 1 <= len(draft.name.strip()) <= NAME_MAX:
        yield f"its name has 1 to {NAME_MAX} characters", "name"
    if not timedelta(0) < draft.ends_at - draft.starts_at <= LASTS_MAX:
        yield f"it ends after it starts, and lasts at most {LASTS_MAX.days} days", "endsAt"
    if not 1 <= len(draft.prizes) <= PRIZES_MAX:
        yield f"it has 1 to {PRIZES_MAX} prizes", "prizes"
    for position, prize in enumerate(draft.prizes):
        for reason, field in _find_problems_of(prize):
            yield reason, f"prizes.{position}.{field}"
    odds = sum(prize.odds_ppm for prize in draft.prizes)
    if odds > PPM:
        yield f"the odds of its prizes sum to {odds} of at most {PPM} ppm", "prizes"


def _find_problems_of(prize: PrizeDraft) -> Iterator[tuple[str, str]]:
    if not 1 <= len(prize.name.strip()) <= NAME_MAX:
        yield f"a prize's name has 1 to {NAME_MAX} characters", "name"
    if not 1 <= prize.units <= UNITS_MAX:
        yield f"of a prize there are 1 to {UNITS_MAX} units", "units"
    if not 1 <= prize.odds_ppm <= PPM:
        yield f"the odds of a prize are 1 to {PPM} ppm", "oddsPpm"
    if not 1 <= prize.reward_amount <= UNITS_MAX:
        yield f"a reward is an amount of 1 to {UNITS_MAX}", "rewardAmount"


def check_open(lottery: Lottery, now: datetime) -> None:
    """Raise LotteryNotOpen unless it takes entries `now`."""
    if not lottery.starts_at <= now < lottery.ends_at:
        raise LotteryNotOpen(starts_at=lottery.starts_at, ends_at=lottery.ends_at)


def is_over(lottery: Lottery, now: datetime) -> bool:
    """Tell whether its seed and all draws are published."""
    return now >= lottery.ends_at


def day_of(lottery: Lottery, at: datetime) -> date:
    """Return the date where the lottery's days begin."""
    return at.astimezone(ZoneInfo(lottery.time_zone)).date()


def number_of(lottery: Lottery, at: datetime) -> int:
    """Return which day of the lottery it is, 1 being the one on which it starts."""
    return (day_of(lottery, at) - day_of(lottery, lottery.starts_at)).days + 1


def find_next(lottery: Lottery, at: datetime) -> datetime | None:
    """Return when the day after begins; None: the lottery is over by then.

    Where clocks go forward at midnight that is the first instant behind the gap.
    """
    tomorrow = day_of(lottery, at) + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time(), ZoneInfo(lottery.time_zone)).astimezone(UTC)
    return midnight if midnight < lottery.ends_at else None


def refuse_second(lottery: Lottery, at: datetime) -> LotteryEnteredToday | LotteryEnteredLast:
    """Return what somebody is told who enters again on one day."""
    next_at = find_next(lottery, at)
    if next_at is None:
        return LotteryEnteredLast(ends_at=lottery.ends_at)
    return LotteryEnteredToday(next_at=next_at)


def commit_to(seed: str) -> str:
    """Return what is published of a seed before it is: the SHA-256 of its bytes."""
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def entrant_of(seed: str, lottery_id: LotteryId, member_id: MemberId) -> str:
    """Return who a member is in a draw: nobody knows them by it who does not know seed and id."""
    told = f"{encode(LotteryId, lottery_id)}:{encode(MemberId, member_id)}"
    return _sign(seed, told).hex()


def roll(seed: str, lottery_id: LotteryId, entrant: str, number: int) -> int:
    """Return 0 to 999,999, each as likely; anybody who knows the seed finds the same."""
    told = f"{encode(LotteryId, lottery_id)}:{entrant}:{number}"
    attempt = 0
    while (found := int.from_bytes(_sign(seed, f"{told}:{attempt}")[:8])) >= _FAIR_BELOW:
        attempt += 1
    return found % PPM


def _sign(seed: str, told: str) -> bytes:
    return hmac.digest(bytes.fromhex(seed), told.encode(), "sha256")


def pick(rolled: int, prizes: Sequence[Prize]) -> Prize | None:
    """Return what a roll wins: the first prize its first `odds_ppm` numbers, the next the next."""
    reached = 0
    for prize in prizes:
        reached += prize.odds_ppm
        if rolled < reached:
            return prize
    return None


def draw(lottery: Lottery, entrant: str, number: int) -> Drawn:
    """Return what an entry draws. It follows from the seed alone, not from who else entered."""
    rolled = roll(lottery.seed, lottery.id, entrant, number)
    return Drawn(roll=rolled, prize=pick(rolled, lottery.prizes))


def state_of(prize: Prize | None, *, taken: bool) -> EntryState:
    """Return what becomes of an entry. taken: a unit of the prize was left for it."""
    if prize is None:
        return EntryState.NOTHING
    if not taken:
        return EntryState.SOLD_OUT
    return EntryState.DELIVERED if prize.reward_kind else EntryState.GIVEN


def check_delivery(entry: Entry) -> None:
    """Raise LotteryNothingToDeliver unless it waits for staff."""
    if EntryState.DELIVERED not in ENTRY_MOVES[entry.state]:
        raise LotteryNothingToDeliver(state=entry.state)


def find_wrong(lottery: Lottery, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that did not draw what follows from the seed, or got less."""
    return [entry for entry in entries if not _is_right(lottery, entry)]


def _is_right(lottery: Lottery, entry: Entry) -> bool:
    due = draw(lottery, entry.entrant, entry.number)
    sold_out = due.prize is not None and due.prize.given == due.prize.units
    return (
        (entry.roll, entry.prize_id) == (due.roll, due.prize.id if due.prize else None)
        and (entry.state is EntryState.NOTHING) == (due.prize is None)
        and (entry.state is not EntryState.SOLD_OUT or sold_out)
    )
