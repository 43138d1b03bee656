"""What was skipped, and how it is told: as a CSV to be mended by."""

import csv
import io
from collections.abc import Sequence

from koipond.imports.errors import RowRefused
from koipond.imports.types import RefusedRow
from koipond.kernel.formulas import guard

_COLUMNS = ("line", "item", "column", "code", "reason")


def skipped(error: RowRefused, item: str) -> RefusedRow:
    """Return what is told of a row that is skipped. item: what it is of."""
    return RefusedRow(
        line=error.line,
        item=item,
        reason=error.reason,
        column=error.column,
        code=error.refusal,
    )


def write_refusals(refusals: Sequence[RefusedRow] | None) -> str:
    """Return rows of a CSV, each with a line of the file; None: the header."""
    text = io.StringIO()
    writer = csv.writer(text)
    if refusals is None:
        writer.writerow(_COLUMNS)
    for one in refusals or ():
        told = (guard(one.item), guard(one.column), one.code, guard(one.reason))
        writer.writerow((one.line, *told))
    return text.getvalue()
