"""Use-cases of exports."""

from koipond.exports.service.asking import (
    do_export,
    export,
    find_export,
    find_exports,
    start_export,
)

__all__ = ["do_export", "export", "find_export", "find_exports", "start_export"]
