"""
Memory, once a server has started.
"""

from __future__ import annotations

import ctypes
import gc

SETTLE_AFTER = 0.5
"""
Seconds after a start: the first clients come before the housekeeping.
"""

_YOUNG = 10_000


def settle() -> None:
    """
    Give back what only starting needed, and let the garbage collector leave alone what stays.

    Reading definitions and compiling patterns takes about 20 MiB for a moment, which the
    C library keeps unless it is asked.  What is here now lives as long as the process:
    looking through it at every full collection would stop the server for milliseconds.

    What requests make goes when they are answered, and next to none of it needs the collector.
    As often as Python looks by default, at 700 objects, most of what it finds belongs to requests
    under way, is taken for old, and has everything looked through before long: that took a sixth
    of a write's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
