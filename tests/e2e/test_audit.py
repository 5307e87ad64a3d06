"""
The audit log of a process, and of several.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from tests.e2e.test_process import ProcessTestCase

REQUESTS = 60
_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  resources: [{group: "", resources: [configmaps]}]
"""


class AuditTests(ProcessTestCase):
    """
    C{--audit-policy-file} and C{--audit-log-path}.
    """

    def flags(self, path: str) -> tuple[str, str]:
        """
        With a policy that is about config maps.
        """
        policy = self.folder / "policy.yaml"
        policy.write_text(_POLICY)
        return f"--audit-policy-file={policy}", f"--audit-log-path={path}"

    def ask(self) -> None:
        """
        Many requests, each on a connection of its own.
        """
        for _ in range(REQUESTS):
            self.assertEqual(self.request("GET", "/api/v1/namespaces/default/configmaps")[0], 200)

    def lines(self, *paths: Path) -> int:
        """
        How many requests are told of, each whole.
        """
        events = [orjson.loads(line) for path in paths for line in path.read_bytes().splitlines()]
        self.assertEqual({event["stage"] for event in events}, {"ResponseComplete"})
        return len({event["auditID"] for event in events})

    def test_everything_is_written_before_the_end(self) -> None:
        """
        What was answered is in the log when the process has gone.
        """
        path = self.folder / "logs" / "audit.log"
        running = self.started(*self.flags(str(path)))
        self.ask()
        self.assertIn(b"apiserver_audit_event_total 60.0", self.request("GET", "/metrics")[1])
        self.assertEqual(running.end(), 0)
        self.assertEqual(self.lines(path), REQUESTS)

    def test_each_worker_has_its_file(self) -> None:
        """
        And none is written by two.
        """
        path = self.folder / "audit.log"
        running = self.started("--workers=2", *self.flags(str(path)))
        self.ask()
        self.assertEqual(running.end(), 0)
        files = [file for file in (path, path.with_name("audit.1.log")) if file.exists()]
        self.assertEqual(self.lines(*files), REQUESTS)

    def test_the_standard_output_will_do(self) -> None:
        """
        C{-}: lines of JSON there, whatever else there is.
        """
        running = self.started(*self.flags("-"))
        self.ask()
        running.end()
        told = [line for line in running.text().splitlines() if line.startswith('{"kind":"Event"')]
        self.assertEqual(len(told), REQUESTS)

    def test_what_cannot_be_a_policy(self) -> None:
        """
        Code 3 with the place, and 2 where only half is given.
        """
        policy, log = self.flags("-")
        self.assert_refused(2, policy)
        self.assert_refused(2, log)
        self.assert_refused(3, "--audit-policy-file=/nonexistent", log)
        (self.folder / "policy.yaml").write_text(_POLICY.replace("Metadata", "Everything"))
        self.assertIn("rules[0].level", self.assert_refused(3, policy, log))
