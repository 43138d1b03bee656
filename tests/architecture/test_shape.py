"""The one shape, names and lengths. Exceptions stand in exceptions.toml, which may only shrink."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.contracts import CORE, Place, place
from tests.architecture.workspace import Source, exceptions, sources

# How many exceptions there are. Only ever lower it.
EXCEPTIONS = 5

SHAPE = {
    "graphql",
    "http",
    "service",
    "repository",
    "tables",
    "rules",
    "events",
    "errors",
    "types",
}
FUNCTION_LINES = 70
MODULE_LINES = 500
SMALL = 15
SAYS_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "manager",
    "handler",
    "processor",
    "data",
    "info",
    "base",
}


def test_a_concept_folder_has_the_files_of_the_one_shape() -> None:
    odd = [source.path for source, where in concepts() if where.file not in shape(where)]
    assert odd == sorted(exceptions()["shape"])


def test_no_function_is_longer_than_a_screen() -> None:
    long = {name: lines for name, lines in functions() if lines > FUNCTION_LINES}
    assert long == exceptions()["functions"]


def test_most_functions_are_small() -> None:
    lengths = [lines for name, lines in functions() if "/src/" in name]
    small = sum(lines < SMALL for lines in lengths)
    report = f"{small} of {len(lengths)} functions have under {SMALL} lines"
    assert small * 4 >= len(lengths) * 3, report


def test_no_module_is_longer_than_can_be_read_at_once() -> None:
    counted = {source.path: source.text.count("\n") for source in written()}
    long = {path: lines for path, lines in counted.items() if lines > MODULE_LINES}
    assert long == exceptions()["modules"]


def test_no_file_or_class_has_a_name_that_says_nothing() -> None:
    paths = [source.path for source in sources()]
    vague = [path for path in paths if PurePosixPath(path).stem in SAYS_NOTHING]
    assert vague + sorted(vague_classes()) == sorted(exceptions()["names"])


def test_the_list_of_exceptions_only_shrinks() -> None:
    assert sum(map(len, exceptions().values())) == EXCEPTIONS


def test_rules_types_events_and_errors_are_plain_python() -> None:
    impure = [
        f"{source.path}:{node.lineno} {what}"
        for source, where in concepts()
        if where.file in PLAIN
        for node, what in find_impurities(source.tree)
        # A contract in types.py says what is async: by declaring it.
        if not (isinstance(node, ast.AsyncFunctionDef) and where.file == "types")
    ]
    assert impure == []


def test_an_impurity_would_be_found() -> None:
    tree = ast.parse(
        "import sqlalchemy as sa\nfrom strawberry import ID\nfrom koipond_sdk import transaction\n"
        "async def a(): pass\nnow = datetime.now(UTC)\nfrom datetime import datetime"
    )
    assert sorted((node.lineno, what) for node, what in find_impurities(tree)) == [
        (1, "imports sqlalchemy"),
        (2, "imports strawberry"),
        (3, "imports transaction"),
        (4, "is async"),
        (5, "asks a clock"),
    ]


PLAIN = {"rules", "types", "events", "errors"}
IMPURE_PACKAGES = {"asyncio", "sqlalchemy", "strawberry", "litestar", "random", "time"}
IMPURE_NAMES = {"Context", "transaction", "Clock", "SystemClock"}


def find_impurities(tree: ast.AST) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.AsyncFunctionDef():
                yield node, "is async"
            case ast.Import(names=names):
                packages = {name.name.partition(".")[0] for name in names}
                yield from ((node, f"imports {one}") for one in packages & IMPURE_PACKAGES)
            case ast.ImportFrom(module=str(module), names=names):
                packages = {module.partition(".")[0]} & IMPURE_PACKAGES
                imported = {name.name for name in names} & IMPURE_NAMES
                yield from ((node, f"imports {one}") for one in packages | imported)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=attr)):
                if attr in {"now", "utcnow", "today"}:
                    yield node, "asks a clock"


def shape(where: Place) -> set[str]:
    """A plugin is one folder, and has its hooks beside the files of the shape."""
    return SHAPE if where.package == CORE else SHAPE | {"hooks"}


def place_of(source: Source) -> Place:
    """Return where a module of the product stands, as the import contracts see it."""
    parts = PurePosixPath(source.path).with_suffix("").parts
    module = ".".join(parts[parts.index("src") + 1 :])
    return place(module.removesuffix(".__init__"))


def concepts() -> list[tuple[Source, Place]]:
    """Return the files of all concept folders, with their places."""
    product = [source for source in sources() if source.is_product]
    found = [(source, place_of(source)) for source in product if "/migrations/" not in source.path]
    return [(source, where) for source, where in found if where.is_concept and where.file]


def functions() -> Iterator[tuple[str, int]]:
    """Return ("path::name", lines from `def` to the end) of every function; not of migrations,
    which are read once, from top to bottom."""
    for source in written():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{source.path}::{node.name}", node.end_lineno - node.lineno + 1


def written() -> list[Source]:
    return [source for source in sources() if "/migrations/" not in source.path]


def vague_classes() -> Iterator[str]:
    """Return "path::class" of every class whose name is, or ends in, a word that says nothing."""
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                last = re.findall(r"[A-Z][a-z]*", node.name)[-1:] or [""]
                if last[0].lower() in SAYS_NOTHING:
                    yield f"{source.path}::{node.name}"
