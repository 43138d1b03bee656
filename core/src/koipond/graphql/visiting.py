"""Walks a document once."""

from __future__ import annotations

from typing import Any

from graphql import DirectiveNode, DocumentNode, Visitor, visit


def directives_of(document: DocumentNode) -> list[DirectiveNode]:
    """Return every directive that a document uses, in its order."""
    found: list[DirectiveNode] = []

    class Collect(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            found.append(node)

    visit(document, Collect())
    return found
