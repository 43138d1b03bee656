"""What a worker does for the catalogue."""

from koipond.kernel.jobs import Job


class RefreshSearch(Job, frozen=True, kw_only=True):
    """Make the search texts again of the products whose own are out of date."""

    may_cancel = True

    # It goes on where it was cut.
    deadline_s = 600
