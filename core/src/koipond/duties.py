"""What the shop does by itself: what follows events, jobs, and what must always hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from koipond.catalog.service import audit as audit_catalog
from koipond.catalog.service import refresh_search
from koipond.catalog.types.jobs import RefreshSearch
from koipond.exports.service import do_export
from koipond.exports.types import RunExport
from koipond.fulfilment import events as fulfilment_events
from koipond.fulfilment.service import audit as audit_fulfilments
from koipond.imports.service import do_import, forget_files
from koipond.imports.types import ForgetFiles, RunImport
from koipond.kernel.audits import AUDITS as EVENT_AUDITS
from koipond.kernel.chaining import ChainAudit, audit_chain, chain_audit
from koipond.kernel.context import Reaction, Shop
from koipond.kernel.couriers import CarryEvents, carry_events
from koipond.kernel.deliveries import Consumer
from koipond.kernel.events import Event, events_of
from koipond.kernel.forgetting import (
    ForgetDeliveries,
    PruneEvents,
    forget_deliveries,
    prune_events,
)
from koipond.kernel.invariants import Audit
from koipond.kernel.jobs import Jobs
from koipond.kernel.schedules import Every
from koipond.ledger.service import audit as audit_ledger
from koipond.login import events as login_events
from koipond.login import service as login
from koipond.login.events import MemberLoggedIn
from koipond.login.types import PruneLogins
from koipond.member import events as member_events
from koipond.member import service as member
from koipond.notify.service import prune_messages
from koipond.notify.types import PruneMessages, SendMessage
from koipond.oneid import events as oneid_events
from koipond.oneid import service as oneid
from koipond.oneid.types import CarryMerge, PartMerge
from koipond.order import events as order_events
from koipond.order import service as order
from koipond.order.types import (
    CarryUnits,
    CloseOrders,
    ExpireOrder,
    ExpireOrders,
    FlagShortOrders,
    ReviveOrder,
)
from koipond.payment import events as payment_events
from koipond.payment import service as payment
from koipond.payment.events import (
    PaymentAuthorised,
    PaymentCaptured,
    PaymentMismatched,
    PaymentVoided,
    Refunded,
    RefundFailed,
)
from koipond.payment.types import (
    CapturePayment,
    GiveRefund,
    QueryPayment,
    QueryPayments,
    VoidPayment,
)
from koipond.privacy import events as privacy_events
from koipond.privacy.service import run_erasure, run_export
from koipond.privacy.types import EraseMember, ExportMember
from koipond.quota.service import audit as audit_quota
from koipond.staff import events as staff_events
from koipond.staff.events import StaffDisabled
from koipond.stock import events as stock_events
from koipond.stock.events import StockShort
from koipond.stock.service import audit as audit_stock
from koipond.stock.service import do_give_back
from koipond.stock.types import GiveBackUnits
from koipond.webhooks import events as webhook_events
from koipond.webhooks.service import ForgetAttempts, forget_attempts

# What must follow an event, in the transaction that told of it: the one way in which a concept
# moves another that is above it.
REACTIONS: Mapping[type[Event], Sequence[Reaction]] = {
    PaymentAuthorised: (order.cover_order,),
    PaymentCaptured: (order.cover_order,),
    PaymentVoided: (order.check_cover,),
    PaymentMismatched: (order.flag_mismatch,),
    Refunded: (order.flag_refund_elsewhere,),
    RefundFailed: (order.flag_failed_refund,),
    StockShort: (order.await_short_orders,),
    MemberLoggedIn: (order.claim_of_guest,),
    StaffDisabled: (login.end_of_disabled,),
    member_events.IdentityContested: (oneid.settle_contest,),
}
# What a worker does: each kind of job, and those that come again and again.
JOBS: Jobs = {
    RefreshSearch: refresh_search,
    ChainAudit: chain_audit,
    ForgetDeliveries: forget_deliveries,
    PruneEvents: prune_events,
    GiveBackUnits: do_give_back,
    ExpireOrders: order.expire_orders,
    ExpireOrder: order.expire_order,
    ReviveOrder: order.revive_order,
    CloseOrders: order.close_orders,
    FlagShortOrders: order.flag_short_orders,
    CarryUnits: order.carry_units,
    ExportMember: run_export,
    EraseMember: run_erasure,
    CarryMerge: oneid.carry_merge,
    PartMerge: oneid.part_merge,
    QueryPayments: payment.query_unresolved,
    QueryPayment: payment.run_query,
    CapturePayment: payment.run_capture,
    VoidPayment: payment.run_void,
    GiveRefund: payment.run_refund,
    SendMessage: member.deliver_message,
    PruneMessages: prune_messages,
    PruneLogins: login.prune_logins,
    CarryEvents: carry_events,
    ForgetAttempts: forget_attempts,
    RunImport: do_import,
    RunExport: do_export,
    ForgetFiles: forget_files,
}
RECURRING = (
    Every(seconds=10, job=ChainAudit()),
    Every(seconds=5, job=GiveBackUnits()),
    Every(seconds=15, job=ExpireOrders()),
    Every(seconds=15, job=QueryPayments()),
    Every(seconds=3_600, job=ForgetDeliveries()),
    Every(seconds=3_600, job=ForgetAttempts()),
    Every(seconds=3_600, job=ForgetFiles()),
    Every(seconds=3_600, job=PruneEvents()),
    Every(seconds=3_600, job=PruneMessages()),
    Every(seconds=3_600, job=PruneLogins()),
    Every(seconds=60, job=CloseOrders()),
)
# Who in core hears of events after their commit, beside the plugins.
CONSUMERS = (Consumer(name="core.messages", events=order.TOLD_OF, handle=order.tell_buyer),)
# What others may be told of; plugins add theirs.
EVENTS = events_of(
    staff_events,
    member_events,
    login_events,
    stock_events,
    payment_events,
    fulfilment_events,
    order_events,
    oneid_events,
    privacy_events,
    webhook_events,
)
# What core writes to members; plugins add theirs.
MESSAGE_KINDS = (*login.MESSAGE_KINDS, *order.MESSAGE_KINDS)
# What must always hold: the tests and `koi doctor --audit` look.
AUDITS: Sequence[Audit] = (
    audit_quota,
    audit_ledger,
    audit_catalog,
    audit_stock,
    payment.audit,
    audit_fulfilments,
    order.audit,
    oneid.audit,
    *EVENT_AUDITS,
    audit_chain,
)


def audits_of(shop: Shop) -> list[Audit]:
    """Return what looks after all that must hold in a shop: core's audits and its plugins'."""
    brought = [one.audit for found in shop.extensions.invariants.values() for one in found]
    return [*AUDITS, *brought]
