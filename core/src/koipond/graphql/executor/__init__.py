"""Executes GraphQL level by level: an operation becomes a plan once, a plan runs per request."""

from koipond.graphql.executor.plan import Plan
from koipond.graphql.executor.planning import Unsupported, plan_operation
from koipond.graphql.executor.running import run

__all__ = ["Plan", "Unsupported", "plan_operation", "run"]
