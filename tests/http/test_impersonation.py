"""
Tests of L{ark.http.impersonation}.  Messages are those of kube-apiserver 1.36.3; what is asked before somebody may
act for another, and the groups that follow, are tested in L{tests.authorization.test_impersonation}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.authentication.userinfo import UserInfo
from ark.http.impersonation import forget, is_wanted, wanted_user
from ark.http.request import ClientConnection, Request
from ark.meta.status import APIStatus
from ark.testing import Answer


class ImpersonationTests(SynchronousTestCase):
    """
    Contract 15.6.
    """

    def wanted(self, *fields: tuple[bytes, bytes]) -> UserInfo | None:
        """
        Who a request with these header fields says that it acts for.
        """
        headers = [(b"accept", b"*/*"), *((b"impersonate-" + name, value) for name, value in fields)]
        self.assertTrue(is_wanted(name for name, _ in headers))
        return wanted_user(headers)

    def test_only_fields_of_the_kind_count(self) -> None:
        """
        Any other request is by whom it is.
        """
        self.assertFalse(is_wanted((b"accept", b"x-impersonate-user", b"if-match", b"impersonate", b"i")))
        self.assertTrue(is_wanted((b"accept", b"if-match", b"impersonate-extra-a")))

    def test_attributes_and_uid_are_taken_over(self) -> None:
        """
        Names of attributes are decoded where they can be.
        """
        user = self.wanted(
            (b"user", b"alice"),
            (b"uid", b"1"),
            (b"extra-acme.com%2fproject", b"p"),
            (b"extra-scopes", b"a"),
            (b"extra-scopes", b"b"),
            (b"extra-odd%zz", b"c"),
        )
        extra = (("acme.com/project", ("p",)), ("odd%zz", ("c",)), ("scopes", ("a", "b")))
        self.assertEqual(user, UserInfo("alice", "1", (), extra))

    def test_somebody_must_be_named(self) -> None:
        """
        With an empty name and nothing else nobody is meant.
        """
        self.assertIsNone(self.wanted((b"user", b"")))
        for field, shown in (
            ((b"group", b"a"), 'UID:"", Groups:[]string{"a"}, Extra:map[string][]string(nil)'),
            ((b"uid", b"1"), 'UID:"1", Groups:[]string(nil), Extra:map[string][]string(nil)'),
            (
                (b"extra-a", b"b"),
                'UID:"", Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}',
            ),
        ):
            status = self.assertRaises(APIStatus, self.wanted, field)
            self.assertEqual(status.code, 400)
            described = f'&user.DefaultInfo{{Name:"", {shown}}}'
            self.assertEqual(status.message, f"requested {described} without impersonating a user name")

    def test_nothing_behind_sees_the_fields(self) -> None:
        """
        A handler cannot tell whether somebody acts for another.
        """
        fields = [(b"accept", b"*/*"), (b"impersonate-user", b"ann"), (b"impersonate-extra-a.b%2fc", b"d")]
        client = ClientConnection("127.0.0.1")
        request = Request(Answer(), client, ("GET", "/api", ""), fields, dict(fields))
        forget(request)
        self.assertEqual(request.raw_headers, fields[:1])
        self.assertEqual(request.headers, dict(fields[:1]))
