"""
The table of a comparison: prices, ratios, and the measured parts.
"""

from __future__ import annotations

import contextlib
import io
import sys

from twisted.trial.unittest import TestCase

from tests.bench.compare import main, table
from tests.bench.workload import Measured


def measured(cpu: dict[str, float], units: int = 1000, workload: str = "get") -> Measured:
    """
    A workload of one second.
    """
    load = {"workload": workload, "units": units, "unit": "operation", "seconds": 1.0, "errors": 0}
    return Measured({**load, "latency_ms": {"p50": 1.0, "p99": 2.0}}, cpu, dict.fromkeys(cpu, 1024 * units))


class TableTests(TestCase):
    """
    What C{make bench} prints.
    """

    def test_ratio_counts_every_process(self) -> None:
        """
        kube-apiserver and etcd together against our one process.
        """
        text = table(
            {
                "get": {
                    "ark": measured({"ark-server": 0.02}),
                    "kube": measured({"kube-apiserver": 0.3, "etcd": 0.1}),
                }
            }
        )
        self.assertIn("| ark-server 20.0 | 20.0 |  |", text)
        self.assertIn("kube-apiserver 300.0, etcd 100.0 | 400.0 | 20.0 |", text)

    def test_idle_watches_are_priced_in_memory(self) -> None:
        """
        Growth of resident memory divided by the number of watches.
        """
        both = {"ark": measured({"ark-server": 0.0}), "kube": measured({"kube-apiserver": 0.0, "etcd": 0.0})}
        text = table({"1,000 idle watches": both})
        self.assertIn("1.0 KiB a watch", text)
        self.assertIn("2.0 KiB a watch", text)


class OptionsTests(TestCase):
    """
    What it is told.
    """

    def test_servers_cannot_share_a_file(self) -> None:
        """
        Which is said before anything is started.
        """
        self.patch(sys, "argv", ["compare", "--replicas", "2"])
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertRaises(SystemExit, main)
        self.assertIn("a SQLite database is one server's", said.getvalue())
