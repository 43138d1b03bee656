"""What the arguments of the two schemas stand for, as far as their types do not say it.

A key is the end of an argument's path, the longest that fits wins: `orderId` is an order's id
everywhere, `member.id` only there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# An id argument is one of these things; the word is the id's prefix, or a name of its own.
THINGS: Mapping[str, str] = {
    "orderId": "ord",
    "order.id": "ord",
    "order.number": "number",
    "lineId": "line",
    # A cart is opened by its token alone.
    "updateCartLine.input.lineId": "cart line",
    "paymentId": "pay",
    "refundId": "refund",
    "fulfilmentId": "ful",
    "returnId": "ret",
    "messageId": "msg",
    "messageIds": "msg",
    "addressId": "addr",
    "loginSessionId": "login",
    "staffId": "staff",
    "staffMember.id": "staff",
    "serviceTokenId": "svc",
    "memberId": "mem",
    "memberIds": "mem",
    "member.id": "mem",
    "survivorId": "mem",
    "mergedId": "mem",
    "node.id": "ord",
    "mergeId": "merge",
    "actorId": "staff",
    "approvalId": "appr",
    "fileId": "file",
    "importId": "import",
    "importRun.id": "import",
    "exportRun.id": "export",
    "productId": "prod",
    "productIds": "prod",
    "exceptProductIds": "prod",
    "product.id": "prod",
    "variantId": "var",
    "variantIds": "var",
    "addProductIds": "prod",
    "removeProductIds": "prod",
    "categoryId": "cat",
    "parentId": "cat",
    "collectionId": "coll",
    "categoryIds": "cat",
    "exceptCategoryIds": "cat",
    "endpointId": "hook",
    "webhookEndpoint.id": "hook",
    "eventId": "evt",
    "draftOrderId": "draft",
    "draftOrder.id": "draft",
    "jobId": "job",
    "job.id": "job",
    "retryDeadLetter.input.id": "dead",
    "skipDeadLetter.input.id": "dead",
    "endTaxRate.input.id": "tax",
    "removeTaxRate.input.id": "tax",
    "removePriceRule.input.id": "rule",
    "roundId": "act",
    "groupBuy.id": "act",
    "endGroupBuy.id": "act",
    "teamId": "team",
    "groupBuyTeam.id": "team",
    "promotionId": "promo",
    "promotion.id": "promo",
    "promotionUses.id": "promo",
    "promotionCoupons.id": "promo",
    "promotionDryRun.id": "promo",
}

# Whose they are is for their owner and for staff with the permission alone.
OWNED = frozenset(
    {"ord", "number", "line", "pay", "refund", "ful", "ret", "msg", "mem", "addr", "login"}
    | {"appr", "rule"}
)

# What is said where a value must stand that has to pass before anything is looked for.
NEEDED: Mapping[str, Any] = {
    "placeOrder.input.contact.email": "mallory@example.org",
    "amount": "1.00",
    "country": "CN",
    "currency": "EUR",
    "channel": "main",
    "location": "main",
}


def told(words: Mapping[str, Any], path: str) -> Any:
    """Return what the longest end of a path that has a word stands for, or None."""
    parts = path.split(".")
    ends = (".".join(parts[start:]) for start in range(len(parts)))
    return next((words[end] for end in ends if end in words), None)
