"""
What the audit log is to be told of a write.
"""

from __future__ import annotations

from tests.admission.webhooks.support import AdmissionTestCase, allowed
from tests.endpoints.support import WIDGETS


class AnnotationTests(AdmissionTestCase):
    """
    Admission's annotations and warnings reach the request.
    """

    def test_every_write_collects_them(self) -> None:
        """
        Deletions too.
        """
        self.hook(
            "validating", "a", lambda review: allowed(review, auditAnnotations={"k": "v"}, warnings=["w"])
        )
        for answer in (
            self.create(),
            self.request("DELETE", f"{WIDGETS}/w?dryRun=All"),
            self.request("DELETE", WIDGETS),
        ):
            self.assertEqual(answer.request.annotations, {"a.example.com/k": "v"})
            warnings = [value for name, value in answer.headers if name == b"warning"]
            self.assertEqual(warnings, [b'299 - "w"'])
