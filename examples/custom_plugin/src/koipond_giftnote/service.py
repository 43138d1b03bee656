"""Use-cases of gift notes: told, looked at, kept with the lines of the order, read again."""

from koipond_giftnote import rules
from koipond_giftnote.errors import GiftNoteTooLong
from koipond_giftnote.types import TEXT_MAX, GiftNoteSettings, Note, Told
from koipond_sdk import Context, OrderLineId, settings_of
from koipond_sdk.hooks import Checkout
from koipond_sdk.services.orders import Order


def read_note(text: str) -> Told:
    """Return what a buyer tells, without blanks around it. Raises GiftNoteTooLong.

    How long it may be in this channel is looked at when the order is placed: the setting may
    change, and the cart may wait.
    """
    text = text.strip()
    rules.check_length(text, text_max=TEXT_MAX)
    return Told(text=text)


async def find_refusals(ctx: Context, checkout: Checkout) -> list[GiftNoteTooLong]:
    """Return why the cards of this channel cannot carry the notes of a purchase."""
    settings = await settings_of(ctx, GiftNoteSettings)
    return rules.find_too_long(checkout, text_max=settings.text_max)


def find_attributes(checkout: Checkout) -> dict[OrderLineId, dict[str, str]]:
    """Return {line: what is kept with it}, only of those lines that have a note."""
    return rules.attributes(checkout)


def notes_of(order: Order) -> list[Note]:
    """Return the notes of an order, in the order of its lines."""
    return rules.notes_of(order.lines)
