"""`koi schema`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from koipond.cli.problems import Problem

_FILES = {"storefront": "schema.graphql", "admin": "admin.graphql"}
_core_only = click.option("--core-only", is_flag=True, help="Leave the installed plugins out.")


@click.group
def schema() -> None:
    """Show the GraphQL schemas, and those of events."""


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


@schema.command
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("persisted.json"),
    show_default=True,
    help="What the setting trusted_documents names.",
)
@click.option("--admin", is_flag=True, help="They are for the staff's schema.")
@_core_only
def persist(files: tuple[Path, ...], output: Path, admin: bool, core_only: bool) -> None:
    """Write the documents of FILES, by their SHA-256, into one file that the shop trusts.

    A file called .json is a manifest of a client's own build: {id: document}, or Apollo's. Any
    other is one document, sent by clients exactly as it stands there. What the schema or its limits
    would refuse is refused here, and nothing is written.
    """
    from koipond.cli.persisting import persist_documents, tell_difference

    found = persist_documents(files, admin=admin, core_only=core_only)
    difference = tell_difference(output, found.documents)
    try:
        output.write_text(write_json(found.documents), encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "the system refuses").lower()
        raise Problem(f"{output} cannot be written: {reason}. Name another: --output") from error
    for note in found.notes:
        click.echo(note)
    count = len(found.documents)
    click.echo(f"wrote {count:,} document{'s' * (count != 1)} to {output}{difference}")


@schema.command
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@_core_only
def events(folder: Path | None, core_only: bool) -> None:
    """Print the JSON Schema of every event that webhooks and brokers tell, by its name.

    With FOLDER, write a file for each instead, such as OrderPlaced.json.
    """
    found = event_schemas(core_only=core_only)
    if folder is None:
        click.echo(write_json(found), nl=False)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, one in found.items():
            (folder / f"{name}.json").write_text(write_json(one), encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "the system refuses").lower()
        raise Problem(f"{folder} cannot be written to: {reason}. Name another folder.") from error
    click.echo(f"wrote {len(found)} schemas to {folder}")


def event_schemas(*, core_only: bool) -> dict[str, dict[str, Any]]:
    """Return {event: its JSON Schema}. Raises HookMistake."""
    from koipond.app import make_hooks
    from koipond.duties import EVENTS, JOBS
    from koipond.extending import gather
    from koipond.kernel.plugins import discover
    from koipond.kernel.publishing import event_schema

    plugins = [] if core_only else discover()
    told = gather(plugins, make_hooks(plugins), core_jobs=JOBS, core_events=EVENTS).events
    return {name: event_schema(told[name]) for name in sorted(told)}


def write_json(found: Mapping[str, Any]) -> str:
    """Write JSON as people read it."""
    return f"{json.dumps(found, indent=2, ensure_ascii=False)}\n"


def sdl(*, core_only: bool) -> dict[str, str]:
    """Return {storefront, admin: the schema as text}. Raises SchemaConflict."""
    from koipond.app import make_schemas
    from koipond.kernel.plugins import discover

    schemas = make_schemas(() if core_only else tuple(discover()))
    return {
        "storefront": f"{schemas.storefront.as_str()}\n",
        "admin": f"{schemas.admin.as_str()}\n",
    }
