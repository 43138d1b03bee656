"""GET /metrics: what the hooks of each plugin have cost this process, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from koipond.kernel.dispatch import Registry

# {name: its help}, of counters with the labels plugin and hook.
_FAMILIES = {
    "koi_hook_calls": "Calls of a plugin's implementation of a hook.",
    "koi_hook_failures": "Calls that raised, were late or answered nonsense.",
    "koi_hook_seconds": "Seconds that calls have taken.",
}


class _HookCosts(Collector):
    """Reads what the dispatcher counts anyway; nothing is counted twice."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one family each of calls, failures and seconds."""
        families = [
            CounterMetricFamily(name, words, labels=("plugin", "hook"))
            for name, words in _FAMILIES.items()
        ]
        for plugin, hook, measure in self._registry.measures():
            values = (measure.calls, measure.failures, measure.seconds)
            for family, value in zip(families, values, strict=True):
                family.add_metric((plugin, hook), value)
        yield from families


def make_metrics(registry: Registry) -> HTTPRouteHandler:
    """Return what answers GET /metrics. Each process has numbers of its own."""
    collectors = CollectorRegistry(auto_describe=False)
    collectors.register(_HookCosts(registry))

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        """Answer in Prometheus' text format."""
        return Response(generate_latest(collectors), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics
