"""
What can go wrong between a server and its cluster.
"""

from __future__ import annotations


class Unreachable(Exception):
    """
    The cluster did not answer: no connection, no trust, no answer in time, or none that can be read.

    Whether a request took effect is not known.
    """
