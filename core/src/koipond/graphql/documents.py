"""Reads documents: parse, limit, validate, reckon, once for all who send the same one."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Iterator

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    Token,
    TokenKind,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from msgspec import Struct

from koipond.graphql import limits
from koipond.graphql.asking import (
    BAD_USER_INPUT,
    COST_LIMIT,
    PARSE_FAILED,
    VALIDATION_FAILED,
    RequestRefused,
    refuse,
)
from koipond.graphql.cost import COST_MAX, DocumentReckoning, reckon
from koipond.graphql.executor import Plans
from koipond.graphql.private import GAVE_UP
from koipond.graphql.sizes import SizedBy

# Documents that were sent before are not read again. What was read of one takes 120 bytes for each
# of its characters, and its plans some more, so that strangers who send ever other ones fill about
# 100 MB at most.
REMEMBERED = 512
REMEMBERED_LENGTH = 400_000
# One that is longer would drive too many others out.
REMEMBERED_EACH = 40_000
# Of a whole number that stands in a document; Python refuses to read those of more than 4,300.
DIGITS_MAX = 1_000
_LONG_NUMBER = re.compile(rf"[0-9]{{{DIGITS_MAX}}}")


class Prepared(Struct, frozen=True, kw_only=True, eq=False):
    """A document that may be executed, and which of its operations is wanted.

    is_query: it only reads. is_subscription: it has many answers, for a caller who stays connected.
    sized_by: the variables that say how large its pages are.
    """

    document: Document
    operation: OperationDefinitionNode
    is_query: bool
    is_subscription: bool
    sized_by: Collection[SizedBy]


class Document(Struct, frozen=True, kw_only=True, eq=False):
    """A document that may be executed, with its plans, and what it may cost.

    known: {the name that was asked for: the operation of it}.
    """

    node: DocumentNode
    plans: Plans
    reckoned: DocumentReckoning
    known: dict[str | None, Prepared] = {}

    def prepare(self, name: str | None) -> Prepared:
        """Return the operation of this name; None: the only one. Raises RequestRefused."""
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = self._prepare(name)
        return found

    def _prepare(self, name: str | None) -> Prepared:
        operation = get_operation_ast(self.node, name)
        if operation is None:
            raise refuse(
                "The document has several operations: name one in operationName."
                if name is None
                else f"The document has no operation named {name[:60]!r}.",
                BAD_USER_INPUT,
            )
        own_name = operation.name.value if operation.name else None
        return Prepared(
            document=self,
            operation=operation,
            is_query=operation.operation is OperationType.QUERY,
            is_subscription=operation.operation is OperationType.SUBSCRIPTION,
            sized_by=self.reckoned.sized_by[own_name],
        )


class Documents:
    """The documents of one schema, of which it remembers those that were sent last."""

    def __init__(self, schema: GraphQLSchema, *, production: bool) -> None:
        """production: hide what the schema holds, that is introspection and suggestions."""
        self._schema = schema
        self._rules = [*specified_rules, *([NoSchemaIntrospectionCustomRule] * production)]
        self._hides = production
        # {its text: what was read of it}, the one that was sent last at the end.
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._length = 0

    def find(self, query: str) -> Document:
        """Return a document that may be executed. Raises RequestRefused."""
        found = self._known.get(query)
        if found is not None:
            self._known.move_to_end(query)
            return found
        read = self._read(query)
        self._remember(query, read)
        return read

    def __len__(self) -> int:
        """Tell how many are remembered."""
        return len(self._known)

    def _remember(self, query: str, read: Document) -> None:
        if len(query) > REMEMBERED_EACH:
            return
        self._known[query] = read
        self._length += len(query)
        while len(self._known) > REMEMBERED or self._length > REMEMBERED_LENGTH:
            forgotten, _ = self._known.popitem(last=False)
            self._length -= len(forgotten)

    def _read(self, query: str) -> Document:
        try:
            node = parse(
                query,
                max_source_length=limits.SOURCE_MAX,
                max_lexical_tokens=limits.TOKENS_MAX,
                max_comments=limits.COMMENTS_MAX,
            )
        except GraphQLError as error:
            raise RequestRefused([error], PARSE_FAILED) from error
        excess = limits.find_excess(node) or _forbidden_character(node) or _long_number(node)
        if excess:
            raise refuse(f"This document is refused: {excess}.", VALIDATION_FAILED)
        errors = validate(
            self._schema,
            node,
            self._rules,
            max_errors=limits.ERRORS_MAX,
            hide_suggestions=self._hides,
        )
        if errors and errors[-1].message == GAVE_UP:
            problem = "it has the same fields or fragments so often that comparing them is given up"
            raise refuse(f"This document is refused: {problem}.", VALIDATION_FAILED)
        if errors:
            raise RequestRefused(errors, VALIDATION_FAILED)
        return Document(
            node=node, plans=Plans(self._schema, node), reckoned=_reckon(node, self._schema)
        )


def _reckon(node: DocumentNode, schema: GraphQLSchema) -> DocumentReckoning:
    """Return what a valid document may cost. Raises RequestRefused."""
    try:
        reckoned = reckon(node, schema)
    except GraphQLError as error:
        raise RequestRefused([error], BAD_USER_INPUT) from error
    if reckoned.cost > COST_MAX:
        problem = (
            f"This document may have to answer {reckoned.cost:,} fields, as often as its lists "
            f"have them; at most {COST_MAX:,} are. Ask for smaller pages, or for less at once."
        )
        raise refuse(problem, COST_LIMIT)
    return reckoned


def _long_number(document: DocumentNode) -> str | None:
    """Find a number that Python would not read, and say so with words of its own."""
    if _LONG_NUMBER.search(_text(document)) is None:
        return None
    for token in _tokens(document):
        if token.kind is TokenKind.INT and len(token.value or "") > DIGITS_MAX:
            return f"the number in line {token.line} has more than {DIGITS_MAX:,} digits"
    return None


def _forbidden_character(document: DocumentNode) -> str | None:
    """Find the one character that no database text can hold, written as an escape."""
    if "\\u" not in _text(document):
        return None
    for token in _tokens(document):
        if token.value is not None and "\0" in token.value:
            return f"the text in line {token.line} has the character U+0000, which no text may have"
    return None


def _text(document: DocumentNode) -> str:
    assert document.loc is not None, "parsing notes where everything stands"
    return document.loc.source.body


def _tokens(document: DocumentNode) -> Iterator[Token]:
    assert document.loc is not None, "parsing notes where everything stands"
    token = document.loc.start_token.next
    while token is not None and token.kind is not TokenKind.EOF:
        yield token
        token = token.next
