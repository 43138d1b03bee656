"""What may be written, and where it is kept."""

from collections.abc import Iterator, Sequence

from koipond_giftnote.errors import GiftNoteTooLong
from koipond_giftnote.types import Note, Told
from koipond_sdk import OrderLineId
from koipond_sdk.hooks import Checkout
from koipond_sdk.services.orders import OrderLine

PLUGIN = "giftnote"
_TEXT = "text"


def check_length(text: str, *, text_max: int) -> None:
    """Raise GiftNoteTooLong for a text that does not fit."""
    if len(text) > text_max:
        raise GiftNoteTooLong(letters=len(text), text_max=text_max).located("text")


def find_too_long(checkout: Checkout, *, text_max: int) -> list[GiftNoteTooLong]:
    """Return a refusal for each line whose note does not fit, located at it."""
    return [
        GiftNoteTooLong(letters=len(text), text_max=text_max).located(
            f"lines.{place}.plugins.giftNote.text"
        )
        for place, _, text in _told(checkout)
        if len(text) > text_max
    ]


def attributes(checkout: Checkout) -> dict[OrderLineId, dict[str, str]]:
    """Return {line: what is kept with it}, only of those lines that have a note."""
    return {line.id: {_TEXT: text} for _, line, text in _told(checkout)}


def notes_of(lines: Sequence[OrderLine]) -> list[Note]:
    """Return the notes that were kept with lines, in the lines' order."""
    return [
        Note(sku=line.sku, text=line.attributes[PLUGIN][_TEXT])
        for line in lines
        if PLUGIN in line.attributes
    ]


def _told(checkout: Checkout) -> Iterator[tuple[int, OrderLine, str]]:
    """Yield (place, line, text) of the lines that have a note."""
    for place, line in enumerate(checkout.lines):
        told = checkout.chosen_of(line, Told)
        if told is not None and told.text:
            yield place, line, told.text
