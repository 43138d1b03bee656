"""Put the GraphiQL files into the wheel, so that an installed koipond needs no network for them."""

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DISTRIBUTION = "graphene-django-graphiql-static"
TARGET = "koipond/graphql/static"

# The same names as in koipond/graphql/assets.py: tests/packaging compares them.
FILES = (
    "graphiql.min.css",
    "graphiql.min.js",
    "graphql-ws.min.js",
    "react-dom.production.min.js",
    "react.production.min.js",
)


class Assets(BuildHookInterface):  # type: ignore[type-arg]  # a builder's configuration, not used
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return  # development reads them where they are
        source = distribution(DISTRIBUTION)
        found = {file.name: str(source.locate_file(file)) for file in source.files or ()}
        wanted = {found[name]: f"{TARGET}/{name}" for name in FILES}
        wanted[found["LICENSE"]] = f"{TARGET}/LICENSE.{DISTRIBUTION}"
        wanted[str(Path(self.root) / "NOTICE")] = f"{TARGET}/NOTICE"
        build_data["force_include"].update(wanted)
