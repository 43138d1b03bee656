"""What a plugin imports: nothing else of koipond is promised to stay.

koipond_sdk          the words of every file: context, events, refusals, money, ids
koipond_sdk.db       tables.py and repository.py
koipond_sdk.views    repository.py: core's data, to read
koipond_sdk.pricing  rules.py: core's arithmetic of prices, for dry runs and reports
koipond_sdk.schema   graphql.py
koipond_sdk.specs    hooks.py: the hooks, to be implemented
koipond_sdk.hooks    hooks.py: what they are given and return
koipond_sdk.services service.py: what core does for plugins
koipond_sdk.testing  tests, of the extra koipond-sdk[testing]
"""

from koipond.kernel.clock import Clock
from koipond.kernel.context import Context, Scope, transaction
from koipond.kernel.dispatch import implement
from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.events import Event
from koipond.kernel.extensions import Invariant, Permission, PluginJob, PluginSettings
from koipond.kernel.faults import crash_point
from koipond.kernel.fresh import Fresh
from koipond.kernel.idempotency import IdempotencyKeyInvalid, IdempotencyKeyReused, once
from koipond.kernel.ids import (
    ActivityId,
    CategoryId,
    ChannelId,
    MemberId,
    OrderId,
    OrderLineId,
    ProductId,
    RefundId,
    VariantId,
    decode,
    encode,
    name_ids,
    new_id,
)
from koipond.kernel.inputs import PluginInput
from koipond.kernel.invariants import Finding
from koipond.kernel.jobs import Job, enqueue, report_progress
from koipond.kernel.money import (
    Currency,
    Money,
    Rounding,
    RoundingPolicy,
    parse_amount,
    share_of,
    split,
)
from koipond.kernel.pages import Page, PageInvalid, Slice, cut
from koipond.kernel.quantity import Quantity
from koipond.kernel.schedules import Misfire
from koipond.kernel.texts import Locale
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.plugin.service import settings_of

__all__ = [
    "ActivityId",
    "CategoryId",
    "ChannelId",
    "Clock",
    "Context",
    "Currency",
    "DomainError",
    "Event",
    "Finding",
    "Fresh",
    "IdempotencyKeyInvalid",
    "IdempotencyKeyReused",
    "Invariant",
    "Job",
    "Locale",
    "MemberId",
    "Misfire",
    "Money",
    "OrderId",
    "OrderLineId",
    "Page",
    "PageInvalid",
    "Permission",
    "PluginInput",
    "PluginJob",
    "PluginSettings",
    "ProductId",
    "Quantity",
    "RefundId",
    "Rounding",
    "RoundingPolicy",
    "Scope",
    "Slice",
    "VariantId",
    "Viewer",
    "ViewerKind",
    "crash_point",
    "cut",
    "decode",
    "domain_error",
    "encode",
    "enqueue",
    "implement",
    "name_ids",
    "new_id",
    "once",
    "parse_amount",
    "report_progress",
    "settings_of",
    "share_of",
    "split",
    "transaction",
]
