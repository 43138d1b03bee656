"""pytest's options of the conformance suite."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFORMANCE, PLUGIN = "koipond_conformance", "koipond_plugin"
SUITE = Path(__file__).parent / "suite.py"


def add_options(parser: pytest.Parser) -> None:
    """Let the suite be asked for."""
    group = parser.getgroup("koipond")
    group.addoption(
        "--koipond-conformance",
        action="store_true",
        dest=CONFORMANCE,
        help="look whether plugins keep to what every plugin keeps to (docs/testing.md)",
    )
    group.addoption(
        "--koipond-plugin",
        action="append",
        dest=PLUGIN,
        metavar="NAME",
        default=[],
        help="of which plugin; may be given several times. Default: all that are installed",
    )


def add_suite(config: pytest.Config) -> None:
    """Run the suite: alone, or behind what the command line names."""
    if not config.getoption(CONFORMANCE):
        return
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    config.args[:] = [*(config.args if named else ()), str(SUITE)]
