"""What `koi schema persist` does: the documents of a storefront, read and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from koipond.cli.problems import Problem
from koipond.cli.showing import bar_of

if TYPE_CHECKING:
    from koipond.graphql.asking import RequestRefused
    from koipond.graphql.documents import Documents

_FEW = 100
_IN_ONE_FILE = (
    "A file is one document, sent as it stands there: write the fragments that it uses into it, or "
    "give the manifest of a client's build, which has put them together."
)


class Persisted(Struct, frozen=True, kw_only=True):
    """Documents that the schema accepts. documents: {SHA-256: document}, sorted.

    notes: what who sends them must know.
    """

    documents: Mapping[str, str]
    notes: Sequence[str]


def persist_documents(files: Sequence[Path], *, admin: bool, core_only: bool) -> Persisted:
    """Read and check documents. Raises Problem for what the schema would refuse."""
    from koipond.graphql.asking import RequestRefused
    from koipond.graphql.trusted import document_id

    mine, other = _schemas(admin=admin, core_only=core_only)
    given = [one for file in files for one in _read(file)]
    found: dict[str, str] = {}
    problems: list[str] = []
    notes: list[str] = []
    with bar_of("documents") if len(given) > _FEW else nullcontext(_show_nothing) as show:
        for done, (place, document) in enumerate(given, 1):
            try:
                notes += _notes(place, mine, document)
            except RequestRefused as refused:
                problems += _problems(place, refused, document, other, admin=admin)
            found[document_id(document)] = document
            show(done, len(given))
    if problems:
        raise Problem("\n".join(["Nothing was written.", *problems, *_ways_out(problems)]))
    return Persisted(documents=dict(sorted(found.items())), notes=notes)


def _show_nothing(_done: int, _total: int) -> None:
    """Show nothing: they are read in a moment."""


def tell_difference(output: Path, found: Mapping[str, str]) -> str:
    """Return what becomes of the documents that a file has now; "" if there is no such file.

    Raises Problem for a file that is something else.
    """
    from koipond.graphql.trusted import document_id

    try:
        before = msgspec.json.decode(output.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return ""
    except (OSError, msgspec.DecodeError):
        before = None
    if before is None or any(document_id(one) != key.lower() for key, one in before.items()):
        raise Problem(
            f"{output} is no file of documents that this command wrote, and is left as it is. "
            "Remove it, or name another: --output"
        )
    known = {key.lower() for key in before}
    new, gone = len(found.keys() - known), len(known - found.keys())
    keep = f" (to keep them, give {output} among FILES)" if gone else ""
    return f"; new in it: {new:,}, no longer in it: {gone:,}{keep}"


def _schemas(*, admin: bool, core_only: bool) -> tuple[Documents, Documents]:
    """Return what reads documents of the schema that is asked for, then of the other one."""
    from koipond.app import make_schemas
    from koipond.graphql.documents import Documents
    from koipond.graphql.private import core_schema
    from koipond.kernel.plugins import discover

    schemas = make_schemas(() if core_only else tuple(discover()))
    # As an open shop reads them, which says what was probably meant.
    storefront, staff = (
        Documents(core_schema(one), production=False) for one in (schemas.storefront, schemas.admin)
    )
    return (staff, storefront) if admin else (storefront, staff)


def _notes(place: str, known: Documents, document: str) -> Iterator[str]:
    """Check a document. Raises RequestRefused."""
    from graphql import OperationDefinitionNode

    defined = known.find(document).node.definitions
    operations = sum(isinstance(one, OperationDefinitionNode) for one in defined)
    if operations > 1:
        yield f"{place}: {operations} operations; a request must name one in operationName"


def _problems(
    place: str, refused: RequestRefused, document: str, other: Documents, *, admin: bool
) -> list[str]:
    from koipond.graphql.asking import RequestRefused

    try:
        other.find(document)
    except RequestRefused:
        return [f"{_line(place, one)}: {one['message']}" for one in refused.answer.errors]
    if admin:
        return [f"{place}: it is for the storefront's schema: leave --admin out"]
    return [f"{place}: it is for the staff's schema: persist it apart, with --admin"]


def _line(place: str, error: Mapping[str, Any]) -> str:
    locations = error.get("locations")
    return f"{place}:{locations[0]['line']}" if locations else place


def _ways_out(problems: Sequence[str]) -> list[str]:
    apart = any("Unknown fragment" in one or "is never used" in one for one in problems)
    return [_IN_ONE_FILE] if apart else []


def _read(file: Path) -> Iterator[tuple[str, str]]:
    """Yield (where it stands, document) for each document of a file. Raises Problem."""
    text = _text(file)
    if file.suffix.lower() != ".json":
        yield str(file), text
        return
    what = "It is {id: document}, or a persisted query manifest of Apollo's"
    try:
        pairs = msgspec.convert(_listed(json.loads(text)), type=list[tuple[str, str]])
    except json.JSONDecodeError as error:
        raise Problem(f"{file}:{error.lineno} is no JSON: {error.msg}. {what}") from error
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError) as error:
        raise Problem(f"{file} is no manifest of documents: {error}. {what}") from error
    for key, document in pairs:
        yield f"{file}: {key}", document


def _text(file: Path) -> str:
    """Return a file as it stands there, the ends of its lines included. Raises Problem."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "the system refuses").lower()
        raise Problem(f"{file} cannot be read: {reason}") from error
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Problem(f"{file}:{line} is no text in UTF-8. Save it in UTF-8") from error


def _listed(manifest: Any) -> list[Any]:
    operations = manifest.get("operations")
    if isinstance(operations, list):
        return [(one["id"], one["body"]) for one in operations]
    return list(manifest.items())
