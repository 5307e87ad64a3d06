"""
Tests of who may do what on a server that stands alone, and of how a refusal reads.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ark.authentication.userinfo import UserInfo, authenticated
from ark.authorization.attributes import ALLOW, DENY, NO_OPINION, Attributes, Decision, refusal
from ark.authorization.standalone import StandaloneAuthorizer
from ark.authorization.union import UnionAuthorizer
from ark.interfaces import IAuthorizer

MASTER = UserInfo("ark-admin", groups=("system:masters", "system:authenticated"))
KNOWN = authenticated(UserInfo("ann"))
NOBODY = UserInfo("system:anonymous", groups=("system:unauthenticated",))


class Fixed:
    """
    An authorizer with one opinion.
    """

    def __init__(self, verdict: str, reason: str = "") -> None:
        self.decision = Decision(verdict, reason)

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        That opinion.
        """
        return self.decision


class StandaloneTests(SynchronousTestCase):
    """
    The rules without roles.
    """

    def allowed(self, user: UserInfo, verb: str, path: str, resource: str = "") -> bool:
        """
        Whether a user may.
        """
        attributes = Attributes(user, verb, path, resource=resource)
        decision: Decision = self.successResultOf(StandaloneAuthorizer().authorize(attributes))
        return decision.allowed

    def test_provides_the_interface(self) -> None:
        """
        Both authorizers do.
        """
        verifyObject(IAuthorizer, StandaloneAuthorizer())
        verifyObject(IAuthorizer, UnionAuthorizer(()))

    def test_masters_may_do_everything(self) -> None:
        """
        On resources and on paths.
        """
        self.assertTrue(self.allowed(MASTER, "delete", "/api/v1/namespaces/x", "namespaces"))
        self.assertTrue(self.allowed(MASTER, "get", "/metrics"))

    def test_everybody_sees_version_and_health(self) -> None:
        """
        And may not write there.
        """
        for user in (NOBODY, KNOWN):
            for path in ("/version", "/version/", "/healthz", "/livez", "/readyz"):
                self.assertTrue(self.allowed(user, "get", path), path)
                self.assertFalse(self.allowed(user, "get", f"{path}/ping"), path)
            self.assertFalse(self.allowed(user, "post", "/version"))

    def test_known_users_see_which_kinds_there_are(self) -> None:
        """
        Nobody else does.
        """
        for path in (
            "/api",
            "/api/v1",
            "/apis",
            "/apis/ark.mckinsey.com/v1alpha1",
            "/openapi/v3",
            "/openapi/v2",
        ):
            self.assertTrue(self.allowed(KNOWN, "get", path), path)
            self.assertFalse(self.allowed(NOBODY, "get", path), path)

    def test_nothing_else_is_allowed(self) -> None:
        """
        No resource, no metrics, no path that looks like one that is allowed.
        """
        for user in (NOBODY, KNOWN):
            self.assertFalse(self.allowed(user, "list", "/api/v1/secrets", "secrets"))
            for path in (
                "/metrics",
                "/",
                "/versions",
                "/apis2",
                "/version/../metrics",
                "/version/%2e%2e/metrics",
            ):
                self.assertFalse(self.allowed(user, "get", path), path)

    def test_first_opinion_of_a_union_counts(self) -> None:
        """
        A refusal ends the search as a permission does; reasons for having no opinion are collected.
        """
        attributes = Attributes(KNOWN, "get", "/")
        for verdicts, expected in (
            ((NO_OPINION, ALLOW, DENY), ALLOW),
            ((NO_OPINION, DENY, ALLOW), DENY),
            ((), NO_OPINION),
        ):
            union = UnionAuthorizer([Fixed(verdict) for verdict in verdicts])
            self.assertEqual(self.successResultOf(union.authorize(attributes)).verdict, expected)
        union = UnionAuthorizer([Fixed(NO_OPINION, "one"), Fixed(NO_OPINION, "two")])
        self.assertEqual(self.successResultOf(union.authorize(attributes)).reason, "one\ntwo")


class RefusalTests(SynchronousTestCase):
    """
    What a client is told (contract 2.3).
    """

    def message(self, user: UserInfo, verb: str, path: str, **members: str) -> str:
        """
        The message of a refusal.
        """
        status = refusal(Attributes(user, verb, path, **members))
        self.assertEqual((status.code, status.reason), (403, "Forbidden"))
        return status.message

    def test_in_a_namespace(self) -> None:
        """
        The group and the namespace are named.
        """
        self.assertEqual(
            self.message(
                NOBODY, "list", "/", group="probe.example.com", resource="widgets", namespace="default"
            ),
            'widgets.probe.example.com is forbidden: User "system:anonymous" cannot list resource "widgets" '
            'in API group "probe.example.com" in the namespace "default"',
        )

    def test_of_one_object(self) -> None:
        """
        Its name and the subresource are named.
        """
        self.assertEqual(
            self.message(KNOWN, "update", "/", resource="namespaces", name="x", subresource="finalize"),
            'namespaces "x" is forbidden: User "ann" cannot update resource "namespaces/finalize" '
            'in API group "" at the cluster scope',
        )

    def test_of_a_path(self) -> None:
        """
        Only the path is named.
        """
        self.assertEqual(
            self.message(KNOWN, "get", "/metrics"), 'forbidden: User "ann" cannot get path "/metrics"'
        )

    def test_a_reason_follows(self) -> None:
        """
        What the authorizer said stands at the end.
        """
        status = refusal(Attributes(KNOWN, "get", "/x"), "because")
        self.assertTrue(status.message.endswith(": because"))

    def test_what_a_client_named_is_quoted(self) -> None:
        """
        Nothing of it can be taken for HTML, and a path is shown decoded, though it is judged as it was sent.
        """
        user = UserInfo('<ann> & "co"')
        shown = 'User "&lt;ann&gt; &amp; \\"co\\""'
        self.assertEqual(
            self.message(user, "get", "/", resource="secrets", namespace="a b", name='n"'),
            f'secrets "n\\"" is forbidden: {shown} cannot get resource "secrets" in API group "" in the namespace "a b"',
        )
        self.assertEqual(
            self.message(user, "get", "/a%20b%2Fc%3C"), f'forbidden: {shown} cannot get path "/a b/c&lt;"'
        )
