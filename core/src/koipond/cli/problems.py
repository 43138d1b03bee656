"""What a user can mend: shown as a panel that says what happened, why, and what to do."""

from __future__ import annotations

import rich_click as click

from koipond.cli.options import settings_origin


class Problem(click.ClickException):
    """Something that a user can mend; rich-click shows it without a traceback."""

    exit_code = 2


def explain(error: Exception) -> Problem | None:
    """Return the problem that an error stands for, or None if it is a bug."""
    from koipond.graphql.assets import AssetsMissing
    from koipond.kernel.db import DatabaseUrlInvalid
    from koipond.kernel.dispatch import HookMistake
    from koipond.kernel.errors import DomainError
    from koipond.kernel.migrate import MigrationRefused
    from koipond.kernel.plugins import PluginBroken
    from koipond.kernel.readiness import NotReady
    from koipond.kernel.schema.build import SchemaConflict
    from koipond.settings import SettingsInvalid

    mendable = (
        AssetsMissing,
        DatabaseUrlInvalid,
        DomainError,
        HookMistake,
        MigrationRefused,
        NotReady,
        PluginBroken,
        SchemaConflict,
        SettingsInvalid,
    )
    if isinstance(error, NotReady):
        return Problem(f"{error}\n{settings_origin()}")
    return Problem(str(error)) if isinstance(error, mendable) else None
