"""Hooks: pluggy checks and keeps implementations, plans fix their order once, and we call them.

kinds      what a spec says of itself, and how a plugin marks its implementation
registry   the implementations of one app, checked, in a fixed order per hook
calling    calls them: what each kind does when one raises, is late or answers nonsense
watching   who runs now, and for how long; cuts what is late, names what cannot be cut
guarding   what code of a plugin must not do while core waits for it
tracing    what was called for one request, for people to read
"""

from koipond.kernel.dispatch.calling import Dispatcher, Mood
from koipond.kernel.dispatch.errors import PluginFailed
from koipond.kernel.dispatch.guarding import HookMisuse
from koipond.kernel.dispatch.kinds import (
    Kind,
    by_key,
    calculate,
    contribute,
    event,
    implement,
    load,
    take_part,
    validate,
)
from koipond.kernel.dispatch.registry import HookMistake, Registry

__all__ = [
    "Dispatcher",
    "HookMistake",
    "HookMisuse",
    "Kind",
    "Mood",
    "PluginFailed",
    "Registry",
    "by_key",
    "calculate",
    "contribute",
    "event",
    "implement",
    "load",
    "take_part",
    "validate",
]
