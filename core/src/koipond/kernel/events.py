"""Events: facts in the past tense, versioned, kept in the outbox of their transaction."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import ClassVar
from uuid import UUID

from msgspec import Struct


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened. Subclasses are named in the past tense and hold ids and numbers.

    `aggregate` names the field that holds the id of the thing it happened to: events of one
    aggregate are delivered in the order in which they were stored.
    """

    version: ClassVar[int] = 1
    aggregate: ClassVar[str]

    @classmethod
    def name(cls) -> str:
        """Return the event's name in the outbox and in references: its class name."""
        return cls.__name__

    def aggregate_id(self) -> UUID:
        """Return the id of the thing that this happened to."""
        key = getattr(self, self.aggregate)
        assert isinstance(key, UUID)
        return key


def events_of(*modules: ModuleType) -> list[type[Event]]:
    """Return the events that modules declare, in their order."""
    found = [(module, one) for module in modules for one in vars(module).values()]
    return [
        one
        for module, one in found
        if inspect.isclass(one) and issubclass(one, Event) and one.__module__ == module.__name__
    ]
