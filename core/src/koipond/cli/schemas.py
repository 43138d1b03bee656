"""`koi schema`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from koipond.cli.problems import Problem

_FILES = {"storefront": "schema.graphql", "admin": "admin.graphql"}
_core_only = click.option("--core-only", is_flag=True, help="Leave the installed plugins out.")


@click.group
def schema() -> None:
    """Show the GraphQL schemas."""


@schema.command("print")
@click.argument("which", type=click.Choice(list(_FILES)))
@_core_only
def print_one(which: str, core_only: bool) -> None:
    """Print the schema of storefronts or of staff."""
    click.echo(sdl(core_only=core_only)[which], nl=False)


@schema.command
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_core_only
def export(folder: Path, core_only: bool) -> None:
    """Write schema.graphql and admin.graphql into FOLDER."""
    texts = sdl(core_only=core_only)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for which, text in texts.items():
            (folder / _FILES[which]).write_text(text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "the system refuses").lower()
        raise Problem(f"{folder} cannot be written to: {reason}. Name another folder.") from error
    for name in _FILES.values():
        click.echo(f"wrote {folder / name}")


def sdl(*, core_only: bool) -> dict[str, str]:
    """Return {storefront, admin: the schema as text}. Raises SchemaConflict."""
    from koipond.app import make_schemas
    from koipond.kernel.plugins import discover

    schemas = make_schemas(() if core_only else tuple(discover()))
    return {
        "storefront": f"{schemas.storefront.as_str()}\n",
        "admin": f"{schemas.admin.as_str()}\n",
    }
