"""A shop that sells tea to teams: short words for what tests of group buys do."""

from collections import Counter
from typing import Any
from uuid import uuid4

from koipond.duties import audits_of
from koipond.kernel.invariants import run_audits
from koipond.kernel.worker import Drained, Worker
from koipond.member import service as members
from koipond.member.types import Contact
from koipond.order import service as orders
from koipond.order.types import Order
from koipond.payment import service as payments
from koipond.payment.sandbox import KEY, Sandbox
from koipond.payment.types import PaymentProvider
from koipond_sdk import OrderId, VariantId, Viewer, ViewerKind, decode, encode
from koipond_sdk.testing import STAFF, RunningShop

TEAM = "id state size missing price { amount } deadline"
ERRORS = "userErrors { __typename code message field }"
PLACE = f"""mutation ($input: PlaceOrderInput!) {{
  done: placeOrder(input: $input) {{
    token
    order {{
      id state total {{ amount }} holds {{ name source reason }}
      lines {{ sku unitPrice {{ amount }} attributes {{ plugin name value }} }}
      groupBuyTeam {{ {TEAM} }}
    }}
    {ERRORS}
  }}
}}"""
PAY = f"""mutation ($input: PayOrderInput!) {{
  done: payOrder(input: $input) {{ order {{ id state }} {ERRORS} }}
}}"""
CANCEL = f"""mutation ($input: CancelOrderInput!) {{
  done: cancelOrder(input: $input) {{ order {{ id state }} {ERRORS} }}
}}"""
SCHEDULE = f"""mutation ($input: GroupBuyScheduleInput!) {{
  done: scheduleGroupBuy(input: $input) {{
    groupBuy {{ id price {{ amount currency }} size lifetimeHours startsAt endsAt }}
    {ERRORS}
  }}
}}"""
END = f"mutation ($id: ID!) {{ done: endGroupBuy(id: $id) {{ groupBuy {{ endsAt }} {ERRORS} }} }}"
SHOWN = f"""query ($id: ID!) {{
  done: node(id: $id) {{ ... on Variant {{
    price {{ amount }}
    offer {{ price {{ amount }} }}
    groupBuy {{ id price {{ amount }} size openTeams(first: 20) {{ {TEAM} }} }}
  }} }}
}}"""
FIND = f"query ($id: ID!) {{ done: groupBuyTeam(id: $id) {{ {TEAM} }} }}"


class Stall:
    """`shop`, its sandbox and a worker. Who buys is named, and is one person wherever named."""

    def __init__(self, shop: RunningShop) -> None:
        self.shop = shop
        self.sandbox: Sandbox = shop.shop.providers[PaymentProvider][KEY]
        self.worker = Worker(shop.shop, chance=lambda: 0.0)
        self.tea = ""
        self.group_buy = ""
        # {order: its token}
        self.tokens: dict[str, str] = {}

    async def open(self, *, size: int = 3, units: int = 100, **given: Any) -> None:
        """Put tea on the shelf, and on sale to teams."""
        made = await self.shop.make_product("TEA-1", stock=units)
        self.tea = encode(VariantId, made.variants["TEA-1"])
        scheduled = await self.schedule(size=size, **given)
        assert scheduled["userErrors"] == [], scheduled
        self.group_buy = scheduled["groupBuy"]["id"]

    async def ask(self, document: str, *, viewer: Viewer | None = None, **given: Any) -> Any:
        """Send a document; returns its field `done`, with no error at the top."""
        told = {} if viewer is None else {"viewer": viewer, "admin": viewer is STAFF}
        answer = await self.shop.graphql(document, given, **told)
        assert "errors" not in answer, answer
        return answer["data"]["done"]

    async def schedule(self, **given: Any) -> Any:
        """Schedule a group buy of the tea as staff."""
        wish = {
            "variantId": self.tea,
            "price": "7.00",
            "size": 3,
            "endsAt": "2026-01-31T00:00:00Z",
        }
        return await self.ask(SCHEDULE, viewer=STAFF, input=wish | given)

    async def end(self) -> Any:
        """End the group buy as staff."""
        return await self.ask(END, viewer=STAFF, id=self.group_buy)

    async def place(
        self,
        who: str,
        team: str | None = None,
        *,
        pay: str | None = "captured",
        switches: dict[str, str] | None = None,
        lines: list[dict[str, Any]] | None = None,
        quantity: int = 1,
        group_buy: str = "",
        viewer: Viewer | None = None,
    ) -> Any:
        """Order a unit in a team, or in a new one. pay: the sandbox's outcome; None: not yet."""
        chosen = {"id": group_buy or self.group_buy, "teamId": team}
        line = {"variantId": self.tea, "quantity": quantity, "plugins": {"groupBuy": chosen}}
        data = {"outcome": pay, **(switches or {})} if pay else {}
        tender = {
            "provider": KEY,
            "data": [{"key": key, "value": value} for key, value in data.items()],
        }
        wish = {
            "lines": [line, *(lines or [])],
            "contact": {"email": f"{who}@example.org"},
            "payment": [tender] if pay else [],
            "idempotencyKey": str(uuid4()),
        }
        done = await self.ask(PLACE, viewer=viewer, input=wish)
        if done["order"] is not None:
            self.tokens[done["order"]["id"]] = done["token"]
        return done

    async def buy(self, who: str, team: str | None = None, **given: Any) -> tuple[str, str]:
        """Order as `place`, which must work, and do what is due; returns the order and the team."""
        done = await self.place(who, team, **given)
        assert done["userErrors"] == [], done
        await self.work()
        return done["order"]["id"], done["order"]["groupBuyTeam"]["id"]

    async def refused(self, who: str, team: str | None = None, **given: Any) -> Any:
        """Return the one refusal of an order; it must have changed nothing."""
        before = await self.shop.snapshot()
        done = await self.place(who, team, **given)
        assert done["order"] is None, done
        assert await self.shop.snapshot() == before
        (refusal,) = done["userErrors"]
        return refusal

    async def fill(self, *who: str) -> tuple[str, list[str]]:
        """Let the first open a team and the others join it; returns it and their orders."""
        first, team = await self.buy(who[0])
        return team, [first, *[(await self.buy(one, team))[0] for one in who[1:]]]

    async def pay(self, order_id: str) -> Any:
        """Pay an order that was placed without."""
        wish = {
            "orderId": order_id,
            "token": self.tokens[order_id],
            "provider": KEY,
            "idempotencyKey": str(uuid4()),
        }
        return await self.ask(PAY, input=wish)

    async def take_anyway(self, order_id: str) -> None:
        """Let the provider take the money of an order that is off, and tell of it."""
        async with self.shop.context(viewer=STAFF) as ctx:
            (payment,) = await payments.find_payments(ctx, decode(OrderId, order_id))
        self.sandbox.take_anyway(payment.id)
        notice = self.sandbox.sign(self.sandbox.notices[-1])
        answer = await self.shop.http.post(
            f"/payments/{KEY}/webhook", headers=notice.headers, content=notice.body
        )
        assert answer.status_code == 200
        await self.work()

    async def cancel(self, order_id: str) -> Any:
        """Cancel an order as its buyer."""
        return await self.ask(CANCEL, input={"orderId": order_id, "token": self.tokens[order_id]})

    async def cancel_as_staff(self, order_id: str) -> None:
        """Cancel an order as the shop."""
        async with self.shop.context(viewer=STAFF) as ctx:
            await orders.cancel_any_order(ctx, decode(OrderId, order_id), reason="by staff")

    async def shown(self) -> Any:
        """Return what a storefront shows of the tea."""
        return await self.ask(SHOWN, id=self.tea)

    async def team(self, team: str) -> Any:
        """Return what anybody sees of a team."""
        return await self.ask(FIND, id=team)

    async def order(self, order_id: str) -> Order:
        """Return an order as it is now."""
        async with self.shop.context(viewer=STAFF) as ctx:
            found = await orders.find_any_order(ctx, order_id=decode(OrderId, order_id))
        assert found is not None
        return found

    async def states(self, *order_ids: str) -> list[str]:
        """Return the states of orders."""
        return [(await self.order(one)).state.value for one in order_ids]

    async def holds(self, *order_ids: str) -> list[list[str]]:
        """Return the names of orders' holds."""
        return [[one.name for one in (await self.order(key)).holds] for key in order_ids]

    async def refunds(self, order_id: str) -> list[tuple[str, int]]:
        """Return (state, amount) of an order's refunds."""
        async with self.shop.context(viewer=STAFF) as ctx:
            found = await payments.find_refunds(ctx, decode(OrderId, order_id))
        return [(one.state.name, one.amount.amount_minor) for one in found]

    async def work(self) -> Drained:
        """Do what is due now, as a worker does."""
        return await self.worker.run_once()

    async def pass_time(self, **parts: float) -> None:
        """Let time pass, then do what is due."""
        self.shop.clock.advance(**parts)
        await self.work()

    async def told(self) -> dict[str, int]:
        """Return {event of a team: how often it was told}."""
        names = Counter(row["name"] for row in await self.shop.rows("outbox_event"))
        return {name: count for name, count in names.items() if name.startswith("Team")}

    async def team_states(self) -> dict[str, int]:
        """Return {state: teams}."""
        return dict(Counter(row["state"] for row in await self.shop.rows("groupbuy_team")))

    async def problems(self) -> list[str]:
        """Return what of all that must hold does not, core's and the plugin's."""
        found = await run_audits(self.shop.shop, audits_of(self.shop.shop))
        return [str(one) for one in found]

    async def everything_holds(self) -> None:
        """Fail unless all audits find nothing, also when nothing can be on its way any more."""
        assert await self.problems() == []
        self.shop.clock.advance(minutes=31)
        assert await self.problems() == []

    async def member(self, who: str) -> Viewer:
        """Return a member with a login."""
        async with self.shop.context() as ctx:
            key = await members.ensure_buyer(ctx, Contact(email=f"{who}@example.org"))
        return Viewer(kind=ViewerKind.MEMBER, id=key)
