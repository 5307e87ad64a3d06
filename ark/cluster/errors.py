"""
What can go wrong between a server and its cluster.
"""

from __future__ import annotations


class Unreachable(Exception):
    """
    The cluster did not answer: no connection, no trust, no answer in time, or none that can be read.

    Whether a request took effect is not known.
    """


class InvalidAccess(Exception):
    """
    It cannot be made out how to reach the cluster, or as whom.

    The message is a clause for the operator, C{x.kubeconfig: there is no current context}, and
    holds no secret.
    """
