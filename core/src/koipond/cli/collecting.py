"""How often a process that serves looks for garbage."""

from __future__ import annotations

import gc

# An answer of a hundred products is made of thousands of objects, none of which is garbage before
# it is sent. As it comes, Python looks at them many times meanwhile, and now and then at all that
# the process has loaded: a fifth of the processor, and pauses of a tenth of a second.
_YOUNG, _OLDER, _OLDEST = 10_000, 20, 20


def collect_seldom() -> None:
    """Look for garbage seldom, and never among what is there already: code, schemas, settings.

    Once everything is loaded, in a process that serves one app until it ends.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDEST)
