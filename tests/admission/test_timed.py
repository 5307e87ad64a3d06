"""
Tests for L{ark.admission.timed}, and of how chains are measured.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ark.admission.attributes import CREATE, DELETE, UPDATE, Attributes, Subject
from ark.admission.chain import AdmissionChain
from ark.admission.metrics import ADMIT, VALIDATE, AdmissionMetrics
from ark.admission.timed import Steps, Timed
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission
from ark.meta.gvk import GroupKind, GroupResource
from ark.meta.status import APIStatus, bad_request

WIDGETS = Subject(CREATE, "probe.example.com", "v1", "widgets")


@implementer(IAdmissionPlugin, ISelectiveAdmission)
class Slow:
    """
    Takes a second to admit, and refuses at once afterwards.

    @ivar about: what it is concerned with.
    """

    reads_managed_fields = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.about = {WIDGETS}
        self.changed: Callable[[], None] = lambda: None

    def handles(self, operation: str) -> bool:
        """
        No deletions.
        """
        return operation != DELETE

    def concerns(self, subject: Subject) -> bool:
        """
        Whether it is among what it is about.
        """
        return subject in self.about

    def subscribe(self, changed: Callable[[], None]) -> None:
        """
        There is one who wants to know.
        """
        self.changed = changed

    async def admit(self, attributes: Attributes) -> None:
        """
        Take a second.
        """
        self._clock.advance(1)

    async def validate(self, attributes: Attributes) -> None:
        """
        Refuse.
        """
        raise bad_request("no")


class TimedTests(SynchronousTestCase):
    """
    What a chain sees of such a plug-in, and what metrics do.
    """

    def setUp(self) -> None:
        """
        Make one.
        """
        self.clock = Clock()
        self.slow = Slow(self.clock)
        self.metrics = AdmissionMetrics()
        self.timed = Timed(self.slow, "Slow", ADMIT, self.metrics, self.clock)

    def attributes(self) -> Attributes:
        """
        A widget that somebody makes.
        """
        return Attributes(
            CREATE, GroupKind("g", "Widget"), GroupResource("g", "widgets"), "v1", "default", "w", {}, None
        )

    def sums(self, what: str) -> dict[tuple[str, ...], float]:
        """
        The seconds that were measured, by labels.
        """
        return {
            tuple(sample.labels.values()): sample.value
            for metric in self.metrics.collect()
            for sample in metric.samples
            if sample.name == f"apiserver_admission_{what}_admission_duration_seconds_sum"
        }

    def test_it_is_the_same_plugin(self) -> None:
        """
        For those who ask.
        """
        verifyObject(IAdmissionPlugin, self.timed)
        verifyObject(ISelectiveAdmission, self.timed)
        self.assertTrue(self.timed.reads_managed_fields)
        chain = AdmissionChain([self.timed])
        other = WIDGETS._replace(operation=UPDATE)
        self.assertIsNotNone(chain.concerned(WIDGETS))
        self.assertIsNone(chain.concerned(other))
        self.assertIsNone(chain.concerned(WIDGETS._replace(operation=DELETE)))
        self.slow.about = {other}
        self.assertIsNotNone(chain.concerned(WIDGETS), "nobody said that it changed")
        self.slow.changed()
        self.assertIsNone(chain.concerned(WIDGETS))
        self.assertIsNotNone(chain.concerned(other))

    def test_its_time_is_measured(self) -> None:
        """
        Under what it did, and how it ended; in the other step it is left alone.
        """
        judging = Timed(self.slow, "Slow", VALIDATE, self.metrics, self.clock)
        attributes = self.attributes()
        self.successResultOf(Deferred.fromCoroutine(self.timed.admit(attributes)))
        self.successResultOf(Deferred.fromCoroutine(self.timed.validate(attributes)))
        self.successResultOf(Deferred.fromCoroutine(judging.admit(attributes)))
        self.failureResultOf(Deferred.fromCoroutine(judging.validate(attributes)), APIStatus)
        self.assertEqual(
            self.sums("controller"),
            {("Slow", "admit", "CREATE", "false"): 1, ("Slow", "validate", "CREATE", "true"): 0},
        )

    def test_a_step_is_measured_as_a_whole(self) -> None:
        """
        All plug-ins together, and both rounds.
        """
        chain = AdmissionChain([self.slow, self.slow], Steps(self.metrics, self.clock))
        concerned = chain.concerned(WIDGETS)
        assert concerned is not None
        attributes = self.attributes()
        attributes.reinvoke = True
        self.successResultOf(Deferred.fromCoroutine(concerned.admit(attributes)))
        self.failureResultOf(Deferred.fromCoroutine(concerned.validate(attributes)), APIStatus)
        self.assertEqual(
            self.sums("step"), {("admit", "CREATE", "false"): 4, ("validate", "CREATE", "true"): 0}
        )
