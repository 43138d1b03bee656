import pytest

from koipond_sdk.testing.shop import RunningShop

pytestmark = pytest.mark.story


async def test_a_query_is_answered(shop: RunningShop) -> None:
    answer = await shop.graphql("{ channels { code currencies locales } }")
    assert answer == {
        "data": {
            "channels": [
                {"code": "main", "currencies": ["EUR", "CNY", "JPY"], "locales": ["en", "zh-Hans"]}
            ]
        }
    }
