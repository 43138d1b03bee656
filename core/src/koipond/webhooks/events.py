"""What happens to webhook endpoints."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import WebhookEndpointId


class WebhookEndpointDisabled(Event, frozen=True, kw_only=True):
    """An endpoint is told of nothing more; `reason` is a DisabledBy. What comes waits for it."""

    aggregate: ClassVar[str] = "endpoint_id"
    endpoint_id: WebhookEndpointId
    reason: str
