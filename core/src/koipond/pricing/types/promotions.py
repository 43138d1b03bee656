"""What plugins are asked of a cart as a whole, and what they propose. They say what, core reckons:
base, rounding, caps, splits and who goes beside whom are not theirs to work out."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from koipond.kernel.errors import DomainError
from koipond.kernel.ids import (
    ActivityId,
    CategoryId,
    ChannelId,
    MemberId,
    OrderId,
    OrderLineId,
    ProductId,
    VariantId,
)
from koipond.kernel.inputs import ChosenInputs
from koipond.kernel.money import PPM, Currency
from koipond.kernel.texts import Locale
from koipond.pricing.types.stages import Stage, Verdict
from koipond.pricing.types.values import (
    CODE_MAX,
    GROUP_MAX,
    LABEL_MAX,
    RULE_MAX,
    is_amount,
    is_text,
    is_whole,
)

# {line: how many of its units}
Units = Mapping[OrderLineId, int]

_STAGES = {
    Stage.LINE_PROMOTION,
    Stage.ORDER_PROMOTION,
    Stage.COUPON,
    Stage.POINTS,
    Stage.SHIPPING_DISCOUNT,
}


class CartItem(Struct, frozen=True, kw_only=True):
    """A line of a cart before promotions: quantity >= 1 units at unit_minor each.

    list_minor: what a unit costs by the price list. activity_id: the activity that sells it.
    """

    id: OrderLineId
    variant_id: VariantId
    product_id: ProductId
    category_ids: frozenset[CategoryId]
    quantity: int
    list_minor: int
    unit_minor: int
    activity_id: ActivityId | None = None


class CartRequest(Struct, frozen=True, kw_only=True):
    """A cart whose promotions are asked for, and who asks, where and when.

    groups: codes of the member's groups. coupon_codes: as the buyer wrote them, each once.
    shipping_method: the code of the chosen one. locales: the buyer's languages, best first.
    order_id: the order that it will be, if that is known: what is counted as used may be held by
    it already. member_id (None for a guest), chosen and chosen_of: who asks, and what plugins were
    told of the order and of lines. `cart_inputs` is told these four; the calculation, which is
    repeated from what is kept with the order, finds them empty: what it needs of them belongs to
    its inputs.
    """

    channel_id: ChannelId
    currency: Currency
    now: datetime
    items: tuple[CartItem, ...]
    coupon_codes: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    shipping_method: str | None = None
    locales: tuple[Locale, ...] = ()
    order_id: OrderId | None = None
    member_id: MemberId | None = None
    chosen: ChosenInputs = {}
    chosen_of: Mapping[OrderLineId, ChosenInputs] = {}


class TracedInputs(Struct, frozen=True, kw_only=True):
    """What `cart_inputs` or `price_inputs` return to be kept with the order, so that the
    calculation can be run again; at most TRACED_MAX bytes as JSON, or they are not kept.

    version: of the plugin's classes each has its own, another shape is another class;
    `register_traced_inputs` names those that its calculations still take. No personal data: fields
    that hold ids of members, or are called like what is known of people, refuse the start.
    """

    version: ClassVar[int] = 1


TRACED_MAX = 8 * 1024


class Percent(Struct, frozen=True, kw_only=True, tag="percent"):
    """Take off a share of what is left of the targets. rate_ppm: 1 to 1,000,000."""

    rate_ppm: int

    def __post_init__(self) -> None:
        assert is_whole(self.rate_ppm, 1, PPM), "a share is more than nothing and at most all"


class AmountOff(Struct, frozen=True, kw_only=True, tag="amount_off"):
    """Take off an amount, at most what is left of the targets.

    every_minor: once for each time that what the minimum is measured by comes to this much.
    """

    amount_minor: int
    every_minor: int | None = None

    def __post_init__(self) -> None:
        assert is_amount(self.amount_minor, 1), "an amount to take off is more than nothing"
        assert self.every_minor is None or is_amount(self.every_minor, 1), "of 0 there is no end"


class TotalIs(Struct, frozen=True, kw_only=True, tag="total_is"):
    """Let the targets together cost this much, if they cost more: N for M."""

    total_minor: int

    def __post_init__(self) -> None:
        assert is_amount(self.total_minor), "a total is 0 or more"


class Gift(Struct, frozen=True, kw_only=True, tag="gift"):
    """Add units of a variant as a line of their own, at their list price, all of it taken off.

    They are reserved like any others. A variant that is not sold here, or of which there are too
    few, is no gift, and the purchase goes on without it.
    """

    variant_id: VariantId
    quantity: int = 1

    def __post_init__(self) -> None:
        assert isinstance(self.variant_id, UUID), "a gift is a variant"
        assert is_whole(self.quantity, 1), "a gift has units"


Effect = Percent | AmountOff | TotalIs | Gift
# Asked of every proposal, and a union is asked five times as long.
_EFFECTS = (Percent, AmountOff, TotalIs, Gift)


class StackMode(StrEnum):
    """How a proposal goes beside others of its group."""

    # On what the ones before it left.
    STACK = "stack"
    # Alone: the first of its group by stage and priority, and none beside it.
    EXCLUSIVE = "exclusive"
    # Of those of its group with this mode only the one that takes off the most.
    BEST_DEAL = "best_deal"


class Stacking(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Beside which others a proposal may count: those of other groups always.

    group: a name that all plugins share; "" is a group too, of all that name none.
    per_line: two of a group that share no line, and both say so, do not meet.
    """

    group: str = ""
    mode: StackMode = StackMode.STACK
    per_line: bool = False

    def __post_init__(self) -> None:
        assert is_text(self.group, GROUP_MAX), f"a group has at most {GROUP_MAX} characters"
        assert isinstance(self.mode, StackMode), "a mode is one of StackMode"


class Proposal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a plugin would have core take off a cart in one stage.

    rule, rule_version: what the plugin calls the rule; label: what the buyer reads.
    targets: {line: units} of whose price it takes; None: the whole order or, in the stage
    SHIPPING_DISCOUNT, which has no others, the shipping.
    minimum_minor: what the units of `minimum_of` (None: the targets; of shipping, all lines) must
    come to after the stages before this one. cap_minor: the most that is taken off.
    priority: of one stage the higher goes first, so the others take from what it leaves.
    coupon: the code that unlocks it. with_activities: it also counts for lines that an activity
    sells; else those are left out, and of TotalIs none may be one. with_edits: if it counts when
    the order is placed, it goes on to count for what staff add to it; nothing is asked for it
    again, so what has to be counted does not say so.
    """

    rule: str
    label: str
    stage: Stage
    effect: Effect
    rule_version: int = 1
    targets: Units | None = None
    minimum_minor: int = 0
    minimum_of: Units | None = None
    cap_minor: int | None = None
    stacking: Stacking = Stacking()
    priority: int = 0
    coupon: str | None = None
    with_activities: bool = False
    with_edits: bool = False

    def __post_init__(self) -> None:
        # Here, where it is the plugin that is told: an order that is kept with what cannot be read
        # again could not be shown to anybody.
        assert is_text(self.rule, RULE_MAX, least=1), f"a rule has 1 to {RULE_MAX} characters"
        assert is_text(self.label, LABEL_MAX), f"a label has at most {LABEL_MAX} characters"
        assert isinstance(self.stage, Stage), "a stage is one of Stage"
        assert self.stage in _STAGES, f"nothing is proposed in the stage {self.stage}"
        assert isinstance(self.effect, _EFFECTS), "an effect is one of Effect"
        assert is_whole(self.rule_version, 0), "a version is a whole number"
        assert is_whole(self.priority), "a priority is a whole number"
        assert is_amount(self.minimum_minor), "a minimum is 0 or more"
        assert self.cap_minor is None or is_amount(self.cap_minor, 1), "a cap leaves something"
        assert self.targets is None or self.stage is not Stage.SHIPPING_DISCOUNT, "it has no lines"
        for units in (self.targets, self.minimum_of):
            assert units is None or _are_units(units), "units are {line: how many}"
        assert isinstance(self.stacking, Stacking), "how it stacks is a Stacking"
        assert self.coupon is None or is_text(self.coupon, CODE_MAX), "a coupon is a code"


def _are_units(units: object) -> bool:
    if type(units) is not dict and not isinstance(units, Mapping):
        return False
    for key, count in units.items():
        if type(count) is not int or not isinstance(key, UUID):
            return False
    return True


class CartOffer(Struct, frozen=True, kw_only=True):
    """What a plugin makes of a cart.

    coupons: {code: None, or why it does not count} of those of the buyer's codes that are this
    plugin's. A code that no plugin claims is CouponUnknown; one that counts and takes nothing off,
    because of its minimum or of what it may not go beside, is refused by core.
    """

    proposals: tuple[Proposal, ...] = ()
    coupons: Mapping[str, DomainError | None] = {}

    def __post_init__(self) -> None:
        # Here, where it is the plugin that is told.
        assert all(isinstance(one, Proposal) for one in self.proposals), "these are no proposals"


class Judged(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A proposal, who made it, and what became of it: an entry of the price's trace.

    base_minor: what was left of its targets. off_minor: what it takes off, or would have taken of
    that if it had not been beaten. measured_minor: what its minimum was measured by.
    against: (origin, rule) of the one that it lost to. gift_id: the line that it added.
    """

    origin: str
    proposal: Proposal
    verdict: Verdict
    base_minor: int = 0
    off_minor: int = 0
    measured_minor: int = 0
    against: tuple[str, str] | None = None
    gift_id: OrderLineId | None = None

    @property
    def needed_minor(self) -> int:
        """What its minimum must be measured by to count at all."""
        effect = self.proposal.effect
        every = effect.every_minor if isinstance(effect, AmountOff) else None
        return max(self.proposal.minimum_minor, every or 0)
