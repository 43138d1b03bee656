"""From bytes to rows of text, one at a time; what is no sound CSV refuses the whole file."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from itertools import chain

from msgspec import Struct

from koipond.imports.errors import (
    EncodingUnknown,
    EncodingWrong,
    FieldTooLarge,
    FileDamaged,
)

# Characters of one cell.
FIELD_MAX = 1_000_000
# Bytes that are read at once when no line ends: several cells of the largest size.
LINE_MAX = 32_000_000
UTF_8 = "utf-8"
# Put behind the last line. What comes back as a row of its own was outside of any quote.
_END = "\x1eend of file"


class Record(Struct, frozen=True, kw_only=True):
    """The cells of one row, and the line that it begins in. cut: the file ends before it does."""

    line: int
    cells: list[str]
    cut: bool


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
        trimmed = [cell.strip() for cell in cells]
        if any(trimmed):
            yield Record(line=line, cells=trimmed, cut=text.is_cut)


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
