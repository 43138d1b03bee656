"""An implementation of every hook, each as small as it can be: the examples of the reference.

A test runs a shop with them. In a plugin they call `service.py`; here everything is at hand.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import httpx2
import strawberry
from sqlalchemy import Column, String, Table, Uuid, func, select

from koipond_sdk import (
    Context,
    DomainError,
    Event,
    Finding,
    Invariant,
    Job,
    Locale,
    MemberId,
    Permission,
    PluginJob,
    PluginSettings,
    domain_error,
    enqueue,
    implement,
    settings_of,
    specs,
    transaction,
)
from koipond_sdk.db import Instant, insert, ref, tables
from koipond_sdk.hooks import (
    CartOffer,
    CartRequest,
    Checkout,
    CheckoutTerms,
    ErasedMember,
    Erasure,
    HoldWish,
    IdentityKind,
    LoginProof,
    MemberMerge,
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    Percent,
    PersonalTable,
    PriceQuote,
    PriceRequest,
    ProofRefused,
    Proposal,
    ProvenPerson,
    QuotaRequest,
    Refunded,
    Stage,
    TracedInputs,
)
from koipond_sdk.schema import (
    Api,
    CatalogFilter,
    CatalogSort,
    Info,
    Product,
    batch,
)
from koipond_sdk.services.messages import (
    Medium,
    MessageKind,
    MessageNotSent,
    MessageText,
    OutgoingMessage,
    Purpose,
    Sent,
)
from koipond_sdk.services.orders import Order, OrderState
from koipond_sdk.services.quotas import Claim, Period, QuotaId, QuotaSpec
from koipond_sdk.services.rewards import Reward, grant_reward

metadata = tables("tea")
tea_tasting = Table(
    "tea_tasting",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", ref("product", ondelete="CASCADE"), nullable=False),
    Column("member_id", ref("member"), nullable=False),
    Column("words", String(500), nullable=False),
    Column("tasted_at", Instant, nullable=False),
)
# Orders that get a sample of another tea.
tea_sample = Table(
    "tea_sample",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("refund_id", Uuid),
)
TASTINGS_A_DAY = QuotaId(UUID("0197a000-0000-7000-8000-0000000000aa"))


class TeaSettings(PluginSettings, frozen=True):
    """What staff may set."""

    percent: int = 10
    reward_kind: str = ""


class TeaInputs(TracedInputs, frozen=True, kw_only=True):
    """What prices are calculated from."""

    percent: int


class TeaTasted(Event, frozen=True, kw_only=True):
    """A member said what a tea is like."""

    aggregate: ClassVar[str] = "member_id"
    member_id: MemberId


class TeaForget(Job, frozen=True, kw_only=True):
    """Forget what was said a year ago."""


@domain_error
class TeaSoldByHand(DomainError):
    """Something that is not sold alone."""

    code: ClassVar[str] = "TEA_SOLD_BY_HAND"

    def __str__(self) -> str:
        return "More than 100 units of a tea are sold by hand. Write to us."


@strawberry.type
class TastingsOfProduct:
    @batch
    @staticmethod
    async def tea_tastings(parents: list[Product], info: Info) -> list[int | None]:
        """How many members said what it is like."""
        async with info.context.reading() as db:
            rows = await db.execute(
                select(tea_tasting.c.product_id, func.count().label("tastings"))
                .where(tea_tasting.c.product_id.in_([parent.key for parent in parents]))
                .group_by(tea_tasting.c.product_id)
            )
            found = {row.product_id: row.tastings for row in rows}
        return [found.get(parent.key, 0) for parent in parents]


@transaction
async def forget(ctx: Context, job: TeaForget) -> None:
    """Delete what is older than a year."""
    year_ago = ctx.clock.now() - timedelta(days=365)
    await ctx.db.execute(tea_tasting.delete().where(tea_tasting.c.tasted_at < year_ago))


async def audit(ctx: Context) -> list[Finding]:
    """Return the tastings that say nothing."""
    async with ctx.reading() as db:
        rows = await db.execute(select(tea_tasting.c.id).where(tea_tasting.c.words == ""))
    return [
        Finding(invariant="tea.words", problem=f"tasting {row.id} says nothing", fix="Delete it")
        for row in rows
    ]


def tasted(now: datetime) -> Any:
    """Return a SELECT of the products that somebody tasted."""
    return select(tea_tasting.c.product_id).where(tea_tasting.c.tasted_at <= now)


@implement(specs.register_graphql)
def register_graphql(api: Api) -> None:
    """Show on each product how many tasted it."""
    api.storefront(Product, TastingsOfProduct)


@implement(specs.catalog_query)
def catalog_query() -> list[CatalogFilter | CatalogSort]:
    """Let storefronts ask for what was tasted: filter: {plugins: {teaTasted: true}}."""
    return [CatalogFilter(name="tea_tasted", means="Somebody tasted it.", rows=tasted)]


@implement(specs.register_permissions)
def register_permissions() -> list[Permission]:
    """Name what staff may do; needs("tea.read") asks for it."""
    return [Permission(name="tea.read", description="Read what members said of teas")]


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    """Say what staff may set; `await settings_of(ctx, TeaSettings)` reads it."""
    return TeaSettings


@implement(specs.register_jobs)
def register_jobs() -> list[PluginJob]:
    """Forget old tastings every night at three, where the shop is."""
    return [PluginJob(job=TeaForget, run=forget, cron="0 3 * * *", time_zone="Asia/Shanghai")]


@implement(specs.register_messages)
def register_messages() -> list[MessageKind]:
    """Name a message; `send_message` sends it, by whatever works for its member."""
    text = MessageText(subject="Thank you", body="Thank you for what you said of our tea.")
    texts = {Locale("en"): text}
    return [
        MessageKind(
            key="tea.thanks",
            words="Thanks for a tasting",
            act="The member said what a tea is like",
            purpose=Purpose.TRANSACTIONAL,
            category="tea",
            texts={Medium.EMAIL: texts, Medium.SMS: texts, Medium.IN_APP: texts},
        )
    ]


@implement(specs.register_events)
def register_events() -> list[type[Event]]:
    """Let webhooks and brokers hear of tastings."""
    return [TeaTasted]


@implement(specs.register_invariants)
def register_invariants() -> list[Invariant]:
    """Claim what must always hold; tests and `koi doctor --audit` look."""
    return [Invariant(id="tea.words", words="A tasting says something", audit=audit)]


@implement(specs.register_traced_inputs)
def register_traced_inputs() -> list[type[TracedInputs]]:
    """Name each version of what this plugin's prices are calculated from."""
    return [TeaInputs]


@implement(specs.register_privacy)
def register_privacy() -> list[PersonalTable]:
    """Say what is kept of members, what they get of it, and what becomes of it."""
    return [
        PersonalTable(
            table="tea_tasting",
            member="member_id",
            exported=["words", "tasted_at"],
            erasure=Erasure.DELETE,
        )
    ]


@implement(specs.disable_blockers)
async def disable_blockers(ctx: Context) -> list[str]:
    """Stay on while something is promised."""
    promised = await settings_of(ctx, TeaSettings)
    if not promised.reward_kind:
        return []
    return ['Members are promised a reward. First set reward_kind to "".']


@implement(specs.price_inputs)
async def price_inputs(ctx: Context, request: PriceRequest) -> TeaInputs | None:
    """Load how much members pay less; a guest pays no less, and nothing is calculated."""
    if request.member_id is None:
        return None
    return TeaInputs(percent=(await settings_of(ctx, TeaSettings)).percent)


@implement(specs.price_quotes)
def price_quotes(request: PriceRequest, inputs: TeaInputs | None) -> list[PriceQuote]:
    """Quote what a unit costs a member."""
    if inputs is None:
        return []
    return [
        PriceQuote(
            key=item.key,
            stage=Stage.TIER_PRICE,
            unit_price_minor=item.list_minor * (100 - inputs.percent) // 100,
            label="For members",
            rule="member",
        )
        for item in request.items
    ]


@implement(specs.cart_inputs)
async def cart_inputs(ctx: Context, request: CartRequest) -> TeaInputs | None:
    """Load what a code takes off, if one was given."""
    if "TEATIME" not in request.coupon_codes:
        return None
    return TeaInputs(percent=(await settings_of(ctx, TeaSettings)).percent)


@implement(specs.cart_adjustments)
def cart_adjustments(request: CartRequest, inputs: TeaInputs | None) -> CartOffer | None:
    """Claim the code, and propose what it takes off the whole order."""
    if inputs is None:
        return None
    off = Proposal(
        rule="teatime",
        label="Tea time",
        stage=Stage.COUPON,
        effect=Percent(rate_ppm=inputs.percent * 10_000),
        coupon="TEATIME",
    )
    return CartOffer(proposals=(off,), coupons={"TEATIME": None})


@implement()
async def checkout_validate(checkout: Checkout) -> list[DomainError]:
    """Refuse what is too much for one order, and say of which line."""
    return [
        TeaSoldByHand().located(f"lines.{place}.quantity")
        for place, line in enumerate(checkout.lines)
        if line.quantity > 100
    ]


@implement()
async def checkout_attributes(checkout: Checkout) -> CheckoutTerms | None:
    """Keep a word with large orders, and hold them until somebody has looked."""
    if sum(line.quantity for line in checkout.lines) < 50:
        return None
    hold = HoldWish(name="tea.large", reason="Somebody looks at large orders first")
    return CheckoutTerms(attributes={"size": "large"}, holds=(hold,))


@implement()
async def quota_requests(checkout: Checkout) -> list[QuotaRequest]:
    """Let each buyer have at most three orders a day."""
    limit = QuotaSpec(id=TASTINGS_A_DAY, subject_limit=3, period=Period.DAY)
    claim = Claim(quota_id=limit.id, subject_id=checkout.subject, create=limit)
    return [QuotaRequest(claim=claim)]


@implement()
async def order_creating(ctx: Context, order: Order) -> None:
    """Give a sample to an order, in its own transaction: both are stored, or neither."""
    await ctx.db.execute(insert(ctx.db, tea_sample).values(order_id=order.id))


@implement()
async def order_move_validate(order: Order, to: OrderState) -> list[DomainError]:
    """Let no buyer cancel what is being mixed for them."""
    is_mixed = "tea" in order.attributes
    return [TeaSoldByHand()] if is_mixed and to is OrderState.CANCELLED else []


@implement(specs.order_confirmed)
async def order_confirmed(ctx: Context, event: OrderConfirmed) -> None:
    """Tell of it what needs doing later; told twice, the job is there once."""
    await enqueue(ctx, TeaForget(), unique=f"tea:{event.order_id}")


@implement(specs.order_cancelled)
async def order_cancelled(ctx: Context, event: OrderCancelled) -> None:
    """Keep the sample; told twice, there is nothing to delete."""
    await ctx.db.execute(tea_sample.delete().where(tea_sample.c.order_id == event.order_id))


@implement(specs.order_expired)
async def order_expired(ctx: Context, event: OrderExpired) -> None:
    """Keep the sample; told twice, there is nothing to delete."""
    await ctx.db.execute(tea_sample.delete().where(tea_sample.c.order_id == event.order_id))


@implement(specs.order_refunded)
async def order_refunded(ctx: Context, event: Refunded) -> None:
    """Note by which refund the sample is owed back: of two, the first."""
    first = tea_sample.c.order_id == event.order_id, tea_sample.c.refund_id.is_(None)
    await ctx.db.execute(tea_sample.update().where(*first).values(refund_id=event.refund_id))


@implement(specs.reward_grant, key="leaves")
async def reward_grant(ctx: Context, reward: Reward) -> None:
    """Give "leaves": here a reward of another kind, under a source of its own."""
    points = Reward(
        kind="points",
        member_id=reward.member_id,
        amount=reward.amount,
        source=f"tea:{reward.source}",
    )
    await grant_reward(ctx, points)


@implement(key="pigeon")
async def message_send(message: OutgoingMessage) -> Sent:
    """Hand a message over to a carrier that knows it by its id, and sends it once."""
    async with httpx2.AsyncClient() as client:
        answer = await client.post("https://pigeon.example", json={"id": str(message.id)})
    if answer.status_code == httpx2.codes.BAD_REQUEST:
        raise MessageNotSent(reason="there is no such address", permanent=True)
    return Sent(reference=answer.text, once=True)


@implement(key="teahouse")
async def login_prove(proof: LoginProof) -> ProvenPerson:
    """Say who somebody is, by the card that they showed."""
    if not proof.data.get("card"):
        raise ProofRefused(provider=proof.provider, reason="no card was shown")
    return ProvenPerson(identities=((IdentityKind("teahouse"), proof.data["card"]),))


@implement(specs.members_merged)
async def members_merged(ctx: Context, merge: MemberMerge) -> None:
    """Let what both said be one's."""
    t = tea_tasting.c
    await ctx.db.execute(
        tea_tasting.update()
        .where(t.member_id == merge.merged_id)
        .values(member_id=merge.survivor_id)
    )


@implement(specs.merge_undone)
async def merge_undone(ctx: Context, merge: MemberMerge) -> None:
    """Give back what was said before the merge; what was said since stays."""
    t = tea_tasting.c
    await ctx.db.execute(
        tea_tasting.update()
        .where(t.member_id == merge.survivor_id, t.tasted_at < merge.merged_at)
        .values(member_id=merge.merged_id)
    )


@implement(specs.member_erasing)
async def member_erasing(ctx: Context, member: ErasedMember) -> None:
    """Take the name out of texts; rows that `register_privacy` names go by themselves."""
    t = tea_tasting.c
    await ctx.db.execute(tea_tasting.update().where(t.member_id.in_(member.keys)).values(words="…"))
