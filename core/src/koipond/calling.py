"""Calls every hook of hooks.py by its kind, over the plugins of one app."""

from __future__ import annotations

from collections.abc import Mapping, Set
from types import MappingProxyType

from msgspec import Struct

from koipond.catalog.types import CatalogFilter, CatalogSort
from koipond.kernel.context import Context
from koipond.kernel.deliveries import Consumer
from koipond.kernel.dispatch import (
    Dispatcher,
    Mood,
    Registry,
)
from koipond.kernel.dispatch.calling import Inputs
from koipond.kernel.errors import DomainError
from koipond.kernel.events import Event
from koipond.kernel.extensions import Invariant, Permission, PluginJob, PluginSettings
from koipond.kernel.schema import Api
from koipond.login.types import LoginProof, ProvenPerson
from koipond.member.types import Reward
from koipond.notify.types import MessageKind, OutgoingMessage, Sent
from koipond.oneid.types import MemberMerge
from koipond.order.types import Checkout, CheckoutTerms, Order, OrderState, QuotaRequest
from koipond.pricing.rules import Offered
from koipond.pricing.types import CartOffer, CartRequest, PriceRequest, TracedInputs
from koipond.privacy.types import ErasedMember, PersonalTable

# {hook that loads: what is calculated from it}
_CALCULATED_FROM = {"price_inputs": "price_quotes", "cart_inputs": "cart_adjustments"}


class Hooks:
    """The specs above as methods, over a frozen registry of implementations."""

    def __init__(
        self, registry: Registry, prefixes: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """prefixes: {plugin: with which the names of its tables begin}."""
        self.registry = registry
        self._call = Dispatcher(registry)
        self._prefixes = prefixes
        self._queries: Mapping[str, list[CatalogFilter | CatalogSort]] | None = None

    @property
    def plugins(self) -> Set[str]:
        """The plugins that are installed and on."""
        return self.registry.plugins

    def prefix_of(self, plugin: str) -> str:
        """Return with which the names of a plugin's tables begin."""
        return self._prefixes[plugin]

    def register_graphql(self, plugin: str, api: Api) -> None:
        """Let one plugin add to the schemas; each gets an Api that carries its name."""
        self._call.contribute("register_graphql", plugin, api)

    def register_permissions(self, plugin: str) -> list[Permission]:
        """Return one plugin's rights."""
        found: list[Permission] | None = self._call.contribute("register_permissions", plugin)
        return found or []

    def register_settings(self, plugin: str) -> type[PluginSettings] | None:
        """Return the class of one plugin's settings, or None if it has none."""
        found: type[PluginSettings] | None = self._call.contribute("register_settings", plugin)
        return found

    def register_jobs(self, plugin: str) -> list[PluginJob]:
        """Return one plugin's kinds of jobs."""
        found: list[PluginJob] | None = self._call.contribute("register_jobs", plugin)
        return found or []

    def register_messages(self, plugin: str) -> list[MessageKind]:
        """Return one plugin's kinds of messages."""
        found: list[MessageKind] | None = self._call.contribute("register_messages", plugin)
        return found or []

    def register_events(self, plugin: str) -> list[type[Event]]:
        """Return one plugin's events that others may be told of."""
        found: list[type[Event]] | None = self._call.contribute("register_events", plugin)
        return found or []

    def register_invariants(self, plugin: str) -> list[Invariant]:
        """Return what must hold of one plugin's rows."""
        found: list[Invariant] | None = self._call.contribute("register_invariants", plugin)
        return found or []

    def register_traced_inputs(self, plugin: str) -> list[type[TracedInputs]]:
        """Return the classes of inputs that one plugin's calculations take."""
        found: list[type[TracedInputs]] | None
        found = self._call.contribute("register_traced_inputs", plugin)
        return found or []

    async def disable_blockers(self, plugin: str, ctx: Context) -> list[str]:
        """Return why one plugin must not be disabled now. Raises PluginFailed."""
        found: list[str] | None = await self._call.ask("disable_blockers", plugin, ctx)
        return found or []

    def catalog_query(self) -> Mapping[str, list[CatalogFilter | CatalogSort]]:
        """Return {plugin: its filters and orders of products}; each is asked once."""
        if self._queries is None:
            plugins = self._call.plugins("catalog_query")
            self._queries = {one: self._call.contribute("catalog_query", one) for one in plugins}
        return self._queries

    def catalog_filters(self) -> Mapping[str, CatalogFilter]:
        """Return {name: filter of products} of all plugins."""
        found = (one for own in self.catalog_query().values() for one in own)
        return {one.name: one for one in found if isinstance(one, CatalogFilter)}

    def catalog_sorts(self) -> Mapping[str, CatalogSort]:
        """Return {name: order of products} of all plugins."""
        found = (one for own in self.catalog_query().values() for one in own)
        return {one.name: one for one in found if isinstance(one, CatalogSort)}

    async def price_inputs(self, ctx: Context, request: PriceRequest, *, mood: Mood) -> Inputs:
        """Return {plugin: what it needs to quote prices for a request}. Raises PluginFailed."""
        return await self._call.load("price_inputs", ctx, request, mood=mood)

    def price_quotes(self, request: PriceRequest, inputs: Inputs, *, mood: Mood) -> list[Offered]:
        """Return [(plugin, quote)] of all plugins. Raises PluginFailed."""
        found = self._call.calculate("price_quotes", inputs, request, mood=mood)
        return [(plugin, quote) for plugin, quotes in found for quote in quotes]

    @property
    def adjusts_carts(self) -> bool:
        """Whether any plugin has something to say of carts."""
        return self._call.has("cart_inputs") or self._call.has("cart_adjustments")

    async def cart_inputs(self, ctx: Context, request: CartRequest) -> Inputs:
        """Return {plugin: what it needs to adjust a cart}. Raises PluginFailed."""
        return await self._call.load("cart_inputs", ctx, request, mood=Mood.REFUSE)

    def cart_adjustments(
        self, request: CartRequest, inputs: Inputs
    ) -> tuple[tuple[str, CartOffer], ...]:
        """Return [(plugin, what it makes of a cart)]. Raises PluginFailed."""
        found = self._call.calculate("cart_adjustments", inputs, request, mood=Mood.REFUSE)
        return tuple((plugin, offer) for plugin, offer in found if offer is not None)

    def calculate_again(self, hook: str, plugin: str, request: Struct, inputs: Struct) -> object:
        """Return what one plugin's calculation makes of what is kept; None if it has none.

        hook: that loaded the inputs. Raises PluginFailed.
        """
        return self._call.calculate_of(_CALCULATED_FROM[hook], plugin, request, inputs)

    async def checkout_validate(self, ctx: Context, checkout: Checkout) -> list[DomainError]:
        """Return why plugins refuse a purchase."""
        return await self._call.validate("checkout_validate", ctx, checkout)

    async def checkout_attributes(
        self, ctx: Context, checkout: Checkout
    ) -> dict[str, CheckoutTerms]:
        """Return {plugin: what it adds to an order}. Raises PluginFailed."""
        return await self._call.load("checkout_attributes", ctx, checkout, mood=Mood.REFUSE)

    async def quota_requests(self, ctx: Context, checkout: Checkout) -> list[QuotaRequest]:
        """Return what plugins want reserved beside the stock. Raises PluginFailed."""
        found = await self._call.load("quota_requests", ctx, checkout, mood=Mood.REFUSE)
        return [one for wanted in found.values() for one in wanted]

    async def order_creating(self, ctx: Context, order: Order, checkout: Checkout) -> None:
        """Let plugins write with an order. Raises PluginFailed and what plugins refuse by."""
        await self._call.take_part("order_creating", ctx.lent_to, order, checkout)

    async def order_move_validate(
        self, ctx: Context, order: Order, to: OrderState
    ) -> list[DomainError]:
        """Return why plugins refuse a move that a buyer asks for."""
        return await self._call.validate("order_move_validate", ctx, order, to)

    async def members_merged(self, ctx: Context, merge: MemberMerge) -> None:
        """Let plugins carry their rows. Raises PluginFailed and what plugins refuse by."""
        await self._call.take_part("members_merged", ctx.lent_to, merge)

    async def merge_undone(self, ctx: Context, merge: MemberMerge) -> None:
        """Let plugins put their rows back. Raises PluginFailed and what plugins refuse by."""
        await self._call.take_part("merge_undone", ctx.lent_to, merge)

    async def member_erasing(self, ctx: Context, member: ErasedMember) -> None:
        """Let plugins erase what they keep of a member. Raises PluginFailed."""
        await self._call.take_part("member_erasing", ctx.lent_to, member)

    def register_privacy(self, plugin: str) -> list[PersonalTable]:
        """Return what one plugin's tables keep of members."""
        found: list[PersonalTable] | None = self._call.contribute("register_privacy", plugin)
        return found or []

    async def reward_grant(self, ctx: Context, reward: Reward) -> None:
        """Give a reward; its kind must be one of `reward_kinds`. Raises PluginFailed."""
        await self._call.ask_by_key("reward_grant", reward.kind, ctx, reward)

    def reward_kinds(self, off: Set[str] = frozenset()) -> list[str]:
        """Return the kinds of rewards that can be given. off: plugins that are not asked."""
        given = self.registry.keys["reward_grant"]
        return sorted(kind for kind, one in given.items() if one.plugin not in off)

    async def message_send(self, ctx: Context, key: str, message: OutgoingMessage) -> Sent:
        """Let a plugin's sender send a message. Raises MessageNotSent, PluginFailed."""
        sent: Sent = await self._call.ask_by_key("message_send", key, ctx, message)
        return sent

    def senders(self) -> dict[str, str]:
        """Return {key: plugin} of the senders that plugins bring."""
        return {key: one.plugin for key, one in self.registry.keys["message_send"].items()}

    async def login_prove(self, ctx: Context, proof: LoginProof) -> ProvenPerson:
        """Return whom a provider vouches for. Raises ProofRefused, PluginFailed."""
        person: ProvenPerson = await self._call.ask_by_key(
            "login_prove", proof.provider, ctx, proof
        )
        return person

    def login_providers(self, off: Set[str] = frozenset()) -> list[str]:
        """Return the keys of login providers. off: plugins that are not asked."""
        given = self.registry.keys["login_prove"]
        return sorted(key for key, one in given.items() if one.plugin not in off)

    def consumers(self) -> list[Consumer]:
        """Return the plugins that hear of events, each as one consumer of the outbox."""
        return [self._consumer(plugin) for plugin in sorted(self.plugins) if self._heard_by(plugin)]

    def _consumer(self, plugin: str) -> Consumer:
        heard = self._heard_by(plugin)

        async def handle(ctx: Context, told: Event) -> None:
            await self._call.tell(heard[type(told)], plugin, ctx, told)

        # The dispatcher cuts what is late; this is for what it cannot cut.
        return Consumer(name=plugin, events=tuple(heard), handle=handle, deadline_s=10)

    def _heard_by(self, plugin: str) -> dict[type[Event], str]:
        """Return {event: the hook that a plugin hears it by}."""
        return {
            spec.declared.hears: name
            for name, spec in self.registry.specs.items()
            if spec.declared.hears is not None and self._call.implementation(name, plugin)
        }
