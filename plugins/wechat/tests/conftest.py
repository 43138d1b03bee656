from collections.abc import AsyncIterator

import pytest
from plugins.wechat.tests.answering import APP, SECRET, FakeWeChat, fake_wechat

from koipond.plugin.service import set_settings
from koipond.settings import RateSettings
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

# So that no test meets them.
AMPLE = (RateSettings(operation="login", per="address", times=100_000, seconds=900),)


@pytest.fixture
async def wechat(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeWeChat]:
    async with fake_wechat() as made:
        monkeypatch.setenv("WECHAT_API_URL", made.url)
        monkeypatch.setenv(f"WECHAT_SECRET_{APP.upper()}", SECRET)
        yield made


@pytest.fixture
async def shop(database_url: str, wechat: FakeWeChat) -> AsyncIterator[RunningShop]:
    """A shop with one mini program."""
    async with running_shop(database_url, plugins=["wechat"], rate_limits=AMPLE) as running:
        async with running.context(viewer=STAFF) as ctx:
            await set_settings(ctx, "wechat", {"app_ids": [APP]}, expected_version=0)
        yield running
