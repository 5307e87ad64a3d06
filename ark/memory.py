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


def settle() -> None:
    """
    Give back what only starting needed, and let the garbage collector leave alone what stays.

    Reading definitions and compiling patterns takes about 20 MiB for a moment, which the
    C library keeps unless it is asked.  What is here now lives as long as the process:
    looking through it at every full collection would stop the server for milliseconds.
    """
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
