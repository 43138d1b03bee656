"""Use-cases of imports."""

from koipond.imports.service.carrying import import_file, import_stream, is_imported

# What it was called while there were files of products alone.
import_catalog = import_file

__all__ = ["import_catalog", "import_file", "import_stream", "is_imported"]
