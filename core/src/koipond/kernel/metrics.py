"""GET /metrics: what hooks cost this process, and how it ran operations, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from koipond.kernel.dispatch import Registry

# Returns {schema: (operations run by a plan, those run by graphql-core)}.
Operations = Callable[[], Mapping[str, tuple[int, int]]]
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


class _Operations(Collector):
    """Reads what the executors count."""

    def __init__(self, count: Operations) -> None:
        self._count = count

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield how many operations were run, by schema and by what ran them."""
        family = CounterMetricFamily(
            "koi_graphql_operations",
            "Queries and mutations, run by a plan or, where there is none, by graphql-core.",
            labels=("schema", "by"),
        )
        for schema, (planned, fallen_back) in self._count().items():
            family.add_metric((schema, "plan"), planned)
            family.add_metric((schema, "graphql-core"), fallen_back)
        yield family


def make_metrics(registry: Registry, *, operations: Operations) -> HTTPRouteHandler:
    """Return what answers GET /metrics. Each process has numbers of its own."""
    collectors = CollectorRegistry(auto_describe=False)
    collectors.register(_HookCosts(registry))
    collectors.register(_Operations(operations))

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        """Answer in Prometheus' text format."""
        return Response(generate_latest(collectors), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics
