"""Import contracts of our own for import-linter; pyproject.toml names them, `make check` runs them.

A module's place is its package, its concept folder and its file: `koipond.order.service` is the
file `service` of the folder `order`; a plugin is one folder, `koipond_checkin.service`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from importlinter import Contract, ContractCheck, output

CORE = "koipond"
SDK = "koipond_sdk"
# Folders and files of core that are no concepts.
NO_CONCEPTS = {
    "app",
    "cli",
    "duties",
    "extending",
    "files",
    "front",
    "graphql",
    "hooks",
    "installing",
    "kernel",
    "migrations",
    "settings",
    "",
}

# What a file of a concept may import: of its own folder, and of other concepts.
OWN: Mapping[str, set[str]] = {
    "hooks": {"graphql", "http", "service", "types", "events", "errors"},
    "graphql": {"service", "types", "errors"},
    "http": {"service", "types", "errors"},
    "service": {"repository", "rules", "types", "events", "errors"},
    "repository": {"tables", "rules", "types"},
    "tables": {"types"},
    "rules": {"types", "events", "errors"},
    "events": {"types"},
    "errors": {"types"},
    "types": set(),
}
OTHERS: Mapping[str, set[str]] = {
    "hooks": set(),
    # graphql: to extend a type that belongs to a lower concept, as a plugin does.
    "graphql": {"graphql", "service", "rules", "types", "errors"},
    "http": {"service", "types", "errors"},
    "service": {"service", "rules", "types", "events", "errors"},
    "repository": {"types"},
    "tables": set(),
    "rules": {"rules", "types", "events", "errors"},
    "events": {"types"},
    "errors": {"types"},
    "types": {"types"},
}
# Files that are of no shape (a list in exceptions.toml) know words, not the database.
OWN_EXTRA = {"types", "events", "errors", "rules"}

# The parts of the kernel, or of the sdk, that are for these files only.
FOR_ONLY: Mapping[str, set[str]] = {
    "koipond.kernel.db": {"repository", "tables"},
    "koipond.kernel.schema": {"graphql"},
    "koipond.kernel.outbox": set(),
    "koipond.kernel.dispatch": {"service"},
    "koipond.kernel.migrate": set(),
    "koipond.kernel.revisions": set(),
    "koipond.kernel.plugins": set(),
    "koipond_sdk.db": {"repository", "tables"},
    "koipond_sdk.views": {"repository"},
    "koipond_sdk.schema": {"graphql", "hooks"},
    "koipond_sdk.testing": set(),
}


class Graph(Protocol):
    """The part of grimp's ImportGraph that is used here."""

    @property
    def modules(self) -> set[str]: ...

    def find_modules_directly_imported_by(self, module: str) -> set[str]: ...


@dataclass(frozen=True)
class Place:
    package: str
    folder: str
    file: str

    @property
    def is_concept(self) -> bool:
        if self.package == SDK:
            return False
        return self.package != CORE or self.folder not in NO_CONCEPTS


def place(module: str) -> Place:
    """Return where a module stands."""
    package, *rest = module.split(".")
    folder = rest.pop(0) if rest and package == CORE else ""
    return Place(package, folder, rest[0] if rest else "")


def broken_shapes(graph: Graph) -> Iterator[str]:
    """Say every import that the one shape does not have."""
    for importer, imported in imports(graph):
        source, target = place(importer), place(imported)
        if source.is_concept and source.file:
            problem = _broken_part(source, imported) or _broken_file(source, target)
        else:
            problem = _broken_privacy(source, target)
        if problem:
            yield f"{importer} -> {imported}: {problem}"


def broken_packages(graph: Graph) -> Iterator[str]:
    """Say every import between packages that does not go plugin -> sdk -> core."""
    for importer, imported in imports(graph):
        source, target = place(importer).package, place(imported).package
        known = {CORE: "", SDK: CORE}.get(source, SDK)
        if target not in {source, known}:
            yield f"{importer} -> {imported}: {source} may import {known or 'no other package'}"


def imports(graph: Graph) -> Iterator[tuple[str, str]]:
    """Return every (importer, imported), sorted."""
    for importer in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            yield importer, imported


def _broken_part(source: Place, imported: str) -> str:
    for part, files in FOR_ONLY.items():
        if (imported == part or imported.startswith(f"{part}.")) and source.file not in files:
            return f"{part} is for {_listed(files)}"
    return ""


def _broken_file(source: Place, target: Place) -> str:
    if not target.is_concept or not target.file:
        return ""
    if (source.package, source.folder) == (target.package, target.folder):
        allowed = {source.file, *OWN.get(source.file, OWN_EXTRA)}
        whose = "of its own folder"
    else:
        allowed, whose = OTHERS.get(source.file, set()), "of other folders"
    return (
        "" if target.file in allowed else f"{source.file}.py may import {whose} {_listed(allowed)}"
    )


def _broken_privacy(source: Place, target: Place) -> str:
    """Rows are their concept's own; only the sdk may point at tables, for foreign keys."""
    private = {"repository", "tables"} - ({"tables"} if source.package == SDK else set())
    if target.is_concept and target.file in private and source.folder != target.folder:
        return f"{target.file}.py is for its own folder"
    return ""


def _listed(names: set[str]) -> str:
    return ", ".join(f"{name}.py" for name in sorted(names)) or "nothing"


class _Contract(Contract):
    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["broken"]:
            output.print_error(line, bold=False)
        output.new_line()


class OneShape(_Contract):
    """Within and between concept folders: graphql -> service -> repository -> tables."""

    type_name = "one_shape"

    def check(self, graph: Graph, verbose: bool) -> ContractCheck:
        broken = list(broken_shapes(graph))
        return ContractCheck(kept=not broken, metadata={"broken": broken})


class PackageOrder(_Contract):
    """Between packages: plugin -> sdk -> core; plugins do not know each other."""

    type_name = "package_order"

    def check(self, graph: Graph, verbose: bool) -> ContractCheck:
        broken = list(broken_packages(graph))
        return ContractCheck(kept=not broken, metadata={"broken": broken})
