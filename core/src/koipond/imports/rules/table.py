"""The header of a file of ours, and its rows by our names of the columns."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from koipond.imports.errors import ColumnMissing, ColumnUnknown, FileEmpty, HeaderTwice
from koipond.imports.rules.rows import Record
from koipond.imports.types import ImportKind, Row


class Columns(Struct, frozen=True, kw_only=True):
    """What a kind of import reads. needed: each is a choice, of which one must be there.

    dialects: {name: {column of ours: what files of it call it}}, for files that others write.
    """

    kind: ImportKind
    needed: tuple[tuple[str, ...], ...]
    others: tuple[str, ...] = ()
    dialects: Mapping[str, Mapping[str, str]] = {}

    @property
    def known(self) -> tuple[str, ...]:
        """All of them."""
        return (*[name for choice in self.needed for name in choice], *self.others)


class Table:
    """A file whose header was read. dialect: whose names it has; "koipond" are our own."""

    def __init__(self, dialect: str, names: Sequence[str], records: Iterator[Record]) -> None:
        """names: of ours, "" for what is not read."""
        self.dialect = dialect
        self._names = names
        self._records = records

    def rows(self) -> Iterator[Row]:
        """Return the rows; one with too many or too few cells has a problem."""
        for number, record in enumerate(self._records, 1):
            count = len(record.cells)
            problem = record.problem
            if not problem and count > len(self._names):
                problem = f"it has {count} cells, the header has {len(self._names)} columns"
            if not problem and record.cut and count < len(self._names):
                problem = "the file ends in the middle of it"
            cells = dict(zip(self._names, record.cells, strict=False))
            yield Row(line=record.line, number=number, cells=cells, problem=problem)


def count_rows(table: Table) -> int:
    """Read all rows; returns how many there are."""
    return sum(1 for _ in table.rows())


def open_table(
    records: Iterator[Record], columns: Columns, *, file: str, mapping: Mapping[str, str]
) -> Table:
    """Read the header. mapping: {column of ours: what the file calls it}.

    Raises FileEmpty, HeaderTwice, ColumnMissing, ColumnUnknown.
    """
    header = next(records, None)
    if header is None:
        raise FileEmpty(file=file)
    theirs = header.cells
    for name in theirs:
        if name and theirs.count(name) > 1:
            raise HeaderTwice(column=name)
    for ours, called in mapping.items():
        if ours not in columns.known or called not in theirs:
            wrong = called if ours in columns.known else ours
            raise ColumnUnknown(column=wrong, known=", ".join(columns.known))
    dialect, words = _find_dialect(theirs, columns)
    ours_of = {called: ours for ours, called in {**words, **mapping}.items()}
    taken = set(ours_of.values())
    names = [ours_of.get(name, "" if name in taken else name.lower()) for name in theirs]
    missing = [choice for choice in columns.needed if not set(choice) & set(names)]
    if missing:
        raise ColumnMissing(
            kind=columns.kind,
            missing=", ".join(" or ".join(choice) for choice in missing),
            found=", ".join(theirs),
        )
    return Table(dialect, names, records)


def _find_dialect(names: Sequence[str], columns: Columns) -> tuple[str, Mapping[str, str]]:
    for dialect, words in columns.dialects.items():
        if set(words.values()) <= set(names):
            return dialect, words
    return "koipond", {}
