import tomllib
from pathlib import Path

from tests.architecture.contracts import broken_packages, broken_shapes

ROOT = Path(__file__).parents[2]


class Drawn:
    """An import graph that is written down: {importer: what it imports}."""

    def __init__(self, **imports: str) -> None:
        drawn = {name.replace("__", "."): set(what.split()) for name, what in imports.items()}
        self.imports = drawn
        self.modules = {*drawn, *(module for what in drawn.values() for module in what)}

    def find_modules_directly_imported_by(self, module: str) -> set[str]:
        return self.imports.get(module, set())


def test_the_one_shape_as_it_is_meant_breaks_nothing() -> None:
    graph = Drawn(
        koipond__app="koipond.order.graphql koipond.order.service koipond.kernel.db",
        koipond__graphql__assembly="koipond.order.graphql",
        koipond__order__graphql="koipond.order.service koipond.order.types koipond.kernel.schema",
        koipond__order__service="koipond.order.repository koipond.order.rules koipond.stock.rules",
        koipond__order__repository="koipond.order.tables koipond.order.types koipond.kernel.db",
        koipond__order__tables="koipond.kernel.db koipond.order.types",
        koipond__order__rules="koipond.order.errors koipond.pricing.rules koipond.kernel.money",
        koipond__order__types="koipond.stock.types koipond.kernel.ids",
        koipond__stock__graphql="koipond.catalog.graphql koipond.stock.service",
        koipond_sdk__db="koipond.member.tables koipond.kernel.db",
        koipond_checkin__hooks="koipond_checkin.graphql koipond_sdk.schema koipond_sdk",
        koipond_checkin__service="koipond_checkin.repository koipond_sdk",
        koipond_checkin__tables="koipond_sdk.db",
    )
    assert list(broken_shapes(graph)) == []
    assert list(broken_packages(graph)) == []


def test_every_import_that_goes_around_the_shape_is_named() -> None:
    graph = Drawn(
        koipond__app="koipond.order.repository",
        koipond__order__graphql="koipond.order.repository",
        koipond__order__repository="koipond.order.service",
        koipond__order__rules="koipond.kernel.db",
        koipond__order__service="koipond.kernel.schema koipond.stock.repository",
        koipond__order__types="koipond.order.rules",
        koipond__payment__sandbox="koipond.payment.repository",
        koipond_checkin__rules="koipond_checkin.service",
        koipond_checkin__service="koipond_sdk.db",
        koipond_sdk__db="koipond.order.repository",
    )
    assert list(broken_shapes(graph)) == [
        "koipond.app -> koipond.order.repository: repository.py is for its own folder",
        "koipond.order.graphql -> koipond.order.repository: "
        "graphql.py may import of its own folder errors.py, graphql.py, service.py, types.py",
        "koipond.order.repository -> koipond.order.service: "
        "repository.py may import of its own folder repository.py, rules.py, tables.py, types.py",
        "koipond.order.rules -> koipond.kernel.db: "
        "koipond.kernel.db is for repository.py, tables.py",
        "koipond.order.service -> koipond.kernel.schema: koipond.kernel.schema is for graphql.py",
        "koipond.order.service -> koipond.stock.repository: service.py may import of other folders "
        "errors.py, events.py, rules.py, service.py, types.py",
        "koipond.order.types -> koipond.order.rules: "
        "types.py may import of its own folder types.py",
        "koipond.payment.sandbox -> koipond.payment.repository: sandbox.py may import "
        "of its own folder errors.py, events.py, rules.py, sandbox.py, types.py",
        "koipond_checkin.rules -> koipond_checkin.service: "
        "rules.py may import of its own folder errors.py, events.py, rules.py, types.py",
        "koipond_checkin.service -> koipond_sdk.db: koipond_sdk.db is for repository.py, tables.py",
        "koipond_sdk.db -> koipond.order.repository: repository.py is for its own folder",
    ]


def test_every_import_that_goes_around_the_sdk_is_named() -> None:
    graph = Drawn(
        koipond__app="koipond_checkin.hooks koipond_sdk",
        koipond_checkin__service="koipond.kernel.db koipond_points.service",
        koipond_sdk__db="koipond_checkin.tables",
    )
    assert list(broken_packages(graph)) == [
        "koipond.app -> koipond_checkin.hooks: koipond may import no other package",
        "koipond.app -> koipond_sdk: koipond may import no other package",
        "koipond_checkin.service -> koipond.kernel.db: koipond_checkin may import koipond_sdk",
        "koipond_checkin.service -> koipond_points.service: koipond_checkin may import koipond_sdk",
        "koipond_sdk.db -> koipond_checkin.tables: koipond_sdk may import koipond",
    ]


def test_the_contracts_see_every_package_of_the_workspace() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [file.parent.name for file in ROOT.glob("*/src/*/__init__.py")]
    packages += [file.parent.name for file in ROOT.glob("plugins/*/src/*/__init__.py")]
    assert sorted(settings["tool"]["importlinter"]["root_packages"]) == sorted(packages)
