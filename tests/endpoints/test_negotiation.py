"""
Clients get the form that they ask for, or a clear no.
"""

from __future__ import annotations

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from ark.endpoints.negotiation import (
    CUSTOM_BODIES,
    JSON,
    MERGE_PATCH,
    PROTOBUF,
    TYPED_BODIES,
    YAML,
    Accepted,
    Negotiator,
    body_type,
    patch_type,
    wants_pretty,
)
from ark.meta.status import APIStatus


class AcceptTests(SynchronousTestCase):
    """
    Contract 1.4, 1.5, 1.8 and 1.9.
    """

    def accepted(self, header: bytes | None, watching: bool = False) -> Accepted:
        """
        What a fresh negotiator makes of a header.
        """
        return Negotiator().accepted(header, watching)

    def test_json_is_the_default(self) -> None:
        """
        No header, any type, and any subtype of application.
        """
        for header in (None, b"", b"*/*", b"application/*", b"application/json", b"text/html,*/*;q=0.1"):
            self.assertEqual(self.accepted(header), Accepted(JSON))

    def test_qualities_order_the_clauses(self) -> None:
        """
        The most wanted type wins; equal ones count in the order given.
        """
        self.assertEqual(self.accepted(b"application/json;q=0.5, application/yaml").media_type, YAML)
        self.assertEqual(self.accepted(b"application/yaml,application/json").media_type, YAML)

    def test_metadata_come_in_the_form_that_stands_first(self) -> None:
        """
        As the metadata client of client-go asks.
        """
        header = (
            b"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
            b"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
        )
        for negotiator in (Negotiator(), Negotiator(typed=True)):
            for watching in (False, True):
                wanted = Accepted(PROTOBUF, "PartialObjectMetadata", "v1")
                self.assertEqual(negotiator.accepted(header, watching), wanted)
        self.assertEqual(
            self.accepted(b",".join(reversed(header.split(b",")[:2]))),
            Accepted(JSON, "PartialObjectMetadata", "v1"),
        )

    def test_whole_objects_come_in_json_where_protobuf_is_wanted_as_much(self) -> None:
        """
        As they are kept; a quality tells that protobuf is wanted more.
        """
        typed = Negotiator(typed=True)
        self.assertEqual(
            typed.accepted(b"application/vnd.kubernetes.protobuf,application/json"), Accepted(JSON)
        )
        self.assertEqual(
            typed.accepted(b"application/vnd.kubernetes.protobuf,application/json;q=0.9"), Accepted(PROTOBUF)
        )
        self.assertEqual(
            self.accepted(b"application/vnd.kubernetes.protobuf,application/json;q=0.9"), Accepted(JSON)
        )

    def test_kubectl_gets_a_table(self) -> None:
        """
        The first clause that can be made wins.
        """
        header = (
            b"application/json;as=Table;v=v1;g=meta.k8s.io,"
            b"application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
        )
        self.assertEqual(self.accepted(header), Accepted(JSON, "Table", "v1"))

    def test_unknown_transformations_are_skipped_or_refused(self) -> None:
        """
        A version that does not exist, another group, another kind.
        """
        for clause in (b"as=Table;v=v2;g=meta.k8s.io", b"as=Table;v=v1;g=x", b"as=Tablet;v=v1;g=meta.k8s.io"):
            with self.assertRaises(APIStatus) as caught:
                self.accepted(b"application/json;" + clause)
            self.assertEqual(caught.exception.code, 406)
            self.assertEqual(
                self.accepted(b"application/json;" + clause + b",application/json"), Accepted(JSON)
            )

    def test_what_cannot_be_made_is_named_with_what_can(self) -> None:
        """
        406 lists the types.
        """
        with self.assertRaises(APIStatus) as caught:
            self.accepted(b"application/vnd.kubernetes.protobuf")
        self.assertEqual(caught.exception.reason, "NotAcceptable")
        self.assertIn("application/json, application/yaml", caught.exception.message)

    def test_what_is_unwanted_or_no_range_is_not_made(self) -> None:
        """
        RFC 9110, 12.4.2 and 12.5.1: a quality of 0, and a subtype of any type.
        """
        for header in (b"*/json", b"application/json;q=0", b"application/*;q=0"):
            with self.assertRaises(APIStatus) as caught:
                self.accepted(header)
            self.assertEqual(caught.exception.code, 406)
        self.assertEqual(self.accepted(b"application/json;q=0,application/yaml").media_type, YAML)

    def test_watches_are_json_only(self) -> None:
        """
        YAML cannot be streamed.
        """
        self.assertEqual(self.accepted(b"application/json;stream=watch", True), Accepted(JSON))
        with self.assertRaises(APIStatus) as caught:
            self.accepted(b"application/yaml", True)
        self.assertIn("application/json;stream=watch", caught.exception.message)


class BodyTypeTests(SynchronousTestCase):
    """
    Contract 1.6 and 7.1.
    """

    def test_bodies_are_json_or_yaml(self) -> None:
        """
        Nothing means JSON; parameters are allowed; the rest is 415.
        """
        self.assertEqual(body_type(None, CUSTOM_BODIES), JSON)
        self.assertEqual(body_type(b"application/json; charset=utf-8", CUSTOM_BODIES), JSON)
        self.assertEqual(body_type(b"application/yaml", CUSTOM_BODIES), YAML)
        for refused in (b"text/plain", b"application/cbor", b"application/vnd.kubernetes.protobuf"):
            with self.assertRaises(APIStatus) as caught:
                body_type(refused, CUSTOM_BODIES)
            self.assertEqual((caught.exception.code, caught.exception.reason), (415, "UnsupportedMediaType"))
            self.assertTrue(caught.exception.message.endswith(f", application/yaml, {PROTOBUF}"))

    def test_bodies_of_built_in_kinds_may_be_protobuf(self) -> None:
        """
        Then it is listed too.
        """
        for media_type in (
            b"application/vnd.kubernetes.protobuf",
            b"Application/vnd.kubernetes.protobuf ;a=b",
        ):
            self.assertEqual(body_type(media_type, TYPED_BODIES), PROTOBUF)
        with self.assertRaises(APIStatus) as caught:
            body_type(b"application/cbor", TYPED_BODIES)
        self.assertTrue(caught.exception.message.endswith(f"application/json, application/yaml, {PROTOBUF}"))

    def test_patches_name_their_type(self) -> None:
        """
        None, or one that the resource does not take, is 415 and lists those that it takes.
        """
        self.assertEqual(patch_type(b"application/merge-patch+json", (MERGE_PATCH,)), MERGE_PATCH)
        for refused in (None, b"application/json", b"application/strategic-merge-patch+json"):
            with self.assertRaises(APIStatus) as caught:
                patch_type(refused, (MERGE_PATCH,))
            self.assertTrue(caught.exception.message.endswith(MERGE_PATCH))


class PrettyTests(SynchronousTestCase):
    """
    Contract 1.11.
    """

    def answer(self, negotiator: Negotiator, query: str, **headers: str) -> Accepted:
        """
        The form of the answer to a request with these header fields.
        """
        given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        return negotiator.answer(SimpleNamespace(query=query, headers=given))

    def test_what_another_client_was_answered_does_not_count(self) -> None:
        """
        Nor what the same was, when it asks for something else.
        """
        asked: tuple[tuple[str, dict[str, str]], ...] = (
            ("", {}),
            ("", {"user_agent": "kubectl"}),
            ("", {"user_agent": "curl/8"}),
            ("", {"accept": "application/json", "user_agent": "curl/8"}),
            ("", {"accept": "application/json", "user_agent": "kubectl"}),
            ("", {"accept": "application/yaml", "user_agent": "curl/8"}),
            ("", {"accept": "curl/8", "user_agent": "application/json"}),
            ("pretty=true", {"user_agent": "kubectl"}),
            ("pretty=false", {"user_agent": "curl/8"}),
            ("", {"user_agent": "a" * 2000}),
            ("", {"accept": "application/json;q=0." + "1" * 2000}),
        )
        negotiator = Negotiator()
        fresh = []
        for query, headers in asked:
            try:
                fresh.append(self.answer(Negotiator(), query, **headers))
            except APIStatus as status:
                self.assertEqual(status.code, 406)
                fresh.append(None)
        self.assertIn(Accepted(JSON, pretty=True), fresh)
        self.assertIn(None, fresh)
        for _ in range(3):
            for (query, headers), wanted in zip(asked, fresh, strict=True):
                if wanted is None:
                    self.assertRaises(APIStatus, self.answer, negotiator, query, **headers)
                else:
                    self.assertEqual(self.answer(negotiator, query, **headers), wanted)

    def test_little_is_remembered(self) -> None:
        """
        Nothing long, and not ever more.
        """
        negotiator = Negotiator()
        for number in range(3000):
            self.answer(negotiator, "", user_agent=f"client-{number}", accept="*/*")
            self.answer(negotiator, "", accept=f"application/json;a={number}")
        self.answer(negotiator, "", user_agent="a" * 2000)
        self.answer(negotiator, "", accept="application/json;a=" + "1" * 2000)
        for known in (negotiator._known, negotiator._answers):
            self.assertLessEqual(len(known), 1024)
            self.assertLess(max(len(repr(key)) for key in known), 1000)

    def test_people_get_indented_text(self) -> None:
        """
        By user agent, unless the parameter says otherwise.
        """
        self.assertTrue(wants_pretty("", b"curl/8"))
        self.assertFalse(wants_pretty("pretty=0", b"curl/8"))
        self.assertTrue(wants_pretty("a=b&pretty=true", b"kubectl"))
        self.assertFalse(wants_pretty("", b"kubectl"))
        self.assertFalse(wants_pretty("", None))
