"""
POST to a collection: contract section 5 and 9.
"""

from __future__ import annotations

from tests.endpoints.support import GROUP, WIDGETS, ServerTestCase


class CreateTests(ServerTestCase):
    """
    What a creation gives back, and what it refuses.
    """

    def test_answers_201_with_the_object_and_its_system_fields(self) -> None:
        """
        5.3: uid, timestamp, generation and revision are the server's.
        """
        body = self.widget(color="red")
        body["metadata"].update(uid="mine", generation=7, creationTimestamp="2001-01-01T00:00:00Z")
        answer = self.request("POST", WIDGETS, body)
        self.assertEqual(answer.code, 201, answer.body)
        metadata = answer.json()["metadata"]
        self.assertEqual(metadata["namespace"], "default")
        self.assertEqual(metadata["generation"], 1)
        self.assertEqual(metadata["creationTimestamp"], "2023-11-14T22:13:20Z")
        self.assertRegex(
            metadata["uid"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
        )
        self.assertGreater(int(metadata["resourceVersion"]), 1)

    def test_status_is_dropped_and_defaults_are_filled_in(self) -> None:
        """
        5.10 and 9.3.
        """
        answer = self.request("POST", WIDGETS, {**self.widget(), "status": {"phase": "x"}})
        self.assertNotIn("status", answer.json())
        self.assertEqual(answer.json()["spec"], {"size": 3})

    def test_a_taken_name_is_409(self) -> None:
        """
        5.6.
        """
        self.create()
        status = self.status(self.request("POST", WIDGETS, self.widget()), 409, "AlreadyExists")
        self.assertEqual(status["message"], f'widgets.{GROUP} "w" already exists')
        self.assertEqual(status["details"], {"name": "w", "group": GROUP, "kind": "widgets"})

    def test_generate_name_makes_a_name(self) -> None:
        """
        5.5.
        """
        body = self.widget()
        body["metadata"] = {"generateName": "w-"}
        name = self.request("POST", WIDGETS, body).json()["metadata"]["name"]
        self.assertRegex(name, r"^w-[bcdfghjklmnpqrstvwxz2456789]{5}$")

    def test_neither_name_nor_generate_name_is_422(self) -> None:
        """
        5.5.
        """
        body = self.widget()
        body["metadata"] = {}
        status = self.status(self.request("POST", WIDGETS, body), 422, "Invalid")
        self.assertEqual(status["details"]["causes"][0]["field"], "metadata.name")

    def test_all_causes_are_told(self) -> None:
        """
        2.4 and 2.5.
        """
        body = self.widget("Bad_Name", color="pink", size=99)
        status = self.status(self.request("POST", WIDGETS, body), 422, "Invalid")
        fields = {cause["field"]: cause["reason"] for cause in status["details"]["causes"]}
        self.assertEqual(
            fields,
            {
                "metadata.name": "FieldValueInvalid",
                "spec.color": "FieldValueNotSupported",
                "spec.size": "FieldValueInvalid",
            },
        )

    def test_a_missing_namespace_is_404(self) -> None:
        """
        5.12.
        """
        target = WIDGETS.replace("default", "nope")
        status = self.status(self.request("POST", target, self.widget()), 404, "NotFound")
        self.assertEqual(status["message"], 'namespaces "nope" not found')

    def test_another_namespace_in_the_body_is_400(self) -> None:
        """
        5.2.
        """
        body = self.widget()
        body["metadata"]["namespace"] = "other"
        self.status(self.request("POST", WIDGETS, body), 400, "BadRequest")

    def test_another_kind_or_version_is_refused(self) -> None:
        """
        5.1.
        """
        self.status(self.request("POST", WIDGETS, {**self.widget(), "kind": "Wrong"}), 422, "Invalid")
        other = {**self.widget(), "apiVersion": f"{GROUP}/v9"}
        self.status(self.request("POST", WIDGETS, other), 400, "BadRequest")
        self.status(self.request("POST", WIDGETS, {"metadata": {}}), 400, "BadRequest")
        self.status(self.request("POST", WIDGETS, b"{"), 400, "BadRequest")

    def test_a_revision_in_the_body_is_400(self) -> None:
        """
        5.4.
        """
        body = self.widget()
        body["metadata"]["resourceVersion"] = "5"
        self.status(self.request("POST", WIDGETS, body), 400, "BadRequest")

    def test_unknown_fields_warn_fail_or_pass(self) -> None:
        """
        9.1: by fieldValidation; they are pruned in any case, but below free.
        """
        body = self.widget(bogus=1, free={"any": {"thing": 1}})
        warned = self.request("POST", WIDGETS, body)
        self.assertEqual(warned.header_values(b"warning"), [b'299 - "unknown field \\"spec.bogus\\""'])
        self.assertEqual(warned.json()["spec"], {"size": 3, "free": {"any": {"thing": 1}}})
        silent = self.request(
            "POST", f"{WIDGETS}?fieldValidation=Ignore", {**body, "metadata": {"name": "b"}}
        )
        self.assertEqual(silent.header_values(b"warning"), [])
        strict = self.request("POST", f"{WIDGETS}?fieldValidation=Strict", body)
        message = self.status(strict, 400, "BadRequest")["message"]
        self.assertIn('strict decoding error: unknown field "spec.bogus"', message)

    def test_doubled_fields_are_told(self) -> None:
        """
        9.1: the last one counts.
        """
        text = (
            b'{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"d"},'
            b'"spec":{"size":1,"size":2}}'
        )
        answer = self.request("POST", WIDGETS, text)
        self.assertEqual(answer.header_values(b"warning"), [b'299 - "duplicate field \\"spec.size\\""'])
        self.assertEqual(answer.json()["spec"]["size"], 2)

    def test_doubled_keys_of_yaml_are_told_together(self) -> None:
        """
        9.1: where validation is strict, as one fault of the text before those of the fields.
        """
        text = (
            f"apiVersion: {GROUP}/v1\nkind: Widget\nmetadata: {{name: a, name: b}}\n"
            "spec: {size: 1, size: 2, bogus: 1}\n"
        ).encode()
        strict = self.request(
            "POST", f"{WIDGETS}?fieldValidation=Strict", text, content_type="application/yaml"
        )
        self.assertEqual(
            self.status(strict, 400, "BadRequest")["message"],
            'Widget in version "v1" cannot be handled as a Widget: strict decoding error: yaml: unmarshal errors:'
            '\n  line 3: key "name" already set in map\n  line 4: key "size" already set in map, '
            'unknown field "spec.bogus"',
        )
        warned = self.request("POST", WIDGETS, text, content_type="application/yaml")
        self.assertEqual(len(warned.header_values(b"warning")), 3)

    def test_yaml_is_read_and_written(self) -> None:
        """
        1.4 and 1.6.
        """
        text = f"apiVersion: {GROUP}/v1\nkind: Widget\nmetadata:\n  name: yy\nspec:\n  color: red\n"
        answer = self.request(
            "POST", WIDGETS, text.encode(), content_type="application/yaml", accept="application/yaml"
        )
        self.assertEqual(answer.code, 201, answer.body)
        self.assertEqual(answer.header(b"content-type"), b"application/yaml")
        self.assertIn(b"color: red", answer.body)

    def test_dry_run_writes_nothing(self) -> None:
        """
        8.9: the answer has a uid and no revision.
        """
        answer = self.request("POST", f"{WIDGETS}?dryRun=All", self.widget())
        self.assertEqual(answer.code, 201)
        self.assertIn("uid", answer.json()["metadata"])
        self.assertNotIn("resourceVersion", answer.json()["metadata"])
        self.status(self.request("GET", f"{WIDGETS}/w"), 404, "NotFound")
