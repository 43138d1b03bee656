"""GraphiQL, the query editor of development, served without a network."""

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

# Installed for its files only and never imported; a wheel of koipond has them inside.
DISTRIBUTION = "graphene-django-graphiql-static"

# {file name: media type}; nothing else is served.
ASSETS = {
    "graphiql.min.css": "text/css; charset=utf-8",
    "graphiql.min.js": "text/javascript; charset=utf-8",
    "graphql-ws.min.js": "text/javascript; charset=utf-8",
    "react-dom.production.min.js": "text/javascript; charset=utf-8",
    "react.production.min.js": "text/javascript; charset=utf-8",
}

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"


class AssetsMissing(Exception):
    """GraphiQL's files are neither in the package nor installed beside it."""

    def __str__(self) -> str:
        return (
            "GraphiQL's files are missing. From a checkout: make .venv/.installed."
            f" Else: pip install --no-deps {DISTRIBUTION}."
        )


@cache
def read_asset(name: str) -> bytes:
    """Return the file `name`, one of ASSETS; read once per process (1.5 MB in all).

    Raises KeyError for any other name, AssetsMissing.
    """
    if name not in ASSETS:
        raise KeyError(name)
    packed = _STATIC / name
    return packed.read_bytes() if packed.is_file() else _installed(name).read_bytes()


def graphiql_page(*, query: str, endpoint: str, assets: str) -> str:
    """Return the editor's HTML page, which asks no host but the one that served it.

    query: what a first visitor finds in the editor; later visits show what was left there.
    endpoint: path of GraphQL, over HTTP and WebSocket. assets: the folder of ASSETS, as a path.
    """
    settings = json.dumps({"query": query, "endpoint": endpoint})
    # Inside a script element only this could end it early.
    settings = settings.replace("<", "\\u003c")
    page = (_HERE / "graphiql.html").read_text(encoding="utf-8")
    return page.replace("{assets}", assets.rstrip("/")).replace("{settings}", settings)


def _installed(name: str) -> Path:
    try:
        files = distribution(DISTRIBUTION).files or []
    except PackageNotFoundError:
        raise AssetsMissing from None
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise AssetsMissing
