"""Payments: what went back to the buyer of an order."""

from koipond.payment.service import find_refunds
from koipond.payment.types import Refund, RefundReason, RefundState

__all__ = ["Refund", "RefundReason", "RefundState", "find_refunds"]
