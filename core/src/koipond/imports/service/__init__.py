"""Use-cases of imports."""

from koipond.imports.service.asking import (
    cancel_import,
    do_import,
    find_first_refusals,
    find_import,
    find_imports,
    forget_files,
    start_import,
)
from koipond.imports.service.carrying import (
    import_file,
    import_stream,
    is_imported,
    write_errors,
)

# What it was called while there were files of products alone.
import_catalog = import_file

__all__ = [
    "cancel_import",
    "do_import",
    "find_first_refusals",
    "find_import",
    "find_imports",
    "forget_files",
    "import_catalog",
    "import_file",
    "import_stream",
    "is_imported",
    "start_import",
    "write_errors",
]
