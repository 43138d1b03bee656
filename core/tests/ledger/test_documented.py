"""docs/ledger.md shows what runs."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from core.tests.ledger.book import Book

from koipond.kernel.ids import MemberId, new_id
from koipond.ledger.types import AccountKey, Balance, Expiring
from koipond_sdk.services import ledger

TEXT = (Path(__file__).parents[3] / "docs" / "ledger.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def run_blocks() -> dict[str, Any]:
    made: dict[str, Any] = {"__name__": "documented"}
    for block in BLOCKS:
        exec(compile(block, "docs/ledger.md", "exec", dont_inherit=True), made)
    return made


async def test_what_is_shown_books_what_it_says(book: Book) -> None:
    shown, lin = run_blocks(), MemberId(new_id())
    balance = await shown["sell_for_stamps"](book.ctx, lin, date(2026, 11, 22))
    expiring = (Expiring(expires_on=date(2026, 12, 31), units=6),)
    assert balance == Balance(available=6, expiring=expiring)
    # Midnight in Shanghai is 16:00 in UTC.
    for at, left in ((datetime(2026, 12, 31, 15, 59), 6), (datetime(2026, 12, 31, 16), 0)):
        book.clock.set(at.replace(tzinfo=UTC))
        await shown["expire_stamps"](book.ctx, shown["ExpireStamps"]())
        assert (await book.stands(AccountKey.of_member(lin, "stamps")))[0] == left


def test_every_verb_is_told() -> None:
    verbs = {name for name in ledger.__all__ if name.islower()}
    told = set(re.findall(r"`(\w+)`", TEXT)) | set(re.findall(r"ledger\.(\w+)", TEXT))
    assert verbs - told == set()
