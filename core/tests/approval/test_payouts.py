"""The payout of docs/staff.md, a plugin's, waits for a second one of the staff as a refund does."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from core.tests.approval.test_four_eyes import APPROVE, act, somebody
from core.tests.oneid.people import DAY, People
from core.tests.payment.till import Till, codes

from koipond.kernel.ids import MemberId, encode
from koipond.kernel.plugins import Manifest, Plugin
from koipond.ledger import service as ledger
from koipond.ledger.types import AccountKey, Slip
from koipond.settings import FourEyesSettings
from koipond_sdk.testing import running_shop

TEXT = (Path(__file__).parents[3] / "docs" / "staff.md").read_text(encoding="utf-8")
[SOURCE] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
PAY_OUT = """mutation($input: PayoutInput!) { done: payOutMember(input: $input) { paid
  userErrors { code ... on ApprovalPending { approvalId act askedUnits aloneUnits } } } }"""


@pytest.fixture
def shown_plugin(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    """The plugin that the page shows."""
    module = ModuleType("shown_payout.hooks")
    # Where strawberry looks for the names in its types.
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(SOURCE, "docs/staff.md", "exec", dont_inherit=True), vars(module))
    manifest = Manifest(
        name="payout",
        version="1",
        api="0.1",
        table_prefix="payout",
        mutations=("payOutMember",),
        permissions=("payout.write",),
    )
    return Plugin(
        manifest=manifest, package="shown_payout", folder=Path(__file__).parent, hooks=module
    )


async def test_a_payout_above_the_policy_is_held_and_paid_once(
    database_url: str, shown_plugin: Plugin
) -> None:
    policy = FourEyesSettings(act="payout", unit="EUR", above=50_00)
    async with running_shop(database_url, plugins=[shown_plugin], four_eyes=(policy,)) as shop:
        till = Till(shop)
        lin = await People(till).meet("lin@example.org")
        owed = AccountKey.of_member(lin, "EUR")

        async def left() -> int:
            async with shop.context() as ctx:
                return (await ledger.find_balances(ctx, [owed]))[owed].available

        async def pay(cents: int, key: str) -> dict[str, Any]:
            given = {"memberId": encode(MemberId, lin), "cents": cents, "idempotencyKey": key}
            return await act(till, PAY_OUT, **given)

        async with shop.context() as ctx:
            await ledger.earn(ctx, owed, 200_00, Slip(source="test:owed", day=DAY))
        assert (await pay(50_00, "one"))["paid"] == 50_00
        assert await left() == 150_00
        held = await pay(50_01, "two")
        approval = held["userErrors"][0].pop("approvalId")
        assert held == {
            "paid": None,
            "userErrors": [
                {
                    "code": "APPROVAL_PENDING",
                    "act": "payout",
                    "askedUnits": 50_01,
                    "aloneUnits": 50_00,
                }
            ],
        }
        assert await left() == 150_00
        assert codes(await act(till, APPROVE, approvalId=approval)) == ["APPROVAL_BY_SELF"]
        done = await act(till, APPROVE, somebody(), approvalId=approval)
        assert (codes(done), done["approval"]["state"]) == ([], "DONE")
        assert await left() == 99_99
        again = await act(till, APPROVE, somebody(), approvalId=approval)
        assert codes(again) == ["APPROVAL_NOT_PENDING"]
        assert await left() == 99_99
