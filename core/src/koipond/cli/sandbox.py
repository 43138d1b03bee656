"""`koi sandbox`: what a buyer, and a payment provider, would do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import rich_click as click

from koipond.cli.options import with_settings
from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from koipond.kernel.ids import PaymentId
    from koipond.payment.sandbox import Sandbox
    from koipond.settings import Settings

_TIMEOUT_S = 30


@click.group
def sandbox() -> None:
    """Play the buyer and the provider of the sandbox's payments, on the books in sandbox_file."""


@sandbox.command("list")
@with_settings
def list_all(settings: Settings) -> None:
    """Show every charge: the payment, where it stands, its amount, what was taken and given back.

    With how many notices of it wait to be sent.
    """
    from koipond.kernel.ids import PaymentId, encode
    from koipond.kernel.money import Money

    books = _open(settings)
    told = [one.payment_id for one in books.notices]
    for one in books.charges:
        back = sum(given.amount_minor for given in one.refunds if given.state == "done")
        click.echo(
            f"{encode(PaymentId, one.id)}  {one.result.state}  "
            f"{Money(one.amount_minor, one.currency)}  "
            f"taken {Money(one.result.captured_minor, one.currency)}  "
            f"given back {Money(back, one.currency)}  notices {told.count(one.id)}"
        )
    if not books.charges:
        click.echo("no charge; pay an order with the provider `sandbox`")


@sandbox.command
@click.argument("payment")
@click.option("--declined", is_flag=True, help="The buyer does not pay.")
@with_settings
def finish(settings: Settings, payment: str, *, declined: bool) -> None:
    """Do what the buyer of PAYMENT would: pay it. It was made with `outcome: pending`.

    The shop hears of it by `koi sandbox notify`, or asks by itself after a while.
    """
    from koipond.kernel.ids import PaymentId, decode

    books = _open(settings)
    key = decode(PaymentId, payment)
    _check_waits(books, key)
    books.finish(key, declined=declined)
    click.echo(f"{payment} is {'declined' if declined else 'paid'}")


@sandbox.command
@click.option(
    "--to", "address", default="http://127.0.0.1:8000", show_default=True, help="The shop."
)
@click.option(
    "--times", type=click.IntRange(1, 1_000), default=1, show_default=True, help="Each so often."
)
@click.option("--reverse", is_flag=True, help="The last first.")
@with_settings
def notify(settings: Settings, *, address: str, times: int, reverse: bool) -> None:
    """Send all notices that there are, signed now: in their order, twice, late, or reversed."""
    from koipond.payment.sandbox import KEY

    books = _open(settings)
    target = f"{address.rstrip('/')}/payments/{KEY}/webhook"
    if not target.startswith(("http://", "https://")):
        raise Problem(f"--to {address}: write it like http://127.0.0.1:8000")

    async def send(headers: dict[str, str], body: bytes) -> int:
        return await asyncio.to_thread(_post, target, headers, body)

    answers = asyncio.run(books.deliver(send, times=times, reverse=reverse))
    taken = sum(answer == 200 for answer in answers)
    click.echo(f"sent {len(answers)} notices, {taken} were taken")
    if taken < len(answers):
        refused = ", ".join(map(str, sorted(set(answers) - {200})))
        raise Problem(f"{target} answered {refused}. Has that shop the same secret, and a sandbox?")


def _open(settings: Settings) -> Sandbox:
    from koipond.app import open_sandbox

    if settings.production:
        raise Problem("A shop in production has no sandbox to pay with.")
    if not settings.sandbox_file:
        raise Problem(
            "The sandbox's books are in the memory of the process that serves. Name a file for "
            "them in sandbox_file (setting, or the variable KOI_SANDBOX_FILE), and start it anew."
        )
    return open_sandbox(settings)


def _check_waits(books: Sandbox, key: PaymentId) -> None:
    from koipond.payment.types import PaymentState

    known = books.look(key)
    if known is None:
        raise Problem("The sandbox never heard of this payment; `koi sandbox list` shows its own.")
    if known.result.state is not PaymentState.PENDING or known.result.reference is None:
        raise Problem(
            f"This payment is {known.result.state}; only a pending one waits for a buyer."
        )


def _post(target: str, headers: dict[str, str], body: bytes) -> int:
    request = Request(target, data=body, headers=headers)  # noqa: S310  http, checked by the caller
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310  see above
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise Problem(f"{target} cannot be reached: {reason}. Is the shop running?") from error
