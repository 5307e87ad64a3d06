"""
Reviews of access and of who somebody is: contract 15.3, 15.4 and 15.7.
"""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from ark.authentication.tokenfile import TokenFileAuthenticator
from ark.authentication.union import UnionAuthenticator
from ark.authentication.userinfo import UserInfo, authenticated
from ark.authorization.attributes import ALLOW, DENY, NO_OPINION, Attributes, Decision
from ark.authorization.standalone import StandaloneAuthorizer
from ark.interfaces import IAuthorizer
from ark.testing import Answer, FakeAuthenticator, InMemoryServer
from tests.endpoints.support import ServerTestCase, registry

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
AUTHENTICATION = "/apis/authentication.k8s.io/v1"
QUERIES = {"verb": "create", "group": "ark.mckinsey.com", "resource": "queries", "namespace": "default"}
KNOWN = authenticated(UserInfo("ann", "7", ("readers",), (("scopes", ("a", "b")),)))


def access(kind: str, **spec: Any) -> dict[str, Any]:
    """
    A review of access.
    """
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}


@implementer(IAuthorizer)
class Remembering:
    """
    Has one opinion, and remembers what it was asked.
    """

    def __init__(self, verdict: str, reason: str = "") -> None:
        self.decision = Decision(verdict, reason)
        self.asked: list[Attributes] = []

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        That opinion.
        """
        self.asked.append(attributes)
        return self.decision


class ReviewTestCase(ServerTestCase):
    """
    Posts reviews.
    """

    def ask(self, kind: str, within: str = "", **spec: Any) -> Answer:
        """
        Post a review of access.
        """
        place = f"namespaces/{within}/" if within else ""
        return self.request("POST", f"{AUTHORIZATION}/{place}{kind.lower()}s", access(kind, **spec))

    def answered(self, kind: str, within: str = "", **spec: Any) -> dict[str, Any]:
        """
        The status of a review of access.
        """
        answer = self.ask(kind, within, **spec)
        self.assertEqual(answer.code, 201, answer.body)
        status: dict[str, Any] = answer.json()["status"]
        return status

    def invalid(self, answer: Answer) -> list[tuple[str, str]]:
        """
        The causes of a 422, which is about no kind.
        """
        status = self.status(answer, 422, "Invalid")
        self.assertTrue(status["message"].startswith('.authorization.k8s.io "" is invalid: '), status)
        self.assertEqual(status["details"]["group"], "authorization.k8s.io")
        return [(cause["field"], cause["message"]) for cause in status["details"]["causes"]]


class AccessTests(ReviewTestCase):
    """
    Who may do what.
    """

    def test_the_review_comes_back_with_its_answer(self) -> None:
        """
        Spec and metadata as they were sent.
        """
        answer = self.ask("SelfSubjectAccessReview", resourceAttributes=QUERIES)
        review = answer.json()
        self.assertEqual((answer.code, review["spec"]), (201, {"resourceAttributes": QUERIES}))
        self.assertEqual(review["status"], {"allowed": True})
        (entry,) = review["metadata"].pop("managedFields")
        self.assertEqual((review["metadata"], entry["operation"]), ({}, "Update"))
        self.assertEqual(list(entry["fieldsV1"]["f:spec"]), ["f:resourceAttributes"])

    def test_oneself_is_the_user_of_the_request(self) -> None:
        """
        Whatever a client says of users.
        """
        self.server.authenticator.user = KNOWN
        self.assertEqual(
            self.answered("SelfSubjectAccessReview", resourceAttributes=QUERIES), {"allowed": False}
        )
        allowed = {"path": "/apis/x", "verb": "get"}
        self.assertEqual(
            self.answered("SelfSubjectAccessReview", nonResourceAttributes=allowed), {"allowed": True}
        )

    def test_others_are_whom_the_review_names(self) -> None:
        """
        With all that the review tells of them and of the action.
        """
        authorizer = Remembering(ALLOW)
        self.server = InMemoryServer(registry(), authorizer=authorizer)
        self.answered(
            "SubjectAccessReview",
            user="ann",
            uid="7",
            groups=["readers"],
            extra={"scopes": ["a", "b"]},
            resourceAttributes={**QUERIES, "subresource": "status", "name": "q"},
        )
        user = UserInfo("ann", "7", ("readers",), (("scopes", ("a", "b")),))
        wanted = Attributes(user, "create", "", "ark.mckinsey.com", "*", "queries", "status", "default", "q")
        self.assertEqual(authorizer.asked, [wanted])

    def test_nulls_among_what_else_is_known_stay(self) -> None:
        """
        In C{extra} only.
        """
        answer = self.ask("SubjectAccessReview", user="ann", extra={"a": None}, resourceAttributes=QUERIES)
        review = answer.json()
        self.assertEqual((answer.code, review["spec"]["extra"]), (201, {"a": None}))
        (entry,) = review["metadata"]["managedFields"]
        self.assertEqual(entry["fieldsV1"]["f:spec"]["f:extra"], {".": {}, "f:a": {}})

    def test_verdicts_are_told_apart(self) -> None:
        """
        Refused is more than not allowed.
        """
        for verdict, told in ((ALLOW, {"allowed": True}), (NO_OPINION, {"allowed": False})):
            self.server = InMemoryServer(registry(), authorizer=Remembering(verdict, "so"))
            status = self.answered("SelfSubjectAccessReview", resourceAttributes=QUERIES)
            self.assertEqual(status, {**told, "reason": "so"})
        self.server = InMemoryServer(registry(), authorizer=Remembering(DENY))
        status = self.answered("SelfSubjectAccessReview", resourceAttributes=QUERIES)
        self.assertEqual(status, {"allowed": False, "denied": True})

    def test_exactly_one_action_is_asked_for(self) -> None:
        """
        On a resource, or on a path.
        """
        for kind, more in (
            ("SelfSubjectAccessReview", {}),
            ("SubjectAccessReview", {"user": "ann"}),
        ):
            wanted = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            self.assertEqual(
                self.invalid(self.ask(kind, **more)),
                [("spec.resourceAttributes", f"Invalid value: null: {wanted}")],
            )
            both = self.ask(kind, resourceAttributes=QUERIES, nonResourceAttributes={"path": "/x"}, **more)
            shown = 'Invalid value: {"Path":"/x","Verb":""}: '
            self.assertEqual(
                self.invalid(both),
                [
                    (
                        "spec.nonResourceAttributes",
                        f"{shown}cannot be specified in combination with resourceAttributes",
                    )
                ],
            )

    def test_somebody_is_named(self) -> None:
        """
        A user or a group.
        """
        self.assertEqual(
            self.invalid(self.ask("SubjectAccessReview", resourceAttributes=QUERIES)),
            [("spec.user", 'Invalid value: "": at least one of user or group must be specified')],
        )
        self.answered("SubjectAccessReview", resourceAttributes=QUERIES, groups=["g"])

    def test_metadata_is_empty(self) -> None:
        """
        There is no object that it could be of.
        """
        review = {
            **access("SelfSubjectAccessReview", resourceAttributes=QUERIES),
            "metadata": {"name": "x"},
        }
        answer = self.request("POST", f"{AUTHORIZATION}/selfsubjectaccessreviews", review)
        ((field, message),) = self.invalid(answer)
        self.assertEqual(field, "metadata")
        self.assertTrue(message.startswith('Invalid value: {"name":"x","managedFields":['), message)
        self.assertTrue(message.endswith("]}: must be empty"))

    def test_a_local_review_stays_in_its_namespace(self) -> None:
        """
        The path's, the metadata's and the action's are the same, and there is no path.
        """
        self.assertEqual(
            self.answered("LocalSubjectAccessReview", "default", user="ann", resourceAttributes=QUERIES),
            {"allowed": False},
        )
        causes = self.invalid(
            self.ask("LocalSubjectAccessReview", "other", user="ann", resourceAttributes=QUERIES)
        )
        self.assertEqual(
            causes,
            [
                (
                    "spec.resourceAttributes.namespace",
                    'Invalid value: "default": must match metadata.namespace',
                )
            ],
        )
        path = self.ask("LocalSubjectAccessReview", "default", user="a", nonResourceAttributes={"path": "/x"})
        self.assertEqual([field for field, _ in self.invalid(path)], ["spec.nonResourceAttributes"])
        review = {
            **access("LocalSubjectAccessReview", user="a", resourceAttributes=QUERIES),
            "metadata": {"namespace": "other"},
        }
        target = f"{AUTHORIZATION}/namespaces/default/localsubjectaccessreviews"
        self.status(self.request("POST", target, review), 400, "BadRequest")

    def test_selectors_are_checked(self) -> None:
        """
        In form; of what cannot be understood the answer tells.
        """
        broken = {
            "rawSelector": "x",
            "requirements": [{"key": "-", "operator": "In", "values": ["-"]}, {"operator": "Exists"}],
        }
        fields = {"requirements": [{"key": "", "operator": "Exists", "values": ["a"]}]}
        attributes = {**QUERIES, "labelSelector": broken, "fieldSelector": fields}
        causes = self.invalid(self.ask("SelfSubjectAccessReview", resourceAttributes=attributes))
        start = "spec.resourceAttributes."
        self.assertEqual(
            [field.removeprefix(start) for field, _ in causes],
            [
                "fieldSelector.requirements[0].key",
                "fieldSelector.requirements[0].values",
                "labelSelector.rawSelector",
                "labelSelector.requirements[0].key",
                "labelSelector.requirements[0].values[0]",
                "labelSelector.requirements[1].key",
                "labelSelector.requirements[1].key",
            ],
        )
        empty = {**QUERIES, "fieldSelector": {}}
        causes = self.invalid(self.ask("SelfSubjectAccessReview", resourceAttributes=empty))
        self.assertEqual([field for field, _ in causes], [f"{start}fieldSelector.requirements"])

    def test_selectors_that_cannot_be_understood_are_told_of(self) -> None:
        """
        The rest of the answer stands.
        """
        known = {"key": "a", "operator": "In", "values": ["b"]}
        odd = {"key": "a", "operator": "Like", "values": ["b"]}
        many = {"key": "a", "operator": "In", "values": ["b", "c"]}
        for fields, labels, told in (
            ({"requirements": [known]}, {"requirements": [known]}, ""),
            ({"rawSelector": "a=b"}, {"rawSelector": "a in (b)"}, ""),
            ({"requirements": [known, many]}, {"requirements": [known]}, "fieldSelector partially ignored"),
            ({"requirements": [known]}, {"requirements": [odd]}, "labelSelector ignored"),
            ({"rawSelector": "a"}, {"rawSelector": "(("}, "fieldSelector ignored"),
        ):
            attributes = {**QUERIES, "fieldSelector": fields, "labelSelector": labels}
            status = self.answered("SelfSubjectAccessReview", resourceAttributes=attributes)
            self.assertTrue(status["allowed"])
            self.assertIn(told, status.get("evaluationError", ""))
            self.assertEqual(bool(told), "evaluationError" in status)


class RulesTests(ReviewTestCase):
    """
    All that one may do.
    """

    def test_masters_may_do_everything(self) -> None:
        """
        The rule that says so comes first.
        """
        status = self.answered("SelfSubjectRulesReview", namespace="default")
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        self.assertEqual(status["resourceRules"][0], everything)
        self.assertEqual(status["nonResourceRules"][0], {"verbs": ["*"], "nonResourceURLs": ["*"]})
        self.assertIs(status["incomplete"], False)

    def test_the_rules_are_what_is_allowed(self) -> None:
        """
        Everything listed for a known user is allowed to them.
        """
        self.server.authenticator.user = KNOWN
        status = self.answered("SelfSubjectRulesReview", namespace="default")
        for rule in status["resourceRules"]:
            for resource in rule["resources"]:
                asked = {"verb": rule["verbs"][0], "group": rule["apiGroups"][0], "resource": resource}
                found = self.answered("SelfSubjectAccessReview", resourceAttributes=asked)
                self.assertTrue(found["allowed"], asked)
        for rule in status["nonResourceRules"]:
            for path in rule["nonResourceURLs"]:
                asked = {"verb": rule["verbs"][0], "path": path.replace("*", "x")}
                found = self.answered("SelfSubjectAccessReview", nonResourceAttributes=asked)
                self.assertTrue(found["allowed"], asked)

    def test_a_namespace_is_named(self) -> None:
        """
        Rules may differ from one to another.
        """
        status = self.status(self.ask("SelfSubjectRulesReview"), 400, "BadRequest")
        self.assertEqual(status["message"], "no namespace on request")

    def test_an_authorizer_that_cannot_list_is_told_of(self) -> None:
        """
        The rules are incomplete then.
        """
        self.server = InMemoryServer(registry(), authorizer=Remembering(ALLOW))
        status = self.answered("SelfSubjectRulesReview", namespace="default")
        self.assertEqual(status, {"resourceRules": [], "nonResourceRules": [], "incomplete": True})


class IdentityTests(ReviewTestCase):
    """
    Who somebody is.
    """

    def token(self, **spec: Any) -> Answer:
        """
        Post a review of a token.
        """
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        return self.request("POST", f"{AUTHENTICATION}/tokenreviews", review)

    def test_oneself(self) -> None:
        """
        With everything that is known.
        """
        self.server.authenticator.user = KNOWN
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = self.request("POST", f"{AUTHENTICATION}/selfsubjectreviews", review)
        self.assertEqual(answer.code, 201, answer.body)
        told = answer.json()
        self.assertEqual(told["metadata"], {"creationTimestamp": "2023-11-14T22:13:20Z"})
        user = {
            "username": "ann",
            "uid": "7",
            "groups": ["readers", "system:authenticated"],
            "extra": {"scopes": ["a", "b"]},
        }
        self.assertEqual(told["status"], {"userInfo": user})

    def test_the_holder_of_a_token(self) -> None:
        """
        Whom the authenticators know by it; the token is good for this server.
        """
        self.server = _with_tokens({"secret": KNOWN})
        answer = self.token(token="secret")
        self.assertEqual(answer.code, 201, answer.body)
        status = answer.json()["status"]
        self.assertEqual((status["authenticated"], status["user"]["username"]), (True, "ann"))
        self.assertEqual(status["audiences"], ["https://kubernetes.default.svc"])

    def test_an_unknown_token(self) -> None:
        """
        Is nobody's, which is no failure of the review.
        """
        self.server = _with_tokens({"secret": KNOWN})
        answer = self.token(token="wrong")
        self.assertEqual(answer.code, 201, answer.body)
        self.assertEqual(answer.json()["status"], {"user": {}, "error": "invalid bearer token"})

    def test_another_audience(self) -> None:
        """
        A token for this server is not for others.
        """
        self.server = _with_tokens({"secret": KNOWN})
        self.status(self.token(token="secret", audiences=["vault"]), 500, "InternalError")
        answer = self.token(token="secret", audiences=["vault", "https://kubernetes.default.svc"])
        self.assertEqual(answer.json()["status"]["audiences"], ["https://kubernetes.default.svc"])

    def test_no_token(self) -> None:
        """
        There is nothing to judge.
        """
        self.status(self.token(), 400, "BadRequest")


def _with_tokens(users: dict[str, UserInfo]) -> InMemoryServer:
    """
    A server that knows these tokens; requests of the test's own come from the administrator.
    """
    otherwise = FakeAuthenticator()
    return InMemoryServer(
        registry(), authenticator=UnionAuthenticator((TokenFileAuthenticator(users),), otherwise)
    )


class PathTests(ReviewTestCase):
    """
    Where reviews are posted.
    """

    def test_reviews_are_only_created(self) -> None:
        """
        They are kept nowhere.
        """
        reviews = f"{AUTHORIZATION}/selfsubjectaccessreviews"
        for method in ("GET", "DELETE"):
            self.status(self.request(method, reviews), 405, "MethodNotAllowed")
        for method in ("GET", "PUT", "PATCH", "DELETE", "POST"):
            self.status(self.request(method, f"{reviews}/x"), 404, "NotFound")
        self.status(self.request("GET", f"{AUTHORIZATION}/localsubjectaccessreviews"), 404, "NotFound")
        self.status(
            self.request("POST", f"{AUTHORIZATION}/namespaces/a/subjectaccessreviews"), 404, "NotFound"
        )

    def test_forms_of_the_answer(self) -> None:
        """
        YAML and nothing but metadata, but no table.
        """
        review = access("SelfSubjectAccessReview", resourceAttributes=QUERIES)
        target = f"{AUTHORIZATION}/selfsubjectaccessreviews"
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        self.status(self.request("POST", target, review, accept=table), 406, "NotAcceptable")
        self.assertEqual(self.request("POST", target, review, accept=f"{table},application/json").code, 201)
        answer = self.request("POST", target, review, accept="application/yaml")
        self.assertIn(b"allowed: true", answer.body)

    def test_unknown_fields_are_reported(self) -> None:
        """
        As for every other object.
        """
        review = access("SelfSubjectAccessReview", resourceAttributes={**QUERIES, "odd": 1})
        target = f"{AUTHORIZATION}/selfsubjectaccessreviews"
        answer = self.request("POST", target, review)
        self.assertEqual(
            answer.header(b"warning"), b'299 - "unknown field \\"spec.resourceAttributes.odd\\""'
        )
        self.status(self.request("POST", f"{target}?fieldValidation=Strict", review), 400, "BadRequest")

    def test_everybody_known_may_ask_about_themselves(self) -> None:
        """
        And nobody about others.
        """
        self.server.authenticator.user = KNOWN
        self.assertEqual(self.ask("SelfSubjectAccessReview", resourceAttributes=QUERIES).code, 201)
        answer = self.ask("SubjectAccessReview", user="bob", resourceAttributes=QUERIES)
        self.status(answer, 403, "Forbidden")

    def test_discovery_and_openapi_know_them(self) -> None:
        """
        As kinds that are only created, and have no list.
        """
        listed = self.request("GET", AUTHENTICATION).json()["resources"]
        self.assertEqual([(one["name"], one["verbs"]) for one in listed], [
            ("selfsubjectreviews", ["create"]), ("tokenreviews", ["create"]),
        ])  # fmt: skip
        document = self.request("GET", f"/openapi/v3{AUTHORIZATION}").json()
        item = document["paths"][f"{AUTHORIZATION}/namespaces/{{namespace}}/localsubjectaccessreviews"]
        self.assertEqual(item.keys() - {"parameters"}, {"post"})
        self.assertNotIn(
            "io.k8s.api.authorization.v1.SubjectAccessReviewList", document["components"]["schemas"]
        )

    def test_the_standalone_authorizer_can_be_asked(self) -> None:
        """
        For another user's rules than one's own, in code.
        """
        rules = self.successResultOf(StandaloneAuthorizer().rules_for(UserInfo("nobody"), "default"))
        self.assertEqual((rules.resources, rules.paths), ((), ()))
