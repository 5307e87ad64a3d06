"""
A committer whose changes are spans of the requests that make them.
"""

from __future__ import annotations

from ark.meta.records import Change, Outcome
from ark.storage.committer import Committer
from ark.tracing.span import SPAN, within


class TracedCommitter(Committer):
    """
    Writes changes in spans: from when a change begins to wait for its batch to when it is durable.
    """

    async def commit(self, change: Change) -> Outcome:
        """
        See L{Committer.commit}.
        """
        written = super().commit(change)
        span = SPAN.get()
        if span is None or not span.recorded:
            return await written
        key = change.key
        attributes = {
            "resource": key.resource,
            "namespace": key.namespace,
            "name": key.name,
            "type": change.event,
        }
        return await within(span.child("Commit", attributes), written)
