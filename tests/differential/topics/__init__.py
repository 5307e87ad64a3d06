"""
Generators of requests, one a subject; each has namespaces of its own and can be played alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from tests.differential.kinds import Kind
from tests.differential.steps import Step
from tests.differential.topics.applies import applies, owners
from tests.differential.topics.builtin import builtin
from tests.differential.topics.core import core, namespaces
from tests.differential.topics.definitions import cases, definitions
from tests.differential.topics.deletes import deletes
from tests.differential.topics.events import events
from tests.differential.topics.evolving import evolving
from tests.differential.topics.impersonation import impersonation
from tests.differential.topics.limits import limits
from tests.differential.topics.metadata import metadata
from tests.differential.topics.patches import patches, subresources
from tests.differential.topics.protobuf import protobuf
from tests.differential.topics.reads import lists, negotiation, pages, selectors
from tests.differential.topics.reviews import reviews
from tests.differential.topics.rules import rules
from tests.differential.topics.schemas import schemas
from tests.differential.topics.service import service
from tests.differential.topics.strategic import strategic
from tests.differential.topics.walk import walk
from tests.differential.topics.watching import watching
from tests.differential.topics.writes import creates, updates

Topic = Callable[[random.Random, Sequence[Kind]], Iterator[Step]]

TOPICS: dict[str, Topic] = {
    topic.__name__: topic
    for topic in (
        service, creates, metadata, schemas, updates, patches, subresources, deletes, lists, selectors, pages, negotiation, watching, core, builtin, events, namespaces, limits, reviews, impersonation, protobuf, strategic, cases, definitions, applies, owners, rules, evolving, walk,
    )
}  # fmt: skip
