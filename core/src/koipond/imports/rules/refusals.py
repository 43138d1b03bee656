"""What was skipped, as a CSV to be mended by."""

import csv
import io
from collections.abc import Sequence

from koipond.imports.types import RefusedRow
from koipond.kernel.formulas import guard

_COLUMNS = ("line", "item", "column", "code", "reason")


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
