"""What `koi schema persist` does: the documents of a storefront, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from koipond.cli.problems import Problem


def persist_documents(files: Sequence[Path], *, admin: bool, core_only: bool) -> dict[str, str]:
    """Return {SHA-256: document}, sorted. Raises Problem for what the schema would refuse."""
    from koipond.app import make_schemas
    from koipond.graphql.asking import RequestRefused
    from koipond.graphql.documents import Documents
    from koipond.graphql.private import core_schema
    from koipond.graphql.trusted import document_id
    from koipond.kernel.plugins import discover

    schemas = make_schemas(() if core_only else tuple(discover()))
    chosen = schemas.admin if admin else schemas.storefront
    # As an open shop reads them, which says what was probably meant.
    known = Documents(core_schema(chosen), production=False)
    found: dict[str, str] = {}
    problems = []
    for file in files:
        for place, document in _read(file):
            try:
                known.find(document)
            except RequestRefused as refused:
                problems += [f"{place}: {one['message']}" for one in refused.answer.errors]
            found[document_id(document)] = document
    if problems:
        raise Problem("Nothing was written.\n" + "\n".join(problems))
    return dict(sorted(found.items()))


def _read(file: Path) -> Iterator[tuple[str, str]]:
    """Yield (where it stands, document) for each document of a file. Raises Problem."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{file} cannot be read as text: {error}") from error
    if file.suffix != ".json":
        yield str(file), text
        return
    try:
        pairs = msgspec.convert(_listed(msgspec.json.decode(text)), type=list[tuple[str, str]])
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        problem = "It is {id: document}, or a persisted query manifest of Apollo's"
        raise Problem(f"{file} is no manifest of documents: {error}. {problem}") from error
    for key, document in pairs:
        yield f"{file}: {key}", document


def _listed(manifest: Any) -> list[Any]:
    operations = manifest.get("operations")
    if isinstance(operations, list):
        return [(one["id"], one["body"]) for one in operations]
    return list(manifest.items())
