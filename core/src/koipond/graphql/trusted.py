"""Trusted documents: those of the shop's own clients, named by what they hash to.

https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from koipond.graphql.asking import BAD_USER_INPUT, GraphQLRequest, refuse
from koipond.settings import SettingsInvalid, TrustedDocumentsSettings

# By these two Apollo's clients know what to do next.
NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
# What the editor shows where it would be refused whatever it sends by itself.
EDITOR_REFUSED = """\
# This shop answers only the documents that it knows (`enforce` in koi.toml). What is typed here
# is refused, and so is the question what the schema holds: there is no help while you type.
#
# While you write documents set `enforce = false` and restart; then make them known with
# `koi schema persist`.
"""


class TrustedDocuments:
    """The documents of one schema that requests may name, or must."""

    def __init__(self, documents: Mapping[str, str], *, enforce: bool) -> None:
        """documents: {SHA-256 in small hexadecimal: document}. enforce: refuse every other one."""
        self._documents = documents
        self._enforce = enforce

    def answers(self, query: str) -> bool:
        """Tell whether a document is answered that is sent as text."""
        return not self._enforce or document_id(query) in self._documents

    def settle(self, request: GraphQLRequest) -> GraphQLRequest:
        """Return the request with its document. Raises RequestRefused."""
        if request.document_id is None:
            if not self.answers(request.query):
                raise refuse(
                    "Only documents that this shop knows are answered. Name one of them by "
                    "documentId; `koi schema persist` makes them known.",
                    NOT_TRUSTED,
                )
            return request
        if request.query and document_id(request.query) != request.document_id:
            raise refuse("The document's SHA-256 is not the one that names it.", BAD_USER_INPUT)
        found = self._documents.get(request.document_id)
        if found is not None:
            return replace(request, query=found)
        if request.query and not self._enforce:
            return request
        if not self._documents:
            raise refuse("This shop knows no documents. Send the text as `query`.", NOT_SUPPORTED)
        raise refuse(
            f"There is no document {request.document_id[:64]!r}. `koi schema persist` makes it "
            "known, and a restart after it.",
            NOT_FOUND,
        )


def document_id(document: str) -> str:
    """Return what names a document: the SHA-256 of its text, in small hexadecimal."""
    return hashlib.sha256(document.encode()).hexdigest()


def read_trusted(settings: TrustedDocumentsSettings, *, setting: str) -> TrustedDocuments:
    """Read the file of the settings. Raises SettingsInvalid."""
    documents = _read_file(Path(settings.file), setting) if settings.file else {}
    if settings.enforce and not documents:
        raise SettingsInvalid(f"{setting}: enforce without documents refuses every request")
    return TrustedDocuments(documents, enforce=settings.enforce)


def _read_file(file: Path, setting: str) -> dict[str, str]:
    made = f"Make it with `koi schema persist FILE... --output {file}`"
    try:
        found = msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except OSError as error:
        problem = (error.strerror or "the system refuses").lower()
        raise SettingsInvalid(f"{setting}: {file} cannot be read: {problem}. {made}") from error
    except msgspec.DecodeError as error:
        problem = "is no JSON object of documents by their SHA-256"
        raise SettingsInvalid(f"{setting}: {file} {problem}: {error}. {made}") from error
    for known, document in found.items():
        if document_id(document) != known.lower():
            problem = f"{known[:64]!r} is not the SHA-256 of its document"
            raise SettingsInvalid(f"{setting}: {file}: {problem}. {made}")
    return {known.lower(): document for known, document in found.items()}
