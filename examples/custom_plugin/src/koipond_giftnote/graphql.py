"""Gift notes in the schema."""

import strawberry

from koipond_giftnote import service, types
from koipond_sdk.schema import Info, Order, batch, needs


@strawberry.input(description="What is to be written on the card that goes with a line.")
class GiftNoteLineInput:
    text: str = strawberry.field(description="Plain text; how long it may be, the channel says")

    def read(self) -> types.Told:
        """Return the note, without blanks around it. Raises GiftNoteTooLong."""
        return service.read_note(self.text)


@strawberry.type(description="What is to be written on the card that goes with a line.")
class GiftNote:
    sku: str
    text: str


@strawberry.type
class GiftNotesOnOrder:
    @batch(needs("giftnote.read"))
    @staticmethod
    async def gift_notes(parents: list[Order], info: Info) -> list[list[GiftNote] | None]:
        """What is to be written for whoever gets it, in the order of its lines."""
        return [
            [GiftNote(sku=note.sku, text=note.text) for note in service.notes_of(parent.found)]
            for parent in parents
        ]
