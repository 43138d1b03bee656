"""How the steps of a price are said, by language. Keys are effects and verdicts."""

from collections.abc import Mapping

Sentences = Mapping[str, str]

ENGLISH: Sentences = {
    "listed": "{label}: {quantity} at {unit} by the price list, {amount}.",
    "added": "{label} adds {amount}.",
    "taken": "{label} takes off {off}.",
    "included": "{label} is {amount}, which the prices include.",
    "shipping": "Shipping by {label} costs {amount}.",
    "shipping_free": "Shipping by {label} is free from {base} on, which the goods come to.",
    "taxed": "{label} adds {amount}: {rate} of {base}.",
    "taxed_included": "{label} is {amount} of {base}, which includes it at {rate}.",
    "with_coupon": "{label} (coupon {coupon})",
    "quote_won": "{label}: {name} costs {unit} each.",
    "quote_beaten": "{label} does not count: {name} at {unit} each is dearer than another price.",
    "quote_not_cheaper": "{label} does not count: {name} at {unit} each is not below the price "
    "without it.",
    "quote_not_chosen": "{label} does not count: {name} at {unit} each, and another was chosen.",
    "percent": "{label} takes {rate} off {base}: {off} less.",
    "amount_off": "{label} takes {off} off {base}.",
    "total_is": "{label}: what comes to {base} costs {total} together, {off} less.",
    "gift": "{label} gives {quantity} of {name}, worth {off}.",
    "beaten": "{label} does not count: it would take off {off}, {other} as much or more.",
    "excluded": "{label} does not count: it does not go beside {other}. Alone it would take "
    "{off} off {base}.",
    "below_minimum": "{label} does not count: it needs {needed}, and what it is for comes to "
    "{measured}.",
    "not_cheaper": "{label} does not count: {base} without it is not more.",
    "sold_by_activity": "{label} does not count for what is sold by an activity.",
    "nothing_left": "{label} does not count: there is nothing left that it could be taken off.",
    "gift_not_sold": "{label} does not count: its gift cannot be had here now.",
}
_CHINESE: Sentences = {
    "listed": "{label}：价目表单价 {unit}，{quantity} 件，共 {amount}。",
    "added": "{label}：加 {amount}。",
    "taken": "{label}：减 {off}。",
    "included": "{label}：{amount}，已含在价格中。",
    "shipping": "运费（{label}）：{amount}。",
    "shipping_free": "运费（{label}）：商品满 {base} 免运费。",
    "taxed": "{label}：按 {base} 的 {rate} 加 {amount}。",
    "taxed_included": "{label}：{base} 中已含 {rate} 的税，共 {amount}。",
    "with_coupon": "{label}（优惠码 {coupon}）",
    "quote_won": "{label}：{name} 每件 {unit}。",
    "quote_beaten": "{label} 未采用：{name} 每件 {unit}，另有更低的价格。",
    "quote_not_cheaper": "{label} 未采用：{name} 每件 {unit}，不低于原来的价格。",
    "quote_not_chosen": "{label} 未采用：{name} 每件 {unit}，买家选择了其他活动。",
    "percent": "{label}：按 {base} 的 {rate} 优惠，减 {off}。",
    "amount_off": "{label}：{base} 减 {off}。",
    "total_is": "{label}：原价 {base}，合计只需 {total}，减 {off}。",
    "gift": "{label}：赠送 {name} {quantity} 件，价值 {off}。",
    "beaten": "{label} 未采用：可减 {off}，{other} 减得同样多或更多。",
    "excluded": "{label} 未采用：不能与 {other} 同时使用；单独使用可在 {base} 上减 {off}。",
    "below_minimum": "{label} 未采用：需满 {needed}，目前为 {measured}。",
    "not_cheaper": "{label} 未采用：原来的 {base} 已不更高。",
    "sold_by_activity": "{label} 未采用：活动商品不参加。",
    "nothing_left": "{label} 未采用：没有可优惠的金额。",
    "gift_not_sold": "{label} 未采用：赠品目前无法提供。",
}
SENTENCES: Mapping[str, Sentences] = {"en": ENGLISH, "zh": _CHINESE}
