from collections.abc import AsyncIterator

import pytest
from plugins.oidc.tests.issuing import CLIENT, FakeIssuer, fake_issuer

from koipond.plugin.service import set_settings
from koipond.settings import RateSettings
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

# So that no test meets them.
AMPLE = (RateSettings(operation="login", per="address", times=100_000, seconds=900),)


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    async with fake_issuer() as made:
        yield made


@pytest.fixture
async def shop(database_url: str, issuer: FakeIssuer) -> AsyncIterator[RunningShop]:
    """A shop that believes one issuer."""
    async with running_shop(database_url, plugins=["oidc"], rate_limits=AMPLE) as running:
        told = [{"name": "heron", "url": issuer.url, "client_ids": [CLIENT]}]
        async with running.context(viewer=STAFF) as ctx:
            await set_settings(ctx, "oidc", {"issuers": told}, expected_version=0)
        yield running
