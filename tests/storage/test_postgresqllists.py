"""
What pages of lists cost on PostgreSQL, however many objects there are.
"""

from __future__ import annotations

import json

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from ark.storage.postgresql import open_backend
from tests.storage.postgresqlserver import shared_server

_PAGE = 20
_FILL = """
    INSERT INTO ark_log
    SELECT 1 + i, 'things.example.com', 'ns-' || i % 10, 'thing-' || to_char(i, 'FM000000'), 'ADDED', 0, 'u', 0, '', '{{}}'
    FROM generate_series({first}, {last}) AS i;
    INSERT INTO ark_object SELECT resource, namespace, name, revision FROM ark_log
    WHERE revision BETWEEN {first} + 1 AND {last} + 1;
    INSERT INTO ark_log
    SELECT 1000000 + revision, resource, namespace, name || '-gone', 'DELETED', revision, 'u', 0, '', '{{}}'
    FROM ark_log WHERE revision BETWEEN {first} + 1 AND {last} + 1 AND revision % 3 = 0;
    UPDATE ark_meta SET revision = 2000000;
"""


class CostTests(TestCase):
    """
    A page reads as many blocks of a large table as of a small one.
    """

    def blocks(self, at: str, start: str) -> int:
        """
        How many blocks are looked at for a page.

        Twice: the first time, what the catalogue says has to be read too.
        """
        call = f"SELECT ark_page_v1('things.example.com', {start}, U&'\\+10FFFF', {at}, {_PAGE})"
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {call}"
        lines = self.server.sql(f"SET search_path TO {self.schema}; {call}; {explain}")
        (plan,) = json.loads(lines[lines.index("[") :])
        return int(plan["Plan"]["Shared Hit Blocks"]) + int(plan["Plan"]["Shared Read Blocks"])

    async def setUp(self) -> None:
        self.server = shared_server(SkipTest)
        url = self.server.url()
        self.schema = url.rpartition("%3D")[2]
        backend = await open_backend({"db_url": url}, reactor)
        await backend.close()

    def fill(self, first: int, last: int) -> None:
        """
        Add objects and deletions.
        """
        text = _FILL.format(first=first, last=last)
        self.server.sql(f"SET search_path TO {self.schema}; {text}; ANALYZE ark_log, ark_object")

    async def test_size_does_not_matter(self) -> None:
        """
        Neither of a first nor of a later page, now or at a revision before or after the deletions.
        """
        places = [
            (at, start)
            for at in ("NULL", "900000", "1900000")
            for start in ("'', ''", "'ns-4', 'thing-000500'")
        ]
        self.fill(1, 1_000)
        few = [self.blocks(*place) for place in places]
        self.fill(1_001, 30_000)
        many = [self.blocks(*place) for place in places]
        for place, before, after in zip(places, few, many):
            self.assertLess(after, before + 60, f"{place}: {few} blocks of few objects, {many} of many")
