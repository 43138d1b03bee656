"""Naive builds: the product with one line as somebody might have written it.

A race test that passes on such a build shows nothing. Each differs from the real one in the line
that is named here, and in nothing else.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from msgspec import Struct


class Build(Struct, frozen=True):
    """In `module`, the definition of `name` says `naive` in the place of `real`."""

    module: str
    name: str
    real: str
    naive: str


NAIVE = {
    "a channel is changed without its lock": Build(
        "koipond.channel.service",
        "change_channel",
        "await repository.lock_by_code(ctx.db, code)",
        "pass",
    ),
    "a version is compared with nothing": Build(
        "koipond.kernel.errors",
        "check_version",
        "if expected is not None and expected != current:",
        "if False:",
    ),
    "a buyer is not held against a merge": Build(
        "koipond.member.service.people",
        "add_buyer",
        "return found or ctx.viewer.member_id",
        "return ctx.viewer.member_id",
    ),
    "an account is booked on whoever its heir is": Build(
        "koipond.ledger.service.standing",
        "_follow",
        "if not heirs or seen.booked is not None:",
        "if True:",
    ),
    "an order's units are looked at without its lock": Build(
        "koipond.order.repository.lines",
        "lock_whole",
        "select(order.c.id).where(order.c.id == order_id).with_for_update(key_share=True)",
        "select(order.c.id).where(order.c.id == order_id)",
    ),
    "whether an order can be cancelled is looked at before its lock alone": Build(
        "koipond.order.service.cancelling",
        "_cancel",
        "rules.check_cancellable(order, await fulfilment.find_fulfilments(ctx, order_id))",
        "pass",
    ),
    "edits hold units for the same part": Build(
        "koipond.order.service.editing",
        "_begin",
        "part=max(await repository.find_last_part(ctx.db, order.id) or LATE, LATE) + 1,",
        "part=LATE + 1,",
    ),
    "the desk does not look at what is free": Build(
        "koipond.quota.rules.deciding",
        "_Batch",
        "if pool.free is not None and pool.free < more:",
        "if False:",
    ),
    "quotas are locked one by one in any order": Build(
        "koipond.quota.repository.batch",
        "lock",
        "found = _statements(connection).lock(connection, sorted(set(quota_ids)))",
        "found = [one for key in __import__('random').sample(list(quota_ids), len(set(quota_ids)))"
        " for one in _statements(connection).lock(connection, [key])]",
    ),
    "imports of one file begin side by side": Build(
        "koipond.imports.service.carrying",
        "_begin",
        "await channels.hold_still(ctx, key.telling.channel_id)",
        "pass",
    ),
    "a key is not looked up": Build(
        "koipond.kernel.idempotency",
        "_take",
        "if is_new:",
        "if is_new or True:",
    ),
    "the cart is not read again under its lock": Build(
        "koipond.order.service.placing",
        "_find_fresh",
        "Answered(None) if prepared.cart is None else repository.locking_cart(prepared.cart.id),",
        "Answered(prepared.cart),",
    ),
    "the cart is believed without a look": Build(
        "koipond.order.service.placing",
        "_place_unread",
        "ctx.unsent.expect(repository.locking_cart(shelf.cart.answer.id), shelf.cart)",
        "pass",
    ),
    "prices are believed without a look": Build(
        "koipond.order.service.placing",
        "_place_unread",
        "ctx.unsent.expect(sellables, shelf.sellables)",
        "pass",
    ),
    "editions are believed without a look": Build(
        "koipond.order.service.placing",
        "_place_unread",
        "expect_editions(ctx, prepared.editions)",
        "pass",
    ),
    "a buyer is believed without a look": Build(
        "koipond.order.service.placing",
        "_place_unread",
        "ctx.unsent.expect(buyer, shelf.buyer)",
        "pass",
    ),
    "a key is believed to be this try's": Build(
        "koipond.kernel.idempotency",
        "advance_unread",
        "must=True,",
        "must=False,",
    ),
    "quotas are believed to be as they were seen": Build(
        "koipond.quota.repository.postgresql",
        "_INSERT_IF_STILL",
        "AND CAST(quota.xmin AS text) = seen.stamp",
        "",
    ),
    "what is held is believed without a look": Build(
        "koipond.quota.repository.orders",
        "place_unread",
        'exactly=[{"quota_id": one.quota_id, "quantity": one.quantity} for one in claims],',
        "exactly=None,",
    ),
    "lines of one variant are asked for one by one": Build(
        "koipond.order.rules.claiming",
        "find_demands",
        "before = wanted[line.variant_id].quantity if line.variant_id in wanted else 0",
        "before = 0",
    ),
    "a cart is changed without its lock": Build(
        "koipond.order.repository.orders",
        "find_cart",
        "rows = await db.execute(statement.with_for_update(key_share=True) if lock else statement)",
        "rows = await db.execute(statement)",
    ),
    "each reward is booked by a source of its own": Build(
        "koipond_points.service",
        "give_reward",
        'source=f"points:{reward.source}"',
        'source=f"points:{new_id()}"',
    ),
    "accounts of the ledger are not locked": Build(
        "koipond.ledger.repository.locking",
        "_SEE",
        ".with_for_update(key_share=True, of=ledger_account)",
        "",
    ),
    "what is read beside the lock counts, however old": Build(
        "koipond.ledger.repository.locking",
        "see",
        "if all(is_current for is_current, *_ in beside):",
        "if True:",
    ),
    "what waits for an open order is closed without its lock": Build(
        "koipond.ledger.repository.reading",
        "_LOCK_PENDING",
        """.with_for_update(
        key_share=True, of=pending_transfer
    )""",
        "",
    ),
    "the desk does not look at what a person has": Build(
        "koipond.quota.rules.deciding",
        "_Batch",
        "if others + claim.quantity > pool.limit:",
        "if False:",
    ),
    "rounds of one variant are planned side by side": Build(
        "koipond_flashsale.service",
        "_schedule",
        "await repository.lock_timetable(ctx.db, new.channel_id, new.variant_id)",
        "pass",
    ),
    "messages of one member are admitted side by side": Build(
        "koipond.notify.service.delivering",
        "_admit",
        "await repository.lock_box(ctx.db, await repository.find_member(ctx.db, key))",
        "pass",
    ),
    "a worker goes by its machine's clock": Build(
        "koipond.kernel.worker",
        "Worker",
        "return await self._shop.clock.database_now(self._shop.database)",
        "return self._shop.clock.now()",
    ),
    "what expires last is spent first": Build(
        "koipond.ledger.rules.parts", "draw", "sorted(buckets, key=_day)", "[*buckets][::-1]"
    ),
    "what comes back is always good for the grace": Build(
        "koipond.ledger.rules.parts",
        "plan_restore",
        "alive = bucket if bucket >= day_key(today) else grace",
        "alive = grace",
    ),
    "what comes back in parts comes from the earliest days": Build(
        "koipond.ledger.rules.parts",
        "plan_restore",
        "sorted(burned, reverse=True)",
        "sorted(burned)",
    ),
    "what comes later pays no debt": Build(
        "koipond.ledger.rules.parts", "credit", "paid = min(owed, income[bucket])", "paid = 0"
    ),
    "what is set aside expires": Build(
        "koipond.ledger.rules.parts",
        "find_lapsed",
        "{one.expires_on: one.free for",
        "{one.expires_on: one.remaining for",
    ),
    "a delivery is handled in a transaction of its own": Build(
        "koipond.kernel.handling",
        "_Batch",
        "ctx = Context(self.shop, viewer=SYSTEM, connection=steps.connection)",
        "ctx = self.shop.context(viewer=SYSTEM)",
    ),
    "a job is removed when it is claimed": Build(
        "koipond.kernel.jobs",
        "claim",
        "return [",
        "await db.execute(job.delete().where(job.c.id.in_([one.id for one in found])))\n"
        "    return [",
    ),
    "a price is not looked at again": Build(
        "koipond.order.service.placing",
        "_check_fresh",
        "if not fresh.is_like(prepared.quote):",
        "if False:",
    ),
    "the seats of a team are not counted": Build(
        "koipond_groupbuy.rules", "seats", "capacity=size, subject_limit=1", "subject_limit=1"
    ),
    "the uses of a code are not counted": Build(
        "koipond_promotions.rules.counting",
        "_claims_of",
        "if coupon is not None and coupon.uses_max is not None:",
        "if False:",
    ),
    "limits are claimed for codes only": Build(
        "koipond_promotions.rules.counting",
        "_claims_of",
        "if most is not None:",
        "if most is not None and one.code is not None:",
    ),
    "a budget counts orders, not money": Build(
        "koipond_promotions.rules.counting", "_claims_of", "quantity=one.off_minor,", "quantity=1,"
    ),
    "a first order is looked for, not claimed": Build(
        "koipond_promotions.rules.counting", "claim_uses", "if firsts:", "if False:"
    ),
    "exclusive promotions are published side by side": Build(
        "koipond_promotions.service.staff",
        "_lock",
        "await repository.raise_revision(ctx.db, known.channel_id)",
        "pass",
    ),
    "versions are not looked at when an order is placed": Build(
        "koipond_promotions.service.carts",
        "note_order",
        "if live.get(one.promotion_id) != one.version:",
        "if False:",
    ),
    "changes of staff are made side by side": Build(
        "koipond.staff.service.standing", "_take_turn", "await count_up(ctx, _EDITION)", "pass"
    ),
    "who changes staff holds what they held when they came": Build(
        "koipond.staff.service.standing", "_look_again", "if standing is None:", "if False:"
    ),
    "who asks while a token is revoked keeps it": Build(
        "koipond.staff.service.standing", "_read_anew", "forget_copies(ctx.shop)", "pass"
    ),
    "an approval is looked at without its lock": Build(
        "koipond.approval.repository",
        "lock",
        "select(approval).where(approval.c.id == key).with_for_update(key_share=True)",
        "select(approval).where(approval.c.id == key)",
    ),
    "grants are counted before they are booked": Build(
        "koipond_points.service",
        "_book",
        "given = await _given_on(ctx, wanted.member_id, today)",
        "given = points",
    ),
    "who logs in may have been erased meanwhile": Build(
        "koipond.login.service.entering",
        "enter",
        "if (await members.find_people(ctx, [key]))[key].state is MemberState.ERASED:",
        "if False:",
    ),
    "who pays when the team is over is kept waiting": Build(
        "koipond_groupbuy.service", "note_paid", "elif not link.carried:", "elif False:"
    ),
}


def builds(*names: str) -> pytest.MarkDecorator:
    """Run a test on the real build and on each naive one, nine times more at length; see `raced`.

    That it would fail without what it is about is a claim about the test, so it is left out of
    `make test`: what it promises is held there by the real build.
    """
    broken = pytest.mark.breaks_invariants
    often = [pytest.mark.faults, broken]
    naive = []
    for name, mark in zip(names, ("naive", "naive-b", "naive-c"), strict=False):
        naive.append(pytest.param(name, id=mark, marks=[pytest.mark.slow, broken]))
        naive += [pytest.param(name, id=f"{mark}{n}", marks=often) for n in range(2, 11)]
    return pytest.mark.parametrize("build", [pytest.param("", id="real"), *naive])


@contextmanager
def raced(build: str) -> Iterator[None]:
    """Run the block on a build: on the real one it must hold, on a naive one it must fail."""
    with built(build):
        if not build:
            yield
            return
        with pytest.raises(AssertionError):
            yield


@contextmanager
def built(name: str) -> Iterator[None]:
    """Run the block on the naive build `name`; "" is the real one."""
    if not name:
        yield
        return
    build = NAIVE[name]
    module = importlib.import_module(build.module)
    real = vars(module)[build.name]
    source = _definition(module, build.name)
    assert source.count(build.real) == 1, f"{build.name} has {source.count(build.real)}: {build}"
    places = [
        (place, known)
        for place in _product_modules()
        for known, value in vars(place).items()
        if value is real
    ]
    exec(compile(source.replace(build.real, build.naive), build.module, "exec"), vars(module))
    made = vars(module)[build.name]
    try:
        _put(places, made)
        yield
    finally:
        _put(places, real)


def _put(places: list[tuple[ModuleType, str]], value: Any) -> None:
    for module, name in places:
        setattr(module, name, value)


def _product_modules() -> list[ModuleType]:
    ours = ("koipond.", "koipond_")
    return [module for name, module in list(sys.modules.items()) if name.startswith(ours)]


def _definition(module: ModuleType, name: str) -> str:
    """Return the statement of a module that defines `name`, with its decorators."""
    text = inspect.getsource(module)
    for node in _parse(text).body:
        if name in _names(node):
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    raise AssertionError(f"{module.__name__} defines no {name}")


def _parse(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SystemError:
        # CPython 3.11 counts how deep it is for all threads at once, and a thread that writes a
        # traceback parses its lines.
        return ast.parse(text)


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {one.id for one in node.targets if isinstance(one, ast.Name)}
    return set()
