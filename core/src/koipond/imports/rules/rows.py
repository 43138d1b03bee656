"""From bytes to rows of text, one at a time; what cannot be read refuses the whole file."""

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from msgspec import Struct

from koipond.imports.errors import (
    EncodingUnknown,
    EncodingWrong,
    FieldTooLarge,
    FileDamaged,
)
from koipond.imports.types import Format
from koipond.kernel.formulas import unguard

# Characters of one cell.
FIELD_MAX = 1_000_000
# Bytes that are read at once when no line ends: several cells of the largest size.
LINE_MAX = 32_000_000
UTF_8 = "utf-8"
# Put behind the last line. What comes back as a row of its own was outside of any quote.
_END = "\x1eend of file"
_WORDS = re.compile(rb"\w+(?: +\w+)+")


class Record(Struct, frozen=True, kw_only=True):
    """The cells of one row, and the line that it begins in. cut: the file ends before it does."""

    line: int
    cells: list[str]
    cut: bool
    # Why it cannot be read; then it has no cells.
    problem: str = ""


def find_codec(name: str) -> str:
    """Return the one name of an encoding in which CSV can be read line by line.

    Raises EncodingUnknown.
    """
    try:
        codec = codecs.lookup(name).name
        plain = '\n,"x'.encode(codec) == b'\n,"x'
    except (LookupError, UnicodeError, ValueError) as error:
        raise EncodingUnknown(encoding=name) from error
    if codec == "utf-8-sig":
        return UTF_8
    if not plain:
        raise EncodingUnknown(encoding=name)
    return codec


def read_rows(lines: Iterable[bytes], encoding: str) -> Iterator[Record]:
    """Read a CSV; rows without any text are left out.

    lines: those of the file with their ends, each at most LINE_MAX long; encoding: from
    `find_codec`. Raises EncodingWrong, FileDamaged, FieldTooLarge.
    """
    csv.field_size_limit(FIELD_MAX)
    text = _Text(lines, encoding)
    # Not strict: spaces between a closing quote and the comma are common.
    reader = csv.reader(chain(text, [_END]))
    while True:
        line = reader.line_num + 1
        cells = _next_cells(reader, line)
        if text.is_over and cells == [_END]:
            return
        if text.is_over and cells and cells[-1].endswith(_END):
            raise FileDamaged(line=line, reason="a quote is opened here and never closed")
        trimmed = [unguard(cell.strip()) for cell in cells]
        if any(trimmed):
            yield Record(line=line, cells=trimmed, cut=text.is_cut)


def find_format(first: bytes) -> Format:
    """Tell how a file writes rows by its first line: an object, words with spaces, else a CSV."""
    line = first.removeprefix(codecs.BOM_UTF8).strip()
    if line.startswith(b"{"):
        return Format.NDJSON
    return Format.SPACED if _WORDS.fullmatch(line) else Format.CSV


def read_spaced(lines: Iterable[bytes], encoding: str) -> Iterator[Record]:
    """Read words with spaces between them; see `read_rows`."""
    text = _Text(lines, encoding)
    for line, words in enumerate(map(str.split, text), 1):
        if words:
            yield Record(line=line, cells=words, cut=text.is_cut)


def read_objects(lines: Iterable[bytes], encoding: str) -> Iterator[Record]:
    """Read NDJSON as rows of which the first are the names in all its objects; see `read_rows`.

    The names are those of the first object. A line that is no object of texts and numbers, or has
    a name that the first has not, is a row with a problem; the others can be read nevertheless.
    """
    text = _Text(lines, encoding)
    names: list[str] = []
    for line, written in enumerate(text, 1):
        if not written.strip():
            continue
        found, problem = _read_object(written)
        if not names:
            if problem:
                raise FileDamaged(line=line, reason=problem)
            names = list(found)
            yield Record(line=line, cells=names, cut=False)
        strange = [name for name in found if name not in names]
        if strange:
            problem = f"the first object has no {strange[0][:60]!r}; name it there, null if need be"
        cells = [found.get(name, "") for name in names]
        yield Record(line=line, cells=[] if problem else cells, cut=False, problem=problem)


def _read_object(written: str) -> tuple[dict[str, str], str]:
    """Return an object's cells, or why it has none."""
    try:
        # Numbers as they are written: no amount passes through a float.
        found = json.loads(
            written, parse_float=str, parse_int=str, object_pairs_hook=_pairs, parse_constant=_none
        )
    except RecursionError:
        return {}, "it is too deep to be an object of texts and numbers"
    except ValueError as error:
        return {}, f"it is no JSON: {str(error)[:80]}"
    problem = _problem_of(found)
    return ({}, problem) if problem else ({name.strip(): _cell(found[name]) for name in found}, "")


def _problem_of(found: Any) -> str:
    if not isinstance(found, dict):
        return "it is no object"
    for name, value in found.items():
        if not isinstance(value, str | bool | None):
            return f"{name[:60]!r} is no text and no number"
        if isinstance(value, str) and "\0" in value:
            return f"{name[:60]!r} has a NUL, so it is no text"
        if isinstance(value, str) and len(value) > FIELD_MAX:
            return f"{name[:60]!r} has more than {FIELD_MAX:,} characters"
    return ""


def _cell(value: str | bool | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value.encode(errors="replace").decode().strip()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _none(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _next_cells(reader: Iterator[list[str]], line: int) -> list[str]:
    try:
        return next(reader)
    except csv.Error as error:
        if "field limit" in str(error):
            raise FieldTooLarge(line=line, limit=FIELD_MAX) from error
        reason = "it has a line end (CR) that is none; lines end in LF or CR LF"
        raise FileDamaged(line=line, reason=reason) from error


class _Text:
    """The lines of a file as text.

    is_cut: the line that was read last has no end, so the file ends with it. is_over: there is no
    line any more.
    """

    def __init__(self, lines: Iterable[bytes], encoding: str) -> None:
        self.is_cut = False
        self.is_over = False
        self._lines = lines
        self._encoding = encoding

    def __iter__(self) -> Iterator[str]:
        for number, raw in enumerate(self._lines, 1):
            if len(raw) >= LINE_MAX:
                reason = f"it has {LINE_MAX:,} bytes or more and no end"
                raise FileDamaged(line=number, reason=reason)
            self.is_cut = not raw.endswith(b"\n")
            yield self._decode(raw, number)
        self.is_over = True

    def _decode(self, raw: bytes, number: int) -> str:
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise EncodingWrong(line=number, encoding=self._encoding) from error
        if "\0" in text:
            raise FileDamaged(line=number, reason="it has a NUL byte, so it is no text")
        return text.removeprefix("\ufeff") if number == 1 else text
