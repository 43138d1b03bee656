"""Options that several commands take."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import rich_click as click
from click.core import ParameterSource

if TYPE_CHECKING:
    from koipond.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

# `koi serve` hands the file to its worker processes by this variable.
SETTINGS_VARIABLE = "KOI_SETTINGS"


def settings_path(function: F) -> F:
    """Add the option --settings; `settings_file` tells what it was given."""
    option = click.option(
        "--settings",
        metavar="FILE",
        envvar=SETTINGS_VARIABLE,
        expose_value=False,
        callback=_remember,
        help="A TOML file of settings; paths in it are relative to it. Default: the one that the "
        "variable KOI_SETTINGS names, or koi.toml.",
    )
    return option(function)


def with_settings(
    command: Callable[Concatenate[Settings, P], R], *, production: bool = False
) -> Callable[..., R]:
    """Give a command the shop's settings as its first argument, and the option --settings.

    production: what the shop is if no setting says it.
    """

    @settings_path
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return command(read_settings(settings_file(), production=production), *args, **kwargs)

    return run


def read_settings(named: str | None, *, production: bool) -> Settings:
    """Read the settings as a command does. Raises SettingsInvalid."""
    from koipond.settings import load

    return load(Path(named) if named else None, defaults={"production": production})


def settings_file() -> str | None:
    """Return the file that was given to the running command, or else to the group."""
    ctx = click.get_current_context()
    assert ctx is not None, "only commands ask"
    named: str | None = ctx.meta.get(SETTINGS_VARIABLE)
    return named


def settings_origin() -> str:
    """Say which file the running command read, or that there was none."""
    named = settings_file()
    if named is None and not Path("koi.toml").exists():
        return "Settings: no koi.toml is here, and no file was named (koi --settings FILE)."
    return f"Settings: {named or 'koi.toml'}"


def typed_program() -> str:
    """Return how the running program is typed: `koi` if that finds it, or its path."""
    program = sys.argv[0]
    found = shutil.which("koi")
    if found is not None and Path(program).exists() and Path(found).samefile(program):
        return "koi"
    return os.path.relpath(program)


def _remember(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Keep the file. What is typed behind the command wins over the group's, both over a variable.

    The meta of a context is shared with those of its commands.
    """
    source = ctx.get_parameter_source(parameter.name or "")
    if value and (source is ParameterSource.COMMANDLINE or SETTINGS_VARIABLE not in ctx.meta):
        ctx.meta[SETTINGS_VARIABLE] = value
