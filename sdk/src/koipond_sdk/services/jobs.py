"""Jobs: what is to be done later, stored by the transaction that wants it done."""

from koipond.kernel.jobs import Job, enqueue

__all__ = ["Job", "enqueue"]
