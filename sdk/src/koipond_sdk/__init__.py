"""What a plugin imports: nothing else of koipond is promised to stay.

koipond_sdk          the words of every file: context, events, refusals, money, ids
koipond_sdk.db       tables.py and repository.py
koipond_sdk.views    repository.py: core's data, to read
koipond_sdk.schema   graphql.py
koipond_sdk.testing  tests, of the extra koipond-sdk[testing]
"""

from koipond.kernel.clock import Clock
from koipond.kernel.context import Context, Scope, transaction
from koipond.kernel.dispatch import implement
from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.events import Event
from koipond.kernel.ids import (
    ChannelId,
    MemberId,
    OrderId,
    ProductId,
    VariantId,
    decode,
    encode,
    new_id,
)
from koipond.kernel.inputs import PluginInput
from koipond.kernel.money import Currency, Money, share_of, split
from koipond.kernel.viewer import Viewer, ViewerKind

__all__ = [
    "ChannelId",
    "Clock",
    "Context",
    "Currency",
    "DomainError",
    "Event",
    "MemberId",
    "Money",
    "OrderId",
    "PluginInput",
    "ProductId",
    "Scope",
    "VariantId",
    "Viewer",
    "ViewerKind",
    "decode",
    "domain_error",
    "encode",
    "implement",
    "new_id",
    "share_of",
    "split",
    "transaction",
]
