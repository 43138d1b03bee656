"""A plugin of promotions that proposes what a test hands it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from msgspec import Struct

from koipond.kernel.dispatch import implement
from koipond.kernel.errors import DomainError
from koipond.kernel.plugins import Manifest, Plugin
from koipond.order.errors import CouponNotEligible
from koipond.pricing.types import CartOffer, CartRequest, Proposal, TracedInputs


class PerkInputs(TracedInputs, frozen=True, kw_only=True):
    """What is proposed; those with a coupon only for those who give its code."""

    proposals: tuple[Proposal, ...] = ()
    over: tuple[str, ...] = ()
    more: str = ""


class NextPerkInputs(TracedInputs, frozen=True, kw_only=True):
    """Another shape."""

    version: ClassVar[int] = 2


class Perks:
    """What the plugin proposes. over: codes that it knows and refuses."""

    def __init__(
        self,
        *proposals: Proposal,
        over: tuple[str, ...] = (),
        more: str = "",
        takes: tuple[type[TracedInputs], ...] = (PerkInputs,),
    ) -> None:
        self.inputs = PerkInputs(proposals=proposals, over=over, more=more)
        self.takes = takes
        self.asked: list[CartRequest] = []
        self.calculated: list[CartRequest] = []

    def plugin(self) -> Plugin:
        """Make the plugin."""

        def register_traced_inputs() -> list[type[TracedInputs]]:
            return list(self.takes)

        async def cart_inputs(ctx: Any, request: CartRequest) -> Struct | None:
            self.asked.append(request)
            return self.inputs

        def cart_adjustments(request: CartRequest, inputs: PerkInputs) -> CartOffer | None:
            self.calculated.append(request)
            known = [one.coupon for one in inputs.proposals if one.coupon is not None]
            coupons: dict[str, DomainError | None] = {
                code: CouponNotEligible(coupon=code) if code in inputs.over else None
                for code in request.coupon_codes
                if code in known or code in inputs.over
            }
            live = tuple(
                one
                for one in inputs.proposals
                if one.coupon is None or one.coupon in request.coupon_codes
            )
            return CartOffer(proposals=live, coupons=coupons)

        module = ModuleType("toy_perks.hooks")
        for hook in (register_traced_inputs, cart_inputs, cart_adjustments):
            vars(module)[hook.__name__] = implement()(hook)
        return Plugin(
            manifest=Manifest(name="perks", version="1", api="0.1", table_prefix="perks"),
            package="toy_perks",
            folder=Path(__file__).parent,
            hooks=module,
        )
