"""Logs in by what an issuer gave, as a storefront does."""

from typing import Any

from plugins.oidc.tests.issuing import NONCE, REDIRECT, VERIFIER

from koipond_sdk.testing.shop import RunningShop

LOG_IN = """
mutation ($input: LogInWithProviderInput!) {
  logInWithProvider(input: $input) {
    isNew accessToken member { name email } userErrors { code message }
  }
}
"""
DOWN = "the issuer does not answer as it should; try again in a minute"


async def enter(shop: RunningShop, **data: str) -> dict[str, Any]:
    told = [{"key": key, "value": value} for key, value in data.items()]
    given = {"input": {"provider": "oidc", "data": told}}
    answer = await shop.graphql(LOG_IN, given)
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["logInWithProvider"]
    return payload


async def enter_by_token(shop: RunningShop, token: str, nonce: str = NONCE) -> dict[str, Any]:
    return await enter(shop, id_token=token, nonce=nonce)


async def enter_by_code(shop: RunningShop, code: str, **changed: str) -> dict[str, Any]:
    given = {"code": code, "code_verifier": VERIFIER, "redirect_uri": REDIRECT, "nonce": NONCE}
    return await enter(shop, **(given | changed))


async def refused(shop: RunningShop, **data: str) -> str:
    """Return the reason of a refusal that changed nothing and let nobody in."""
    before = await shop.snapshot()
    payload = await enter(shop, **data)
    assert await shop.snapshot() == before
    assert payload["accessToken"] is None
    (error,) = payload["userErrors"]
    assert error["code"] == "PROOF_REFUSED", error
    message: str = error["message"]
    return message.removeprefix("oidc does not say who this is: ").removesuffix(". Begin again.")
