"""Pages of documentation, read as tests run them: their blocks, and what is asked with which words.

<!-- as: staff -->, <!-- locale: zh-Hans --> before a block say who asks it and in which language;
<!-- answer --> that it is what the block before it is answered.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from graphql import OperationDefinitionNode, parse
from markdown_it import MarkdownIt
from tests.architecture.workspace import texts

from koipond.kernel import ids
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.kernel.worker import Worker
from koipond.member import service as members
from koipond.member.types import Contact
from koipond_sdk.testing.shop import RunningShop

COMMENT = re.compile(r"<!-- (as|locale|answer)(?:: ([\w-]+))? -->")
TOLD = {"as": "viewer", "locale": "locale", "answer": "is_answer"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line of its first line, who it is asked as and in
    which language; whether it is what the block before it is answered."""

    language: str
    text: str
    line: int
    viewer: str = "guest"
    locale: str | None = None
    is_answer: bool = False


def blocks(path: str, language: str) -> list[Block]:
    return [block for block in all_blocks(path) if block.language == language]


def all_blocks(path: str) -> list[Block]:
    found: list[Block] = []
    told: dict[str, Any] = {}
    for token in MarkdownIt().parse(texts()[path]):
        if token.type == "html_block":
            told |= {TOLD[name]: value or True for name, value in COMMENT.findall(token.content)}
        elif token.type == "fence" and token.map is not None:
            found.append(Block(token.info.strip(), token.content, token.map[0] + 2, **told))
            told = {}
    return found


async def ask_all(
    shop: RunningShop, blocks: Sequence[Block], path: str, viewers: Mapping[str, Viewer]
) -> None:
    """Ask a shop the GraphQL blocks one after the other; their answers are held to those shown.

    Variables are taken from what was answered before. Nothing is refused but where it is shown.
    """
    answers: list[Any] = []
    worker = Worker(shop.shop)
    for block, shown in zip_longest(blocks, blocks[1:]):
        if block.language != "graphql":
            continue
        answer = await shop.graphql(
            block.text,
            variables(block.text, answers),
            viewer=viewers[block.viewer],
            admin=block.viewer == "staff",
            headers={"Koi-Locale": block.locale} if block.locale else None,
        )
        where = f"{path}:{block.line}"
        assert "errors" not in answer, f"{where}: {answer['errors']}"
        text = shown.text if shown is not None and shown.is_answer else "null"
        if text != "null":
            (answered,) = answer["data"].values()
            assert narrowed(answered, json.loads(text)) == json.loads(text), f"{where}: {answered}"
        if "userErrors" not in text:
            assert [one for one in values(answer, "userErrors") if one] == [], where
        # As in a shop: what follows an answer has happened when the next one is asked for.
        await worker.run_once()
        answers.append(answer)


async def make_member(shop: RunningShop) -> Viewer:
    async with shop.context() as ctx:
        key = await members.ensure_buyer(ctx, Contact(email="reader@example.org"))
    return Viewer(kind=ViewerKind.MEMBER, id=key)


def narrowed(answer: Any, shown: Any) -> Any:
    """Return what of an answer is shown: a README leaves out what differs each time.

    A space that no line breaks at is written as one that it may.
    """
    if isinstance(shown, dict) and isinstance(answer, dict):
        return {name: narrowed(answer.get(name), part) for name, part in shown.items()}
    if isinstance(shown, list) and isinstance(answer, list) and len(shown) == len(answer):
        return [narrowed(*both) for both in zip(answer, shown, strict=True)]
    return answer.replace("\xa0", " ") if isinstance(answer, str) else answer


def variables(document: str, answers: list[Any]) -> dict[str, Any]:
    """Return {variable: value}: a new key, or what the last answer that has it calls so.

    `variantId` is the first id of a variant in it.
    """
    found: dict[str, Any] = {}
    for operation in parse(document).definitions:
        assert isinstance(operation, OperationDefinitionNode)
        for definition in operation.variable_definitions or ():
            name = definition.variable.name.value
            known = {"key": str(uuid.uuid4())}.get(name) or next(look_up(name, answers[::-1]))
            found[name] = known
    return found


def look_up(name: str, answers: list[Any]) -> Iterator[Any]:
    if name.endswith("Id"):
        prefix = ids.PREFIXES[getattr(ids, name[0].upper() + name[1:])]
        yield from (key for key in values(answers, "id") if key.startswith(f"{prefix}_"))
    yield from values(answers, name)


def values(answer: Any, name: str) -> Iterator[Any]:
    """Return every value that an answer has under `name`, wherever."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key == name and value is not None:
                yield value
            yield from values(value, name)
    elif isinstance(answer, list):
        for value in answer:
            yield from values(value, name)
