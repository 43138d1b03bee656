import json
import re

import pytest

from koipond.graphql.assets import ASSETS, graphiql_page, read_asset


def page(query: str = "{ __typename }") -> str:
    return graphiql_page(query=query, endpoint="/graphql", assets="/assets/")


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_asset_is_found(name: str) -> None:
    assert len(read_asset(name)) > 10_000


@pytest.mark.parametrize("name", ["LICENSE", "../graphiql.html", "graphiql.html", ""])
def test_nothing_else_is_served(name: str) -> None:
    with pytest.raises(KeyError):
        read_asset(name)


def test_the_page_asks_for_assets_only() -> None:
    links = re.findall(r'(?:src|href)="([^"]+)"', page())
    assert {link for link in links if not link.startswith("data:")} == {
        f"/assets/{name}" for name in ASSETS
    }
    # The only address in it names the picture format of the icon, which is not fetched.
    assert set(re.findall(r"https?://[^'\"\s]+", page())) == {"http://www.w3.org/2000/svg"}


def test_the_page_carries_the_query_unharmed() -> None:
    query = 'query { a(b: "</script><b>", c: "{assets}") }'
    found = re.search(r'id="settings">(.*?)</script>', page(query))
    assert found is not None
    assert json.loads(found[1]) == {"query": query, "endpoint": "/graphql"}
