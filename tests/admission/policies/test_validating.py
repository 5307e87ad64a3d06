"""
Tests for L{ark.admission.policies.validating} and what it follows in the cluster.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from ark.admission.attributes import DELETE, UPDATE, Subject
from ark.admission.policies.params import Collection, NotYet
from ark.admission.policies.plugin import Around
from ark.admission.policies.validating import ValidatingAdmissionPolicies
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission
from ark.meta.status import APIStatus, internal_error
from tests.admission.policies.scenarios import REGISTRATION, VALIDATING
from tests.admission.policies.support import CONFIG_MAPS, PolicyTestCase, write

SMALL = [{"expression": "object.spec.size < 5", "message": "too big"}]
THINGS = Subject("CREATE", "g", "v1", "things")


class ValidatingTestCase(PolicyTestCase):
    """
    Has a plug-in.
    """

    def setUp(self) -> None:
        """
        A plug-in that has begun to follow the cluster.
        """
        super().setUp()
        self.plugin = self.made()
        self.plugin.start()

    def made(self, **options: Any) -> ValidatingAdmissionPolicies:
        """
        Another plug-in.
        """
        around = Around.of(self.namespace, self.authorizer, self.clock)
        return ValidatingAdmissionPolicies(self.cluster, around, self.clock, **options)

    def judged(self, **spec: Any) -> str:
        """
        What is said against a thing.
        """
        return self.message(self.plugin.validate(write(**spec)))


class FollowingTests(ValidatingTestCase):
    """
    Policies are those that the cluster has at the time.
    """

    def test_interfaces(self) -> None:
        """
        The plug-in is what it says.
        """
        verifyObject(IAdmissionPlugin, self.plugin)
        verifyObject(ISelectiveAdmission, self.plugin)

    def test_changes_count_at_once(self) -> None:
        """
        A policy that comes, changes and goes.
        """
        self.assertEqual(self.judged(size=7), "")
        self.policy(VALIDATING, validations=SMALL)
        self.assertIn("too big", self.judged(size=7))
        self.policy(VALIDATING, validations=[{"expression": "true"}])
        self.assertEqual(self.judged(size=7), "")
        self.policy(VALIDATING, validations=SMALL)
        self.cluster.remove(VALIDATING.bindings, "p-b")
        self.assertEqual(self.judged(size=7), "")

    def test_compiled_once(self) -> None:
        """
        Nothing is compiled anew that has not changed.
        """
        self.policy(VALIDATING, validations=SMALL)
        before = self.plugin._source.hooks[0].compiled
        self.policy(VALIDATING, "other", validations=SMALL)
        self.assertIs({hook.name: hook for hook in self.plugin._source.hooks}["p"].compiled, before)

    def test_whom_it_concerns(self) -> None:
        """
        The chain is told what the policies are about, and when that changes.
        """
        told: list[bool] = []
        self.plugin.subscribe(lambda: told.append(self.plugin.concerns(THINGS)))
        self.assertFalse(self.plugin.concerns(THINGS))
        self.policy(VALIDATING, validations=SMALL)
        self.assertTrue(told[-1])
        self.assertFalse(self.plugin.concerns(THINGS._replace(resource="others")))
        self.assertFalse(self.plugin.concerns(THINGS._replace(subresource="status")))

    def test_configurations_are_exempt(self) -> None:
        """
        No policy keeps somebody from mending policies.
        """
        rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
        self.policy(VALIDATING, validations=SMALL, matchConstraints={"resourceRules": [rule]})
        for resource in ("validatingadmissionpolicies", "mutatingwebhookconfigurations"):
            subject = Subject("CREATE", "admissionregistration.k8s.io", "v1", resource)
            self.assertFalse(self.plugin.concerns(subject))
        self.assertTrue(self.plugin.concerns(THINGS))

    def test_managed_fields_are_made_for_those_who_look(self) -> None:
        """
        It takes time to make them.
        """
        for expression, looks in (
            ("object.metadata.name == 'x'", False),
            ("object != null && oldObject == null", False),
            ("object.metadata.managedFields.size() == 1", True),
            ("object.metadata == oldObject.metadata", True),
            ("object == oldObject", True),
        ):
            self.policy(VALIDATING, validations=[{"expression": expression}])
            self.assertIs(self.plugin.reads_managed_fields, looks, expression)

    def test_waits_until_policies_are_known(self) -> None:
        """
        For ten seconds; then the write is refused.
        """
        self.cluster.down = True
        self.plugin = self.made()
        self.plugin.start()
        self.assertTrue(self.plugin.concerns(THINGS))
        waiting = self.begin(self.plugin.validate(write(size=7)))
        self.clock.advance(9)
        self.assertNoResult(waiting)
        self.clock.advance(1)
        status = self.failureResultOf(waiting, APIStatus).value
        self.assertEqual(status.message, 'things.g "one" is forbidden: not yet ready to handle request')
        self.policy(VALIDATING, validations=SMALL)
        waiting = self.begin(self.plugin.validate(write(size=7)))
        self.cluster.down = False
        self.clock.advance(1)
        self.assertIn("too big", str(self.failureResultOf(waiting, APIStatus).value))

    def test_older_clusters(self) -> None:
        """
        The newest version counts that the cluster serves.
        """
        beta = REGISTRATION.replace("/v1", "/v1beta1")
        self.discover(REGISTRATION)
        self.discover(beta, {"name": "validatingadmissionpolicies"})
        spec = {"matchConstraints": {}, "validations": SMALL}
        self.cluster.put(f"{beta}/validatingadmissionpolicies", self.named("p", spec))
        bound = {"policyName": "p", "validationActions": ["Deny"]}
        self.cluster.put(f"{beta}/validatingadmissionpolicybindings", self.named("b", bound))
        self.plugin = self.made()
        self.plugin.start()
        self.assertIn("too big", self.judged(size=7))

    def test_clusters_without(self) -> None:
        """
        No policies hold; it is looked again every now and then.
        """
        self.discover(REGISTRATION)
        self.plugin = self.made()
        self.plugin.start()
        self.assertTrue(self.plugin.synced)
        self.discover(REGISTRATION, {"name": "validatingadmissionpolicies"})
        self.policy(VALIDATING, validations=SMALL)
        self.assertEqual(self.judged(size=7), "")
        self.clock.advance(30)
        self.assertIn("too big", self.judged(size=7))

    def test_stop(self) -> None:
        """
        Nothing is followed any more.
        """
        self.policy(VALIDATING, validations=SMALL, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
        self.plugin.stop()
        self.policy(VALIDATING, validations=[{"expression": "true"}])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_policies_that_nobody_expected(self) -> None:
        """
        Do not keep others from being followed; what they are about cannot be judged.
        """
        self.policy(VALIDATING, variables=[{"expression": "without a name"}], validations=SMALL)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertIn("failed to configure policy: it could not be compiled", self.judged(size=1))
        self.policy(VALIDATING, validations=SMALL)
        self.assertEqual(self.judged(size=1), "")


class JudgingTests(ValidatingTestCase):
    """
    What the scenarios do not come to.
    """

    def test_expressions_that_do_not_compile(self) -> None:
        """
        Another version of Kubernetes may have taken them: as the failure policy says.
        """
        self.policy(VALIDATING, validations=[{"expression": "object.spec.size <"}])
        self.assertIn(
            "denied request: compilation error: compilation failed: ERROR: <input>:1:", self.judged(size=1)
        )
        self.policy(VALIDATING, failurePolicy="Ignore", validations=[{"expression": "object.spec.size <"}])
        self.assertEqual(self.judged(size=1), "")

    def test_variables_that_do_not_compile(self) -> None:
        """
        They fail where they are named.
        """
        variables = [{"name": "bad", "expression": "nothing"}]
        self.policy(VALIDATING, variables=variables, validations=[{"expression": "variables.bad == 1"}])
        self.assertIn('composited variable "bad" fails to compile: compilation failed', self.judged(size=1))

    def test_variables_are_computed_once(self) -> None:
        """
        However often they are named.
        """
        variables = [{"name": "may", "expression": "authorizer.path('/x').check('get').allowed()"}]
        often = [{"expression": "variables.may && variables.may"}, {"expression": "variables.may"}]
        self.policy(VALIDATING, variables=variables, validations=often)
        self.assertEqual(self.judged(size=1), "")
        self.assertEqual(len(self.authorizer.questions), 1)

    def test_selectors_that_mean_nothing(self) -> None:
        """
        The policy cannot be held against the write.
        """
        wrong = {"objectSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}
        self.policy(VALIDATING, validations=SMALL, matchConstraints=wrong)
        self.assertEqual(
            self.judged(size=1),
            "things.g \"one\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: failed to configure "
            'policy: "Like" is not a valid label selector operator',
        )

    def test_namespaces_that_are_not_there(self) -> None:
        """
        Where their labels count, that is a fault of the policy; where the namespace is needed, of the write.
        """
        lost = write(size=1)
        lost.namespace = "lost"
        self.policy(
            VALIDATING, validations=SMALL, matchConstraints={"namespaceSelector": {"matchLabels": {"a": "b"}}}
        )
        self.assertIn(
            'failed to configure policy: namespaces "lost" not found',
            self.message(self.plugin.validate(lost)),
        )
        self.policy(VALIDATING, validations=SMALL)
        self.assertEqual(self.message(self.plugin.validate(lost)), 'namespaces "lost" not found')

    def test_namespaces_are_judged_by_their_own_labels(self) -> None:
        """
        A namespace that is written is not in itself.
        """
        spec = {"namespaceSelector": {"matchLabels": {"team": "red"}}}
        self.policy(
            VALIDATING, validations=[{"expression": "namespaceObject != null"}], matchConstraints=spec
        )
        made = write()
        made.resource, made.namespace = made.resource._replace(group="", resource="namespaces"), "red"
        assert made.object is not None
        self.assertEqual(self.message(self.plugin.validate(made)), "")
        made.object["metadata"]["labels"] = {"team": "red"}
        self.assertIn("failed expression: namespaceObject != null", self.message(self.plugin.validate(made)))

    def test_deletions(self) -> None:
        """
        There is an old object only.
        """
        self.policy(VALIDATING, validations=[{"expression": "oldObject.spec.size == 1 && object == null"}])
        gone = write(DELETE, old={"spec": {"size": 1}})
        gone.object = None
        self.assertEqual(self.message(self.plugin.validate(gone)), "")

    def test_audit_annotations_are_cut(self) -> None:
        """
        After 10 KiB.
        """
        long = [{"key": "long", "valueExpression": "string(object.spec.text)"}]
        self.policy(VALIDATING, auditAnnotations=long)
        made = write(UPDATE, text="é" * 6000)
        self.assertEqual(self.message(self.plugin.validate(made)), "")
        self.assertEqual(made.annotations, {"p/long": "é" * 5120})


class TurnTests(ValidatingTestCase):
    """
    Expressions that take long do not keep others waiting.
    """

    def test_turns(self) -> None:
        """
        Others have their turn after some 50 ms; quick expressions, and questions, do not wait.
        """
        costly = "object.spec.items.all(a, object.spec.items.all(b, a + b > 0))"
        asks = "!authorizer.path('/x').check('post').allowed()"
        long = write(items=list(range(1, 301)))
        self.policy(VALIDATING, validations=[{"expression": asks}] * 5)
        self.assertEqual(self.message(self.plugin.validate(long)), "")
        for spec in (
            {"matchConditions": [{"name": "long", "expression": costly}]},
            {"validations": [{"expression": costly}]},
            {"validations": [{"expression": "true", "messageExpression": f"{costly} ? 'x' : 'y'"}]},
            {"auditAnnotations": [{"key": "long", "valueExpression": f"{costly} ? 'x' : 'y'"}]},
        ):
            self.policy(VALIDATING, **spec)
            waiting = self.begin(self.plugin.validate(long))
            self.assertNoResult(waiting)
            self.clock.advance(0)
            self.assertIsNone(self.successResultOf(waiting))


class AskingTests(ValidatingTestCase):
    """
    Expressions that ask who may do what.
    """

    def setUp(self) -> None:
        """
        A policy that asks three times, twice the same.
        """
        super().setUp()
        asks = "authorizer.requestResource.check('get').allowed()"
        also = "!authorizer.serviceAccount('a', 'b').path('/x').check('post').allowed()"
        self.policy(VALIDATING, validations=[{"expression": f"{asks} && {also}"}, {"expression": asks}])

    def test_each_question_is_asked_once(self) -> None:
        """
        With the attributes that kube-apiserver would use.
        """
        self.assertEqual(self.judged(size=1), "")
        first, second = self.authorizer.questions
        self.assertEqual(first[:9], (write().user, "get", "", "g", "*", "things", "", "default", "one"))
        self.assertEqual((second.user.name, second.path), ("system:serviceaccount:a:b", "/x"))
        self.assertEqual(second.user.groups, ("system:serviceaccounts", "system:serviceaccounts:a"))

    def test_asked_anew_for_each_write(self) -> None:
        """
        Nothing is remembered here; authorizers have their own memory.
        """
        self.judged(size=1)
        self.authorizer.allowed = set()
        self.assertIn("failed expression", self.judged(size=1))

    def test_what_cannot_be_found_out(self) -> None:
        """
        Is not allowed; expressions can tell.
        """
        self.authorizer.failure = internal_error("away")
        self.assertIn("failed expression", self.judged(size=1))
        told = {
            "expression": "authorizer.path('/x').check('get').errored()",
            "messageExpression": "'never'",
        }
        self.policy(
            VALIDATING, validations=[told, {"expression": "authorizer.path('/x').check('get').error() == ''"}]
        )
        self.assertIn("failed expression: authorizer.path('/x').check('get').error()", self.judged(size=1))

    def test_selectors(self) -> None:
        """
        As requirements; those that mean nothing are left out.
        """
        listed = (
            "authorizer.group('g').resource('things').fieldSelector('a=b').labelSelector('{}').check('list')"
        )
        for selector, count in (("c in (d)", 1), ("!!", 0)):
            self.policy(VALIDATING, validations=[{"expression": listed.format(selector) + ".allowed()"}])
            self.judged(size=1)
            question = self.authorizer.questions[-1]
            self.assertEqual((len(question.field_requirements), len(question.label_requirements)), (1, count))


class ParamTests(ValidatingTestCase):
    """
    Parameters are followed as long as a policy needs them.
    """

    KIND = {"apiVersion": "v1", "kind": "ConfigMap"}
    LIMIT = [{"expression": "object.spec.size < int(params.data.most)", "message": "too big"}]
    REF = {"paramRef": {"name": "limits", "parameterNotFoundAction": "Deny"}}

    def limit(self) -> None:
        """
        A policy whose limit is a parameter.
        """
        self.policy(VALIDATING, binding=self.REF, paramKind=self.KIND, validations=self.LIMIT)

    def test_changes_count_at_once(self) -> None:
        """
        A parameter that comes and changes.
        """
        self.limit()
        self.assertIn("no params found for policy binding", self.judged(size=7))
        self.config_map("limits", most="5")
        self.assertIn("too big", self.judged(size=7))
        self.config_map("limits", most="9")
        self.assertEqual(self.judged(size=7), "")

    def test_kinds_are_followed_once(self) -> None:
        """
        However many policies have them.
        """
        self.limit()
        self.policy(VALIDATING, "other", binding=self.REF, paramKind=self.KIND, validations=self.LIMIT)
        asked = [each for each in self.cluster.requests if each.path == "/api/v1"]
        self.assertEqual(len(asked), 1)

    def test_kinds_that_come_later(self) -> None:
        """
        Are found when they are there.
        """
        kind = {"apiVersion": "later.example.com/v1", "kind": "Limit"}
        self.policy(VALIDATING, binding=self.REF, paramKind=kind, validations=self.LIMIT)
        self.assertIn(
            "failed to configure policy: failed to find resource referenced by paramKind: "
            "'later.example.com/v1, Kind=Limit'",
            self.judged(size=7),
        )
        self.discover("/apis/later.example.com/v1", {"name": "limits", "kind": "Limit", "namespaced": False})
        path = "/apis/later.example.com/v1/limits"
        self.cluster.put(path, {"metadata": {"name": "limits"}, "data": {"most": "5"}})
        self.clock.advance(1)
        self.assertIn("too big", self.judged(size=7))

    def test_waits_for_the_cluster(self) -> None:
        """
        A second at most.
        """
        self.limit()
        self.plugin = self.made()
        self.cluster.answer("/api/v1", lambda _: self._slow(), "GET")
        self.plugin.start()
        waiting = self.begin(self.plugin.validate(write(size=7)))
        self.clock.advance(0.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        status = self.failureResultOf(waiting, APIStatus).value
        self.assertIn(
            "paramKind kind `&ParamKind{APIVersion:v1,Kind:ConfigMap,}` not yet synced to use for admission",
            status.message,
        )

    async def _slow(self) -> dict[str, Any]:
        await deferLater(self.clock, 5.0)
        return {"resources": []}

    def test_own_kinds(self) -> None:
        """
        Are read where this server keeps them.
        """
        informer = self.cluster.informer(CONFIG_MAPS)
        self.config_map("limits", most="5")
        self.plugin.stop()
        self.plugin = self.made(local=lambda version, kind: Collection(informer, True))
        self.limit()
        self.plugin.start()
        self.assertIn("too big", self.judged(size=7))
        self.assertEqual([each for each in self.cluster.requests if each.path == "/api/v1"], [])

    def test_own_kinds_that_are_not_known_yet(self) -> None:
        """
        Are asked for again soon.
        """
        informer = self.cluster.informer(CONFIG_MAPS)
        known: list[Collection] = []

        def local(version: str, kind: str) -> Collection:
            if not known:
                raise NotYet
            return known[0]

        self.config_map("limits", most="5")
        self.plugin.stop()
        self.plugin = self.made(local=local)
        self.limit()
        self.plugin.start()
        waiting = self.begin(self.plugin.validate(write(size=7)))
        self.assertNoResult(waiting)
        known.append(Collection(informer, True))
        self.clock.advance(0.2)
        self.assertIn("too big", str(self.failureResultOf(waiting, APIStatus).value))
