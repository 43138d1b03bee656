"""`koi plugin new`: a plugin that works, written from the templates that koipond-sdk carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from koipond.kernel.plugins import Manifest

NAME_MAX = 20
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SUFFIX = ".jinja"
# The folder of the templates that becomes the package.
_PACKAGE = "package"
# What the names of other tables start with: of views, of Alembic, of the databases themselves.
_RESERVED = {"alembic", "koi", "pg", "sqlite"}


class PluginNameInvalid(Problem):
    """A name that no package, table and GraphQL type can carry all at once."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no name for a plugin: small letters, digits and single underscores, a "
            f"letter first, at most {NAME_MAX} characters. Such as: koi plugin new {suggest(name)}"
        )


class PluginNameTaken(Problem):
    """A name that something else in the shop goes by."""

    def __init__(self, name: str, by: str) -> None:
        super().__init__(f"{name} is taken by {by}. Choose another name.")


class FolderTaken(Problem):
    """A folder that is there already: nothing in it is written over."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} exists, and nothing in it is written over. Choose another name, go to "
            "another folder, or remove it."
        )


class TemplatesMissing(Problem):
    """A koipond without its sdk."""

    def __init__(self) -> None:
        super().__init__(
            "The templates are part of koipond-sdk, which is not installed here. "
            "Run: pip install 'koipond-sdk[testing]'"
        )


def write_plugin(name: str, *, into: Path) -> Path:
    """Write a new plugin and return its folder, below `into`.

    Raises PluginNameInvalid, PluginNameTaken, FolderTaken, TemplatesMissing.
    """
    check_name(name)
    folder = into / _project(name)
    if folder.exists():
        raise FolderTaken(folder)
    # All of it is made before the first of it is written.
    for path, text in dict(render(name)).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    return folder


def check_name(name: str) -> None:
    """Raise PluginNameInvalid or PluginNameTaken for a name that cannot be had here."""
    if len(name) > NAME_MAX or not _NAME.fullmatch(name):
        raise PluginNameInvalid(name)
    taken = _owner_of(name)
    if taken:
        raise PluginNameTaken(name, taken)


def suggest(name: str) -> str:
    """Return a name that can be had, as like the one that was asked for as may be."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    likely = "_".join(words).lstrip("0123456789_")[:NAME_MAX].rstrip("_")
    return likely if _NAME.fullmatch(likely) else "gift_card"


def render(name: str) -> Iterator[tuple[Path, str]]:
    """Yield (path, text) of each file of the plugin `name`. Raises TemplatesMissing."""
    from jinja2 import Environment, StrictUndefined

    engine = Environment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  source code, and no HTML
    )
    words = _words(name)
    templates = _templates()
    for file in sorted(templates.rglob("*")):
        if file.is_dir():
            continue
        path = file.relative_to(templates)
        parts = [words["package"] if part == _PACKAGE else part for part in path.parts]
        made = engine.from_string(file.read_text(encoding="utf-8")).render(words)
        yield Path(*parts[:-1], parts[-1].removesuffix(_SUFFIX)), made


def _words(name: str) -> dict[str, str]:
    """Return how the name is written where: in GraphQL as strawberry would."""
    from strawberry.utils.str_converters import to_camel_case

    from koipond.kernel.plugins import API

    field = to_camel_case(name)
    return {
        "name": name,
        "project": _project(name),
        "package": f"koipond_{name}",
        "type": field[0].upper() + field[1:],
        "field": field,
        "code": name.upper(),
        "api": API,
    }


def _project(name: str) -> str:
    return f"koipond-{name.replace('_', '-')}"


def _templates() -> Path:
    # By its name: core imports no sdk, and reads these files as it reads a plugin.toml.
    spec = find_spec("koipond_sdk")
    if spec is None or spec.origin is None:
        raise TemplatesMissing
    return Path(spec.origin).parent / "scaffold"


def _owner_of(name: str) -> str:
    """Say what goes by a name already: a plugin, a package, tables, GraphQL types."""
    from koipond.kernel.schema.owners import find_prefix

    if find_spec(f"koipond_{name}") is not None:
        return f"the package koipond_{name}, which is installed"
    for table in sorted(_RESERVED | _core_tables()):
        if f"{table}_".startswith(f"{name}_"):
            return f"koipond itself, which has {table}"
    for manifest in _manifests():
        own, its = f"{name}_", f"{manifest.table_prefix}_"
        if manifest.name == name or own.startswith(its) or its.startswith(own):
            return f"the plugin {manifest.name}, whose tables begin with {its}"
        if find_prefix(manifest) == _words(name)["type"]:
            return f"the plugin {manifest.name}, whose GraphQL types begin so"
    return ""


def _core_tables() -> set[str]:
    import koipond.app  # noqa: F401  so that every table is there
    from koipond.kernel.db import metadata

    return set(metadata.tables)


def _manifests() -> list[Manifest]:
    """Return what the installed plugins say of themselves; none of them is imported."""
    from koipond.kernel.plugins import GROUP, survey

    names = {point.name for point in entry_points(group=GROUP)}
    found, _ = survey(disabled=names)
    return [one.manifest for one in found]
