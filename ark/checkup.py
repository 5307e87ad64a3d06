"""
C{ark-server check}: everything that would keep a server from running, told as it is found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.config import ServerConfig
from ark.consultation import consult
from ark.doctor import Finding, examine
from ark.job import Job


def check_up(config: ServerConfig, say: Callable[[str], None]) -> bool:
    """
    Look at this machine first, then ask the database and the cluster.

    @param say: takes a line for each finding.
    @return: whether all is well.
    """
    from twisted.internet import reactor

    failed: list[Finding] = []

    def tell(finding: Finding) -> None:
        say(f"{'ok  ' if finding.good else 'FAIL'} {finding.subject}: {finding.text}")
        if not finding.good:
            failed.append(finding)

    for finding in examine(config):
        tell(finding)
    running: Any = reactor

    async def ask() -> None:
        async for finding in consult(config, running):
            tell(finding)

    Job(running, ask).run()
    return not failed
