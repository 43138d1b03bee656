"""Every hook that a plugin may implement, in the order of a purchase: the contract on one page.

A spec is grown only together with a plugin that needs it. How they are called and what happens when
one raises is decided by their kind; see kernel/dispatch/kinds.py. The bodies here are never run.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from koipond.catalog.types import CatalogFilter, CatalogSort
from koipond.kernel.context import Context
from koipond.kernel.dispatch import (
    by_key,
    calculate,
    contribute,
    event,
    load,
    take_part,
    validate,
)
from koipond.kernel.errors import DomainError
from koipond.kernel.events import Event
from koipond.kernel.extensions import Invariant, Permission, PluginJob, PluginSettings
from koipond.kernel.schema import Api
from koipond.login.types import LoginProof, ProvenPerson
from koipond.member.types import Reward
from koipond.notify.types import MessageKind, OutgoingMessage, Sent
from koipond.oneid.types import MemberMerge
from koipond.order.events import OrderCancelled, OrderConfirmed, OrderExpired
from koipond.order.types import Checkout, CheckoutTerms, Order, OrderState, QuotaRequest
from koipond.payment.events import Refunded
from koipond.pricing.types import CartOffer, CartRequest, PriceQuote, PriceRequest, TracedInputs
from koipond.privacy.types import ErasedMember, PersonalTable

# At start.


@contribute(since="0.1")
def register_graphql(api: Api) -> None:
    """Add types, fields, inputs, queries, mutations and subscriptions. Called at start.

    Every field added to a core type is a nullable `@batch`; every root field, and every field of
    the staff's schema, says who may use it; the names are those that stand in plugin.toml, types
    carry the plugin's prefix. Raising refuses the start, naming the plugin.
    """


@contribute(since="0.1")
def catalog_query() -> list[CatalogFilter | CatalogSort]:
    """Return named filters and orders of products, for storefronts and staff. Called at start.

    Their rows are SELECTs over the plugin's own tables; core joins them with the catalogue, the
    channel and its pages. The names are for all plugins together.
    """
    raise NotImplementedError


@contribute(since="0.1")
def register_permissions() -> list[Permission]:
    """Return the rights that this plugin's fields ask for. Called once, at start.

    Each name begins with the plugin's name and a dot, and stands in plugin.toml as well, where it
    can be read without running the plugin. A field that asks for a right that neither core nor its
    own plugin has refuses the start.
    """
    raise NotImplementedError


@contribute(since="0.1")
def register_settings() -> type[PluginSettings]:
    """Return the class of what staff may set for this plugin. Called once, at start.

    Every field has a default; a range stands in its type. Staff set values for all channels or for
    one, by the admin schema; `await settings_of(ctx, ThatClass)` reads them.
    """
    raise NotImplementedError


@contribute(since="0.1")
def register_jobs() -> list[PluginJob]:
    """Return the kinds of jobs that this plugin enqueues, and those that recur. Called at start.

    A kind is known by the name of its class in the whole shop, so the class carries the plugin's
    name; two of one name refuse the start. While the plugin is off its jobs wait.
    """
    raise NotImplementedError


@contribute(since="0.1")
def register_messages() -> list[MessageKind]:
    """Return the kinds of messages that this plugin has sent to members. Called once, at start.

    Each key begins with the plugin's name and a dot. Staff may write other templates for them. What
    could not be sent (a variable that is not declared, marketing that is urgent) refuses the start.
    """
    raise NotImplementedError


@contribute(since="0.1")
def register_events() -> list[type[Event]]:
    """Return the events of this plugin that others may be told of, by webhook or broker.

    Called once, at start. An event's name is for the whole shop; its fields are published as a
    schema and only grow within a version, so they hold nothing by which a person is known.
    """
    raise NotImplementedError


@contribute(since="0.1")
def register_invariants() -> list[Invariant]:
    """Return what must always hold of this plugin's rows. Called once, at start.

    Tests and `koi doctor --audit` run the audits, all of them looking at one moment.
    """
    raise NotImplementedError


@contribute(since="0.1")
def register_traced_inputs() -> list[type[TracedInputs]]:
    """Return the classes of inputs that the calculations of this plugin take. Called at start.

    One for each version; what is of one of them is kept with an order, and `koi replay` works its
    price out again with it. A version that is named no longer is listed as not taken any more.
    """
    raise NotImplementedError


@contribute(since="0.1")
def register_privacy() -> list[PersonalTable]:
    """Return the tables of this plugin that hold anything of members. Called once, at start.

    Each says by which column its rows are a member's, and what becomes of them when the member is
    erased. A table with a member's id that is not named is a finding of `koi doctor`.
    """
    raise NotImplementedError


@load(since="0.1", deadline_s=5.0)
async def disable_blockers(ctx: Context) -> list[str]:
    """Return why this plugin must not be disabled now, each reason with its way out.

    Such as teams that are open and paid for. Called by `koi plugin disable`, outside of any
    transaction; one reason refuses it, and so does raising.
    """
    raise NotImplementedError


@load(since="0.1")
async def price_inputs(ctx: Context, request: PriceRequest) -> Struct | None:
    """Load what `price_quotes` needs to know of these items and this viewer.

    Called once for a list of products, a cart or a purchase, outside of any transaction. None: this
    plugin has nothing to say of them, and is not asked.
    """


@calculate(since="0.1", inputs="price_inputs")
def price_quotes(request: PriceRequest, inputs: Any) -> list[PriceQuote]:
    """Quote unit prices for some of the items; core takes the best, see `choose_unit_price`.

    inputs: what this plugin's `price_inputs` returned, of its own class; None: it has no such hook.
    Pure: it is called again with the same inputs when the order is placed. Quotes for items that
    were not asked for are passed over. What sells a variant for everybody and for a while is
    better published as an activity: it then costs no call at all.
    """
    raise NotImplementedError


@load(since="0.1")
async def cart_inputs(ctx: Context, request: CartRequest) -> Struct | None:
    """Load what `cart_adjustments` needs to know: the rules that may apply, who asks, the codes.

    Called once for each look at a cart and once for a purchase, after the units have their prices.
    None: this plugin has nothing to say, and is not asked. Of the class TracedInputs it is kept
    with the order, which is how its price can be worked out again.
    """


@calculate(since="0.1", inputs="cart_inputs")
def cart_adjustments(request: CartRequest, inputs: Any) -> CartOffer | None:
    """Propose what is to be taken off a cart, and say which of its coupon codes are this plugin's.

    inputs: what its `cart_inputs` returned, of its own class; None: it has no such hook.
    Pure: it is called again with the same inputs when the order is placed, and whenever its price
    is worked out again; `request` names no member then, nor what the buyer told plugins. Core does
    the arithmetic, and decides between proposals that may not go together.
    """


@validate(since="0.1")
async def checkout_validate(ctx: Context, checkout: Checkout) -> list[DomainError]:
    """Refuse a purchase that is about to be placed; none is well.

    Called for each purchase before anything is reserved, outside of any transaction. All plugins
    are asked, and the buyer is told the first refusal; one that raises refuses as PLUGIN_ERROR.
    """
    raise NotImplementedError


@load(since="0.1")
async def checkout_attributes(ctx: Context, checkout: Checkout) -> CheckoutTerms | None:
    """Say what is kept with the order and its lines, what holds it, how soon it must be paid.

    Called for each purchase that no plugin refuses, before anything is reserved, outside of any
    transaction. None: nothing.
    """


@load(since="0.1")
async def quota_requests(ctx: Context, checkout: Checkout) -> list[QuotaRequest]:
    """Ask for units beside the stock: seats, uses, limits. The order gets all it asks for, or none.

    Called as `checkout_attributes`. Units of activities are core's to ask for. A quota is asked for
    once; the plugin's refusal may take the place of core's.
    """
    raise NotImplementedError


@take_part(since="0.1")
async def order_creating(ctx: Context, order: Order, checkout: Checkout) -> None:
    """Write to the plugin's own tables as an order is stored, in the same transaction.

    Called once for each order, after its rows are written and before its reservations are tied to
    it. Only SQL on the plugin's own tables, and the verbs of the ledger, which book in this very
    transaction: commits, networks, reserving and writing to other tables are refused. Raising
    undoes the order; a DomainError is what the buyer is told.
    """


@validate(since="0.1")
async def order_move_validate(ctx: Context, order: Order, to: OrderState) -> list[DomainError]:
    """Refuse a move of an order that its buyer asks for, such as cancelling; none is well.

    Never called for what money or time does to an order: confirmed, expired, cancelled by the
    shop. Outside of any transaction.
    """
    raise NotImplementedError


@event(OrderConfirmed, since="0.1")
async def order_confirmed(ctx: Context, event: OrderConfirmed) -> None:
    """Hear that an order is paid, or that there was nothing to pay; in a transaction of its own.

    At least once for each event, those of one order in their order, soon after the commit. What
    it writes is committed together with the mark that it heard; one that raises is told again,
    later and later, and at last is a dead letter. The order is untouched.
    """


@event(OrderCancelled, since="0.1")
async def order_cancelled(ctx: Context, event: OrderCancelled) -> None:
    """Hear that an order is off, by its buyer or the shop; as `order_confirmed`."""


@event(OrderExpired, since="0.1")
async def order_expired(ctx: Context, event: OrderExpired) -> None:
    """Hear that an order was not paid in time; as `order_confirmed`."""


@event(Refunded, since="0.1")
async def order_refunded(ctx: Context, event: Refunded) -> None:
    """Hear that money of an order went back: take back what it gave, by `event.refund_id`, once.

    As `order_confirmed`. The money is back whatever this does; how far it is, and what went wrong,
    staff see in `Order.consequences`.
    """


@by_key(since="0.1")
async def reward_grant(ctx: Context, reward: Reward) -> None:
    """Give a member a reward of the kind that is this implementation's key: points, a coupon.

    In the transaction of what it is for, once for each `source`: a second time changes nothing.
    """


@by_key(since="0.1", deadline_s=30.0)
async def message_send(ctx: Context, message: OutgoingMessage) -> Sent:
    """Hand a message over to whoever carries it; the key is what the setting mail_sender names.

    By a worker, outside of any transaction. MessageNotSent says that it surely was not sent, and
    whether it would be at another time. After anything else nobody knows: the same message comes
    again, with the same `id`. Let the carrier know it by that, and answer `Sent(once=True)`.
    """
    raise NotImplementedError


@by_key(since="0.1", deadline_s=10.0)
async def login_prove(ctx: Context, proof: LoginProof) -> ProvenPerson:
    """Say who somebody is, by what their client got from the login provider that is the key.

    Called when somebody logs in, outside of any transaction: ask the provider's server, check its
    signature. ProofRefused is what the caller is told. What is returned logs in: an e-mail address
    or a phone number only if the provider has checked that it is theirs.
    """
    raise NotImplementedError


@take_part(since="0.1")
async def members_merged(ctx: Context, merge: MemberMerge) -> None:
    """Carry the plugin's rows: `merge.merged_id` turned out to be `merge.survivor_id`.

    Once for each merge, in its transaction, after core has carried identities, orders, messages
    and the ledger; reservations follow after the commit. Both are locked: nothing is stored for
    them meanwhile by whoever asks `hold_member` first. What `note_carried` is told of a merge,
    `merge_undone` can ask for. Raising undoes the merge.
    """


@take_part(since="0.1")
async def merge_undone(ctx: Context, merge: MemberMerge) -> None:
    """Put back what `members_merged` carried; what came since stays the survivor's.

    Once, in the transaction that undoes the merge. Raising keeps the merge.
    """


@take_part(since="0.1")
async def member_erasing(ctx: Context, member: ErasedMember) -> None:
    """Erase what the tables of `register_privacy` do not say: texts that name a member.

    In the transaction of the erasure, before core erases its own. Raising undoes it: it is tried
    again later.
    """
