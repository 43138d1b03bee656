"""Makes plugins out of functions, for the tests of the dispatcher."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

from core.tests.kernel.dispatch import specs

from koipond.kernel.dispatch import Dispatcher, Registry
from koipond.kernel.errors import DomainError, domain_error


@domain_error
class PondDry(DomainError):
    """There is no water."""

    code: ClassVar[str] = "POND_DRY"

    def __str__(self) -> str:
        return "The pond is dry. Come back after the rain."


def plugin(*functions: Callable[..., Any]) -> ModuleType:
    """Return a module that holds `functions` under their own names."""
    module = ModuleType("a_plugin")
    for one in functions:
        one.__module__ = module.__name__
        setattr(module, one.__name__, one)
    return module


def dispatcher(**plugins: ModuleType) -> Dispatcher:
    """Return what calls these plugins' hooks."""
    return Dispatcher(Registry(specs, plugins))
