"""
Requests that are served in turn with those of others.
"""

from __future__ import annotations

from ark.http.flowcontrol.configuration import FlowSchema
from ark.http.flowcontrol.fairqueue import Level
from ark.http.flowcontrol.measures import FlowMeasures
from ark.http.flowcontrol.shuffle import deal, flow_hash


class Flow:
    """
    Requests that are served in turn with those of other flows.

    @ivar hand: the places of its queues in its level's.
    @ivar headers: what tells clients of it (contract 1.12).
    """

    __slots__ = ("hand", "headers", "level", "measures")

    def __init__(self, schema: FlowSchema, level: Level, distinguisher: str, measures: FlowMeasures) -> None:
        config = level.config
        self.level = level
        self.measures = measures
        self.hand: tuple[int, ...] = ()
        if config.queues:
            self.hand = deal(flow_hash(schema.name, distinguisher), config.queues, config.hand)
        self.headers = (
            (b"x-kubernetes-pf-flowschema-uid", schema.uid.encode()),
            (b"x-kubernetes-pf-prioritylevel-uid", config.uid.encode()),
        )
