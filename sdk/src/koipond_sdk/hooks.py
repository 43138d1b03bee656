"""What a plugin's hooks.py is made of: what hooks are given and what they return.

The hooks themselves stand in the reference, docs/reference/hooks.md.
"""

from koipond.kernel.dispatch import implement
from koipond.kernel.inputs import PluginInput
from koipond.login.errors import ProofRefused
from koipond.login.types import LoginProof, ProvenPerson
from koipond.member.types import IdentityKind
from koipond.oneid.types import MemberMerge
from koipond.order.events import OrderCancelled, OrderConfirmed, OrderExpired, OrderPlaced
from koipond.order.types import Checkout, CheckoutTerms, HoldWish, QuotaRequest
from koipond.payment.events import Refunded
from koipond.pricing.types import (
    AmountOff,
    CartItem,
    CartOffer,
    CartRequest,
    Gift,
    Percent,
    PriceItem,
    PriceQuote,
    PriceRequest,
    Proposal,
    Stacking,
    StackMode,
    Stage,
    TotalIs,
    TracedInputs,
)
from koipond.privacy.types import ErasedMember, Erasure, PersonalTable

__all__ = [
    "AmountOff",
    "CartItem",
    "CartOffer",
    "CartRequest",
    "Checkout",
    "CheckoutTerms",
    "ErasedMember",
    "Erasure",
    "Gift",
    "HoldWish",
    "IdentityKind",
    "LoginProof",
    "MemberMerge",
    "OrderCancelled",
    "OrderConfirmed",
    "OrderExpired",
    "OrderPlaced",
    "Percent",
    "PersonalTable",
    "PluginInput",
    "PriceItem",
    "PriceQuote",
    "PriceRequest",
    "ProofRefused",
    "Proposal",
    "ProvenPerson",
    "QuotaRequest",
    "Refunded",
    "StackMode",
    "Stacking",
    "Stage",
    "TotalIs",
    "TracedInputs",
    "implement",
]
