"""`koi plugin`."""

from __future__ import annotations

import rich_click as click


@click.group
def plugin() -> None:
    """Look after plugins."""


@plugin.command("list")
def list_all() -> None:
    """Show every installed plugin."""
    from koipond.kernel.plugins import discover

    found = discover()
    for one in found:
        about = one.manifest
        click.echo(f"{about.name}  {about.version}  {one.package}  {about.summary}".rstrip())
    if not found:
        click.echo("no plugin is installed; `pip install koipond-checkin` installs one")
