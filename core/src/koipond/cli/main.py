"""The group `koi` and its commands; what each needs is imported when it runs."""

from __future__ import annotations

from typing import Any

import rich_click as click

import koipond
from koipond.cli.admins import createadmin
from koipond.cli.asking import ask
from koipond.cli.channels import channel
from koipond.cli.database import migrate
from koipond.cli.doctor import doctor
from koipond.cli.exporting import exporting
from koipond.cli.importing import importing
from koipond.cli.indexing import reindex
from koipond.cli.jobs import job
from koipond.cli.letters import dead
from koipond.cli.options import settings_path
from koipond.cli.plugins import plugin
from koipond.cli.problems import explain
from koipond.cli.replaying import replay
from koipond.cli.sandbox import sandbox
from koipond.cli.schemas import schema
from koipond.cli.serving import dev, serve
from koipond.cli.tokens import token
from koipond.cli.webhooks import webhook
from koipond.cli.working import worker


class _Koi(click.RichGroup):
    """Shows what a user can mend as one panel; everything else is a bug and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            problem = explain(error)
            if problem is None:
                raise
            raise problem from error


@click.group(cls=_Koi, invoke_without_command=True)
@settings_path
@click.version_option(koipond.__version__, prog_name="koipond")
@click.pass_context
def koi(ctx: click.Context) -> None:
    """Run a koipond shop and look after it.

    Settings come from koi.toml in the working folder, or from the file that --settings or the
    variable KOI_SETTINGS names, and from variables like KOI_DATABASE_URL.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


COMMANDS = (
    ask,
    channel,
    createadmin,
    dead,
    dev,
    doctor,
    exporting,
    importing,
    job,
    migrate,
    plugin,
    reindex,
    replay,
    sandbox,
    schema,
    serve,
    token,
    webhook,
    worker,
)
for command in COMMANDS:
    koi.add_command(command)


def main() -> None:
    """Run `koi` with the arguments of this process."""
    koi(prog_name="koi")
