"""Where providers send their notices: POST /payments/{provider}/webhook.

200   it was applied, or it was before; or it was kept and changes nothing (see `receive_notice`)
401   it is not signed by the provider, or was signed too long ago
404   this shop has no such provider
413   it is too long
"""

from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from koipond.kernel.context import Shop
from koipond.kernel.viewer import SYSTEM
from koipond.payment import service
from koipond.payment.errors import PaymentProviderUnknown
from koipond.payment.types import WebhookRefused

PATH = "/payments/{provider:str}/webhook"


def make_ingress(shop: Shop) -> HTTPRouteHandler:
    """Return what takes the notices of this shop's payment providers."""

    @post(PATH, status_code=200, request_max_body_size=shop.settings.request_max_bytes)
    async def receive(
        provider: FromPath[str], request: Request[Any, Any, Any]
    ) -> Response[dict[str, str]]:
        """Apply a notice, once."""
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            async with shop.context(viewer=SYSTEM) as ctx:
                await service.receive_notice(ctx, provider, headers, body)
        except PaymentProviderUnknown as error:
            return Response({"error": str(error)}, status_code=404)
        except WebhookRefused as error:
            return Response({"error": f"The notice is refused: {error}."}, status_code=401)
        return Response({"status": "ok"})

    return receive
