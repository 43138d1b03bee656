"""The hooks that this plugin implements: its entry point."""

from koipond_giftnote import service
from koipond_giftnote.graphql import GiftNoteLineInput, GiftNotesOnOrder
from koipond_giftnote.types import GiftNoteSettings
from koipond_sdk import Context, DomainError, Permission, PluginSettings, implement
from koipond_sdk.hooks import Checkout, CheckoutTerms
from koipond_sdk.schema import Api, Order


@implement()
def register_graphql(api: Api) -> None:
    """Let buyers tell a note with a line, and staff read the notes of an order."""
    api.line_input("giftNote", GiftNoteLineInput)
    api.admin(Order, GiftNotesOnOrder)


@implement()
def register_permissions() -> list[Permission]:
    """Notes are letters to somebody: whoever sees orders does not yet see them."""
    return [Permission(name="giftnote.read", description="Read the gift notes of orders")]


@implement()
def register_settings() -> type[PluginSettings]:
    """Cards have a size, by channel."""
    return GiftNoteSettings


@implement()
async def checkout_validate(ctx: Context, checkout: Checkout) -> list[DomainError]:
    """Refuse notes that do not fit."""
    return [*await service.find_refusals(ctx, checkout)]


@implement()
async def checkout_attributes(checkout: Checkout) -> CheckoutTerms | None:
    """Keep the notes with their lines."""
    kept = service.find_attributes(checkout)
    return CheckoutTerms(line_attributes=kept) if kept else None
