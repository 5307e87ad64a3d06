"""
Tests of L{ark.http.impersonation}.  Groups and messages are those of kube-apiserver 1.36.3.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import ALLOW, NO_OPINION, Attributes, Decision
from ark.http.impersonation import impersonated, is_wanted
from ark.interfaces import IAuthorizer
from ark.meta.status import APIStatus

ADMIN = UserInfo("admin", groups=("system:masters", "system:authenticated"))
ACCOUNT = b"system:serviceaccount:default:robot"


@implementer(IAuthorizer)
class Judge:
    """
    Allows everything but some resources, and remembers what it was asked.
    """

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.asked: list[Attributes] = []

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Refuse what is to be refused.
        """
        self.asked.append(attributes)
        return Decision(NO_OPINION if attributes.resource in self.refused else ALLOW)


class ImpersonationTests(SynchronousTestCase):
    """
    Contract 15.6.
    """

    def act(self, *fields: tuple[bytes, bytes], judge: Judge | None = None) -> UserInfo:
        """
        Who a request with these header fields acts for.
        """
        headers = [(b"accept", b"*/*"), *((b"impersonate-" + name, value) for name, value in fields)]
        self.assertTrue(is_wanted(name for name, _ in headers))
        self.judge = judge or Judge()
        acting = impersonated(headers, "/api", ADMIN, self.judge)
        try:
            acting.send(None)
        except StopIteration as done:
            user: UserInfo = done.value
            return user
        raise AssertionError("it waits")

    def test_only_fields_of_the_kind_count(self) -> None:
        """
        Any other request is by whom it is.
        """
        self.assertFalse(is_wanted((b"accept", b"x-impersonate-user", b"if-match", b"impersonate", b"i")))
        self.assertTrue(is_wanted((b"accept", b"if-match", b"impersonate-extra-a")))

    def test_a_user_is_authenticated(self) -> None:
        """
        And a member of no other group than was said.
        """
        self.assertEqual(self.act((b"user", b"alice")), UserInfo("alice", groups=("system:authenticated",)))
        groups = self.act((b"user", b"alice"), (b"group", b"a"), (b"group", b"b")).groups
        self.assertEqual(groups, ("a", "b", "system:authenticated"))
        for group in ("system:authenticated", "system:unauthenticated"):
            self.assertEqual(self.act((b"user", b"alice"), (b"group", group.encode())).groups, (group,))

    def test_nobody_is_not_authenticated(self) -> None:
        """
        The anonymous user has a group of its own.
        """
        self.assertEqual(self.act((b"user", b"system:anonymous")).groups, ("system:unauthenticated",))

    def test_a_service_account_has_its_groups(self) -> None:
        """
        Unless others are said.
        """
        usual = ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
        self.assertEqual(self.act((b"user", ACCOUNT)).groups, usual)
        self.assertEqual(self.act((b"user", ACCOUNT), (b"group", b"a")).groups, ("a", "system:authenticated"))
        self.assertEqual(self.act((b"user", ACCOUNT + b":x")).groups, ("system:authenticated",))

    def test_attributes_and_uid_are_taken_over(self) -> None:
        """
        Names of attributes are decoded where they can be.
        """
        user = self.act(
            (b"user", b"alice"),
            (b"uid", b"1"),
            (b"extra-acme.com%2fproject", b"p"),
            (b"extra-scopes", b"a"),
            (b"extra-scopes", b"b"),
            (b"extra-odd%zz", b"c"),
        )
        self.assertEqual(user.uid, "1")
        self.assertEqual(
            user.extra, (("acme.com/project", ("p",)), ("odd%zz", ("c",)), ("scopes", ("a", "b")))
        )

    def test_every_part_must_be_allowed(self) -> None:
        """
        User or account, each group, each attribute, the uid.
        """
        fields = ((b"user", b"alice"), (b"group", b"a"), (b"uid", b"1"), (b"extra-scopes", b"x"))
        self.act(*fields)
        asked = [(one.verb, one.group, one.resource, one.subresource, one.name) for one in self.judge.asked]
        wanted = [
            ("impersonate", "", "users", "", "alice"),
            ("impersonate", "authentication.k8s.io", "uids", "", "1"),
            ("impersonate", "", "groups", "", "a"),
            ("impersonate", "authentication.k8s.io", "userextras", "scopes", "x"),
        ]
        self.assertEqual(asked, wanted)
        self.assertEqual({one.user for one in self.judge.asked}, {ADMIN})
        for resource in ("users", "groups", "userextras", "uids"):
            refused = self.assertRaises(APIStatus, self.act, *fields, judge=Judge(resource))
            self.assertEqual(refused.code, 403)
        self.act((b"user", ACCOUNT))
        (account,) = self.judge.asked
        self.assertEqual(
            (account.resource, account.namespace, account.name), ("serviceaccounts", "default", "robot")
        )

    def test_somebody_must_be_named(self) -> None:
        """
        With an empty name and nothing else nobody is meant.
        """
        self.assertEqual(self.act((b"user", b"")), ADMIN)
        for field, shown in (
            ((b"group", b"a"), 'UID:"", Groups:[]string{"a"}, Extra:map[string][]string(nil)'),
            ((b"uid", b"1"), 'UID:"1", Groups:[]string(nil), Extra:map[string][]string(nil)'),
            (
                (b"extra-a", b"b"),
                'UID:"", Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}',
            ),
        ):
            status = self.assertRaises(APIStatus, self.act, field)
            self.assertEqual(status.code, 400)
            described = f'&user.DefaultInfo{{Name:"", {shown}}}'
            self.assertEqual(status.message, f"requested {described} without impersonating a user name")
