"""Options that several commands take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from koipond.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

# `koi serve` hands the file to its worker processes by this variable.
SETTINGS_VARIABLE = "KOI_SETTINGS"


def settings_path(function: F) -> F:
    """Add the option --settings, as the argument `settings_file`."""
    option = click.option(
        "--settings",
        "settings_file",
        metavar="FILE",
        envvar=SETTINGS_VARIABLE,
        help="A TOML file of settings; paths in it are relative to it. Default: koi.toml.",
    )
    return option(function)


def remember_settings(ctx: click.Context, settings_file: str | None) -> None:
    """Keep the group's file for the command, which may name its own."""
    ctx.obj = settings_file


def with_settings(command: Callable[Concatenate[Settings, P], R]) -> Callable[..., R]:
    """Give a command the shop's settings as its first argument, and the option --settings."""

    @settings_path
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from koipond.settings import load

        named = settings_file()
        kwargs.pop("settings_file")
        return command(load(Path(named) if named else None), *args, **kwargs)

    return run


def settings_file() -> str | None:
    """Return the file that the running command, or else the group, was given."""
    ctx = click.get_current_context()
    assert ctx is not None, "only commands ask"
    named: str | None = ctx.params.get("settings_file") or ctx.obj
    return named
