"""Executes GraphQL level by level: an operation becomes a plan once, a plan runs per request."""

from koipond.graphql.executor.plan import Plan
from koipond.graphql.executor.plans import Plans
from koipond.graphql.executor.running import run

__all__ = ["Plan", "Plans", "run"]
