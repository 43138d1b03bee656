"""Refusals of a file as a whole: nothing of it was stored. And of a row: its product is skipped."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class FileUnreadable(DomainError):
    """A file that cannot be opened."""

    code: ClassVar[str] = "FILE_UNREADABLE"
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file} cannot be read: {self.reason}. Name a CSV file."


@domain_error
class FileEmpty(DomainError):
    """A file without a header."""

    code: ClassVar[str] = "FILE_EMPTY"
    file: str

    def __str__(self) -> str:
        return f"{self.file} is empty. Its first line must be the names of its columns."


@domain_error
class FileWithoutProducts(DomainError):
    """A file that ends behind its header."""

    code: ClassVar[str] = "FILE_WITHOUT_PRODUCTS"
    file: str

    def __str__(self) -> str:
        return f"{self.file} has a header, but no products in it. Nothing was imported."


@domain_error
class SeparatorWrong(DomainError):
    """A file whose columns are separated by something else than a comma."""

    code: ClassVar[str] = "SEPARATOR_WRONG"
    separator: str

    def __str__(self) -> str:
        return (
            f"The columns are separated by {self.separator}, not by a comma. Save the file as a "
            "CSV with commas. Nothing was imported."
        )


@domain_error
class FileDamaged(DomainError):
    """A file that cannot be read as what it is: a CSV, NDJSON, or words with spaces."""

    code: ClassVar[str] = "FILE_DAMAGED"
    line: int
    reason: str

    def __str__(self) -> str:
        return f"Line {self.line} cannot be read: {self.reason}. Nothing was imported."


@domain_error
class FieldTooLarge(DomainError):
    """A cell that is larger than any text of a product may be."""

    code: ClassVar[str] = "FIELD_TOO_LARGE"
    line: int
    limit: int

    def __str__(self) -> str:
        return (
            f"The row in line {self.line} has a field of more than {self.limit:,} characters. "
            "Shorten it, or close its quote. Nothing was imported."
        )


@domain_error
class EncodingUnknown(DomainError):
    """An encoding by a name that is none, or in which CSV cannot be read line by line."""

    code: ClassVar[str] = "ENCODING_UNKNOWN"
    encoding: str

    def __str__(self) -> str:
        return (
            f"{self.encoding[:40]!r} is no encoding that a CSV can be read in. "
            "Use utf-8, gb18030, big5, shift_jis, cp1252, or save the file as UTF-8."
        )


@domain_error
class EncodingWrong(DomainError):
    """Bytes that are no text in the expected encoding."""

    code: ClassVar[str] = "ENCODING_WRONG"
    line: int
    encoding: str

    def __str__(self) -> str:
        way = "Leave --encoding out if the file is UTF-8, or name the right one"
        if self.encoding == "utf-8":
            way = "If it was saved by a Chinese Excel, add the option --encoding gb18030"
        return f"Line {self.line} is not {self.encoding}. {way}. Nothing was imported."


@domain_error
class HeaderUnknown(DomainError):
    """A header that lacks columns. fits: the dialect that lacks none, if another was asked for."""

    code: ClassVar[str] = "HEADER_UNKNOWN"
    dialect: str
    missing: str
    known: str
    fits: str = ""

    def __str__(self) -> str:
        if self.fits:
            return (
                f"The header is not of the dialect {self.dialect}, but of {self.fits}. Add the "
                f"option --dialect {self.fits}, or leave it out. Nothing was imported."
            )
        return (
            f"The header is closest to the dialect {self.dialect}, but lacks: {self.missing}. "
            f"Known dialects: {self.known}. Nothing was imported."
        )


@domain_error
class HeaderTwice(DomainError):
    """A header that names a column twice."""

    code: ClassVar[str] = "HEADER_TWICE"
    column: str

    def __str__(self) -> str:
        return (
            f"The header names the column {self.column[:60]!r} twice. Remove or rename one. "
            "Nothing was imported."
        )


@domain_error
class RowTooLong(DomainError):
    """A row with more cells than the header has columns."""

    code: ClassVar[str] = "ROW_TOO_LONG"
    line: int
    cells: int
    columns: int

    def __str__(self) -> str:
        return (
            f"The row in line {self.line} has {self.cells} cells, the header has {self.columns} "
            "columns. Put cells with commas in quotes. Nothing was imported."
        )


@domain_error
class ColumnMissing(DomainError):
    """A header that lacks columns which this kind of import needs."""

    code: ClassVar[str] = "COLUMN_MISSING"
    kind: str
    missing: str
    found: str

    def __str__(self) -> str:
        return (
            f"A file of {self.kind} needs the columns: {self.missing}. This one has: "
            f"{self.found[:300]}. Rename them, or say what the file calls them: --column OURS="
            "THEIRS. Nothing was imported."
        )


@domain_error
class ColumnUnknown(DomainError):
    """A column to be read by another name that this kind of import knows nothing of."""

    code: ClassVar[str] = "COLUMN_UNKNOWN"
    column: str
    known: str

    def __str__(self) -> str:
        return (
            f"{self.column[:60]!r} is no column of ours, or the file has none of that name. "
            f"Ours are: {self.known}. Nothing was imported."
        )


@domain_error
class FormatUnfit(DomainError):
    """A format in which this kind of thing cannot be told."""

    code: ClassVar[str] = "FORMAT_UNFIT"
    reason: str

    def __str__(self) -> str:
        return f"The file cannot be read as asked: {self.reason}. Nothing was imported."


@domain_error
class ImportTooLarge(DomainError):
    """A file of more than can be stored in one transaction."""

    code: ClassVar[str] = "IMPORT_TOO_LARGE"
    things: int
    limit: int

    def __str__(self) -> str:
        return (
            f"All or nothing is for at most {self.limit:,} at once, and the file tells of "
            f"{self.things:,}: others would wait for it too long. Try a dry run first, then import "
            "without it. Nothing was imported."
        )


@domain_error
class ImportUnknown(DomainError):
    """An import that there is none of."""

    code: ClassVar[str] = "IMPORT_UNKNOWN"
    run: str

    def __str__(self) -> str:
        return f"There is no import {self.run[:60]!r}. `imports` lists those that there are."


@domain_error
class ImportOver(DomainError):
    """An import that can be cancelled no more."""

    code: ClassVar[str] = "IMPORT_OVER"
    run: str
    state: str

    def __str__(self) -> str:
        return f"The import {self.run} is {self.state}. What it stored stays; nothing was changed."


@domain_error
class ImportCancelled(DomainError):
    """An import that staff cancelled while it was at work."""

    code: ClassVar[str] = "IMPORT_CANCELLED"
    file: str
    done: int

    def __str__(self) -> str:
        return (
            f"The import of {self.file} was cancelled. What it had stored until then stays: "
            f"{self.done:,} of the file are dealt with."
        )


@domain_error
class ImportOvertaken(DomainError):
    """An import that another process goes on with at the same time."""

    code: ClassVar[str] = "IMPORT_OVERTAKEN"
    file: str

    def __str__(self) -> str:
        return (
            f"{self.file} is being imported by another process, which goes on. "
            "Wait until it is done."
        )


@domain_error
class RowRefused(DomainError):
    """A row whose product cannot be imported; the others are."""

    code: ClassVar[str] = "ROW_REFUSED"
    line: int
    reason: str
    # The column at fault, and the code of what is wrong with it.
    column: str = ""
    refusal: str = "ROW_REFUSED"

    def __str__(self) -> str:
        return f"Line {self.line}: {self.reason}."
