"""What buyers are told of their orders, and when they are reminded to pay."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from koipond.fulfilment.types import Tracking
from koipond.kernel.money import Money
from koipond.kernel.texts import Locale
from koipond.notify.rules import fits
from koipond.notify.types import (
    Medium,
    MessageKind,
    MessageText,
    Purpose,
    Value,
    Variable,
    VariableKind,
)
from koipond.order.types import Order, OrderState

_ORDER_AGE_MIN = timedelta(minutes=2)
_LAST_CALL = timedelta(minutes=5)
_EN, _ZH = Locale("en"), Locale("zh-Hans")
_NUMBER = Variable(words="the order's number")


def _texts(
    subjects: Mapping[Locale, str], bodies: Mapping[Locale, str], short: Mapping[Locale, str]
) -> dict[Medium, dict[Locale, MessageText]]:
    """Return templates: a long one for mail and the message centre, a short one for the phone."""
    long = {one: MessageText(subject=subjects[one], body=bodies[one]) for one in subjects}
    return {
        Medium.EMAIL: long,
        Medium.IN_APP: long,
        Medium.SMS: {one: MessageText(body=text) for one, text in short.items()},
    }


UNPAID = MessageKind(
    key="order.unpaid",
    words="A reminder that an order is not paid yet.",
    act="They placed an order, and its time to pay is half over.",
    purpose=Purpose.TRANSACTIONAL,
    category="reminder",
    keep=timedelta(days=1),
    variables={
        "number": _NUMBER,
        "total": Variable(words="what it costs", kind=VariableKind.MONEY),
        "pay_until": Variable(words="until when it is kept", kind=VariableKind.TIME),
    },
    texts=_texts(
        {_EN: "Your order {{ number }} waits for your payment", _ZH: "订单 {{ number }} 待付款"},
        {
            _EN: "Your order {{ number }} of {{ total }} is not paid yet.\n\n"
            "We keep it for you until {{ pay_until }}.",
            _ZH: "您的订单 {{ number }}（{{ total }}）尚未付款。\n\n"
            "我们为您保留至 {{ pay_until }}。",
        },
        {
            _EN: "Order {{ number }}, {{ total }}: please pay until {{ pay_until }}.",
            _ZH: "订单 {{ number }}（{{ total }}）请于 {{ pay_until }} 前付款。",
        },
    ),
)
SHIPPED = MessageKind(
    key="order.shipped",
    words="Units of an order are on their way.",
    act="They bought it, and the shop has sent units of it.",
    purpose=Purpose.TRANSACTIONAL,
    category="order",
    variables={
        "number": _NUMBER,
        "carrier": Variable(words="who brings it", optional=True),
        "tracking_number": Variable(words="what the carrier calls it", optional=True),
        "tracking_link": Variable(
            words="where it can be followed", kind=VariableKind.LINK, optional=True
        ),
    },
    texts=_texts(
        {_EN: "Your order {{ number }} is on its way", _ZH: "订单 {{ number }} 已发货"},
        {
            _EN: "Your order {{ number }} has left us"
            "{% if carrier %} with {{ carrier }}{% endif %}."
            "{% if tracking_number %}\n\nTracking number: {{ tracking_number }}{% endif %}"
            "{% if tracking_link %}\n{{ tracking_link }}{% endif %}",
            _ZH: "您的订单 {{ number }} 已发货"
            "{% if carrier %}，承运商：{{ carrier }}{% endif %}。"
            "{% if tracking_number %}\n\n运单号：{{ tracking_number }}{% endif %}"
            "{% if tracking_link %}\n{{ tracking_link }}{% endif %}",
        },
        {
            _EN: "Order {{ number }} is on its way"
            "{% if tracking_number %}: {% endif %}"
            "{% if tracking_number and carrier %}{{ carrier }} {% endif %}{{ tracking_number }}.",
            _ZH: "订单 {{ number }} 已发货"
            "{% if tracking_number %}：{% endif %}"
            "{% if tracking_number and carrier %}{{ carrier }} {% endif %}{{ tracking_number }}。",
        },
    ),
)
REFUNDED = MessageKind(
    key="order.refunded",
    words="Money was given back.",
    act="They paid, and the shop has given money back.",
    purpose=Purpose.TRANSACTIONAL,
    category="order",
    variables={
        "number": _NUMBER,
        "amount": Variable(words="how much", kind=VariableKind.MONEY),
    },
    texts=_texts(
        {
            _EN: "{{ amount }} back for your order {{ number }}",
            _ZH: "订单 {{ number }} 退款 {{ amount }}",
        },
        {
            _EN: "We have given back {{ amount }} for your order {{ number }}, the way that it was "
            "paid. It may take your bank some days to show it.",
            _ZH: "您的订单 {{ number }} 已退款 {{ amount }}，款项将原路退回，到账时间以银行为准。",
        },
        {
            _EN: "Order {{ number }}: {{ amount }} were given back.",
            _ZH: "订单 {{ number }} 已退款 {{ amount }}。",
        },
    ),
)


def remind_at(placed_at: datetime, pay_until: datetime) -> datetime | None:
    """Return when to remind of an order: half its time before the end, or five minutes before.

    Whichever comes first; None where the order would not be two minutes old by then.
    """
    window = pay_until - placed_at
    after = min(window // 2, window - _LAST_CALL)
    return placed_at + after if after >= _ORDER_AGE_MIN else None


def is_reminded(order: Order, *, now: datetime) -> bool:
    """Tell whether an order is still to be paid: nobody is reminded of another."""
    waits = order.state is OrderState.PLACED and not order.is_closing
    return waits and order.pay_until is not None and now < order.pay_until


def unpaid_values(order: Order) -> dict[str, Value]:
    """Return what a reminder tells."""
    assert order.number is not None, "it was placed"
    assert order.pay_until is not None, "it was placed"
    return {"number": order.number, "total": order.total, "pay_until": order.pay_until}


def shipped_values(order: Order, tracking: Tracking) -> dict[str, Value]:
    """Return what is told of a parcel; what staff or a carrier wrote and is no such thing, not."""
    assert order.number is not None, "it was placed"
    told = {
        "carrier": " ".join(tracking.carrier.split()),
        "tracking_number": " ".join(tracking.number.split()),
        "tracking_link": tracking.url.strip(),
    }
    fitting = {name: one for name, one in told.items() if fits(SHIPPED.variables[name].kind, one)}
    return {"number": order.number, **fitting}


def refunded_values(order: Order, amount: Money) -> dict[str, Value]:
    """Return what is told of a refund."""
    assert order.number is not None, "it was placed"
    return {"number": order.number, "amount": amount}
