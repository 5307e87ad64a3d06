"""
What policies cost a write, in microseconds of CPU.

Run as C{python -m tests.bench.bench_policies}.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ark.admission.attributes import Attributes
from ark.admission.chain import AdmissionChain
from ark.admission.policies.mutating import MutatingAdmissionPolicies
from ark.admission.policies.plugin import Around
from ark.admission.policies.validating import ValidatingAdmissionPolicies
from tests.admission.policies.scenarios import MUTATING, VALIDATING
from tests.admission.policies.support import PolicyTestCase, write
from tests.admission.policies.test_mutating import SCHEMA, applies, patches

_COUNT = 20_000
_ROUNDS = 5
SMALL = [{"expression": "object.spec.size < 5", "message": "too big"}]


def best(run: Callable[[], Any]) -> float:
    """
    The best of some rounds.
    """
    times = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        for _ in range(_COUNT):
            run()
        times.append((time.process_time() - start) / _COUNT * 1e6)
    return min(times)


def finish(coroutine: Any) -> None:
    """
    Run what never waits.
    """
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


class Bench(PolicyTestCase):
    """
    A cluster with plug-ins.
    """

    def runTest(self) -> None:
        """
        Print the figures.
        """
        around = Around.of(self.namespace, self.authorizer, self.clock)
        validating = ValidatingAdmissionPolicies(self.cluster, around, self.clock)
        mutating = MutatingAdmissionPolicies(self.cluster, around, lambda _: SCHEMA, self.clock)
        chain = AdmissionChain((mutating, validating))
        validating.start()
        mutating.start()
        thing = write(size=1, note="x")
        subject = thing.subject
        self.policy(VALIDATING, validations=SMALL)
        other = subject._replace(resource="others")
        self.told("no policy is about it", lambda: chain.concerned(other))
        judged = lambda: finish(validating.validate(thing))  # noqa: E731
        self.told("one validation", judged)
        variables = [{"name": "size", "expression": "object.spec.size"}]
        messages = [
            {"expression": "variables.size < 5", "messageExpression": "'is ' + string(variables.size)"}
        ]
        self.policy(VALIDATING, variables=variables, validations=messages)
        self.told("a variable and a message of its own", judged)
        asks = [{"expression": "authorizer.requestResource.check('get').allowed()"}]
        self.policy(VALIDATING, validations=asks)
        self.told("a question that is answered at once", judged)
        self.policy(
            MUTATING, mutations=[patches("[JSONPatch{op: 'replace', path: '/spec/note', value: 'y'}]")]
        )
        self.told("a JSON patch", lambda: finish(mutating.admit(_fresh(thing))))
        self.policy(MUTATING, mutations=[applies("Object{spec: Object.spec{note: 'y'}}")])
        self.told("an apply configuration", lambda: finish(mutating.admit(_fresh(thing))))

    def told(self, what: str, run: Callable[[], Any]) -> None:
        """
        Print a figure.
        """
        print(f"{best(run):8.2f} µs  {what}")


def _fresh(thing: Attributes) -> Attributes:
    thing.memory, thing.reinvoke = {}, False
    return thing


if __name__ == "__main__":
    bench = Bench()
    bench.setUp()
    bench.runTest()
