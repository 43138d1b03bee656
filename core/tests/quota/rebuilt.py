"""Naive builds: a module of the product that differs from the real one by one named line."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def rebuilt(name: str, real: str, naive: str) -> ModuleType:
    """Return a copy of the module `name` with `naive` in the place of `real`; it is not imported.

    Its classes are its own, those that it imports are the real ones.
    """
    made = ModuleType(f"{name}__naive")
    sys.modules[made.__name__] = made
    exec(_compile(name, real, naive), made.__dict__)
    return made


def rebuild(name: str, real: str, naive: str) -> None:
    """Change the module `name` itself, for a process that is there to fail."""
    exec(_compile(name, real, naive), importlib.import_module(name).__dict__)


def _compile(name: str, real: str, naive: str) -> object:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    assert source.count(real) == 1, f"{name} has {source.count(real)} times: {real}"
    return compile(source.replace(real, naive), spec.origin, "exec")
