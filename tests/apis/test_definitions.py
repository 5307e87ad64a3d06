"""
Tests of the definitions in L{ark.apis}, which are data.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.apis.manifests import (
    DEFINITIONS,
    Node,
    facts,
    load,
    manifests,
    nodes,
    repeated_keys,
    schema_of,
    version_of,
)

ROOT = Path(__file__).resolve().parents[2]
ORIGINALS = ROOT.parent / "shared" / "crds"
REFERENCE = ROOT / "docs" / "reference" / "definitions.md"
ARK_FOLDERS = ("v1alpha1", "v1prealpha1")
LONGEST_DESCRIPTION = 120


class FileTests(SynchronousTestCase):
    """
    A definition is found where its name says.
    """

    def test_keys_are_unique(self) -> None:
        """
        No mapping of a file has a key twice, so no line of it is silently lost.
        """
        for path in DEFINITIONS.glob("*/*.yaml"):
            self.assertEqual(repeated_keys(path), [])

    def test_every_folder_has_definitions(self) -> None:
        """
        There are seventeen Ark kinds and those a standalone server needs.
        """
        folders = Counter(path.split("/")[0] for path in manifests())
        self.assertEqual(folders["v1alpha1"] + folders["v1prealpha1"], 17)
        stems = {Path(path).stem for path in manifests() if path.startswith("core/")}
        needed = {"namespaces", "secrets", "configmaps", "services", "serviceaccounts", "events"}
        self.assertLessEqual(needed, stems)

    def test_name_matches_file(self) -> None:
        """
        A file bears the plural; its folder is the version of an Ark kind, else the group.
        """
        for path, manifest in manifests().items():
            folder, plural = path.removesuffix(".yaml").split("/")
            group, names = manifest["spec"]["group"], manifest["spec"]["names"]
            self.assertEqual(names["plural"], plural, path)
            self.assertEqual(manifest["metadata"]["name"], f"{plural}.{group}" if group else plural, path)
            if group == "ark.mckinsey.com":
                self.assertEqual(version_of(manifest)["name"], folder, path)
            else:
                self.assertEqual(group or "core", folder, path)

    def test_names_are_regular(self) -> None:
        """
        The singular is the kind in lower case and the list is named after the kind.
        """
        for path, manifest in manifests().items():
            names = manifest["spec"]["names"]
            self.assertEqual(names["singular"], names["kind"].lower(), path)
            self.assertEqual(names["listKind"], names["kind"] + "List", path)

    def test_names_are_unambiguous(self) -> None:
        """
        What a user types for one kind is no name of another, unless their objects are the same.
        """
        owners: dict[str, str] = {}
        for path, manifest in manifests().items():
            if "x-ark-kept-as" in manifest["spec"]:
                continue
            names = manifest["spec"]["names"]
            for name in {names["plural"], names["singular"], *names.get("shortNames", [])}:
                self.assertEqual(owners.setdefault(name, path), path, name)

    def test_one_version_is_served_and_stored(self) -> None:
        """
        A manifest has one version, which is served and stored.
        """
        for path, manifest in manifests().items():
            version = version_of(manifest)
            self.assertEqual((version["served"], version["storage"]), (True, True), path)


class DescriptionTests(SynchronousTestCase):
    """
    C{kubectl explain} has something to say about every field.
    """

    def test_every_field_is_described(self) -> None:
        """
        Every property, and every object or list anywhere, has a description.
        """
        missing = [
            f"{path} {where}"
            for path, manifest in manifests().items()
            for where, node in nodes(schema_of(manifest))
            if not node.get("description") and self._needs_description(where, node)
        ]
        self.assertEqual(missing, [])

    def _needs_description(self, where: str, node: Node) -> bool:
        if where.strip(".") == "metadata":
            return False  # Kubernetes allows nothing but the type here.
        is_value = where.endswith(("[]", "{}"))
        return not is_value or node.get("type") in ("object", "array")

    def test_descriptions_are_short(self) -> None:
        """
        A description is a sentence or two on one line, with a capital and a full stop.
        """
        odd = [
            f"{path} {where}: {text}"
            for path, manifest in manifests().items()
            for where, node in nodes(schema_of(manifest))
            if (text := node.get("description"))
            and (
                len(text) > LONGEST_DESCRIPTION
                or "\n" in text
                or text[-1] != "."
                or not text[0].isupper()
                or "  " in text
            )
        ]
        self.assertEqual(odd, [])


class SchemaTests(SynchronousTestCase):
    """
    A schema does not contradict itself.
    """

    def test_required_members_exist(self) -> None:
        """
        What is required, or is the key of a list, has a property.
        """
        for path, manifest in manifests().items():
            for where, node in nodes(schema_of(manifest)):
                self.assertLessEqual(set(node.get("required", [])), set(node.get("properties", {})), where)
                keys = set(node.get("x-kubernetes-list-map-keys", []))
                if keys:
                    self.assertLessEqual(keys, set(node["items"]["properties"]), f"{path} {where}")

    def test_keys_of_lists_are_never_missing(self) -> None:
        """
        A member that identifies an item is required or has a default.
        """
        for path, manifest in manifests().items():
            for where, node in nodes(schema_of(manifest)):
                for key in node.get("x-kubernetes-list-map-keys", []):
                    required = key in node["items"].get("required", [])
                    self.assertTrue(
                        required or "default" in node["items"]["properties"][key], f"{path} {where} {key}"
                    )

    def test_defaults_are_allowed_values(self) -> None:
        """
        A default is one of the values that the field takes.
        """
        for path, manifest in manifests().items():
            for where, node in nodes(schema_of(manifest)):
                if "default" in node and "enum" in node:
                    self.assertIn(node["default"], node["enum"], f"{path} {where}")

    def test_every_object_has_the_common_members(self) -> None:
        """
        Every kind has C{apiVersion}, C{kind} and C{metadata} of the usual types.
        """
        for path, manifest in manifests().items():
            properties = schema_of(manifest)["properties"]
            types = [properties[name]["type"] for name in ("apiVersion", "kind", "metadata")]
            self.assertEqual(types, ["string", "string", "object"], path)


class ReferenceTests(SynchronousTestCase):
    """
    The reference names everything the definitions use.
    """

    def setUp(self) -> None:
        if not REFERENCE.exists():
            raise SkipTest(f"{REFERENCE} is not part of this installation")
        self.text = REFERENCE.read_text(encoding="utf-8")

    def test_formats_are_documented(self) -> None:
        """
        Every C{x-ark-format} word in use stands in the reference.
        """
        for path, manifest in manifests().items():
            for column in version_of(manifest).get("additionalPrinterColumns", []):
                word = column.get("x-ark-format")
                if word:
                    self.assertIn(f"| `{word}` |", self.text, path)

    def test_keywords_are_documented(self) -> None:
        """
        Every keyword in use, standard or extension, stands in the reference.
        """
        used = {
            key for manifest in manifests().values() for _, node in nodes(schema_of(manifest)) for key in node
        }
        for manifest in manifests().values():
            used.update(key for key in manifest["spec"] if key.startswith("x-"))
            used.update(
                key for column in version_of(manifest).get("additionalPrinterColumns", []) for key in column
            )
        self.assertEqual([keyword for keyword in sorted(used) if f"`{keyword}`" not in self.text], [])


class OriginalTests(SynchronousTestCase):
    """
    The Ark kinds are those of the CustomResourceDefinitions that Ark ships.
    """

    def setUp(self) -> None:
        if not ORIGINALS.is_dir():
            raise SkipTest("the original CustomResourceDefinitions are not at ../shared/crds")
        self.originals = {path.name: load(path) for path in ORIGINALS.glob("*.yaml")}
        self.ours = {
            path.name: load(path) for folder in ARK_FOLDERS for path in (DEFINITIONS / folder).glob("*.yaml")
        }

    def test_same_kinds(self) -> None:
        """
        There is a definition for every original and none besides.
        """
        self.assertEqual(sorted(self.ours), sorted(self.originals))

    def test_same_structure(self) -> None:
        """
        Names, scope, version, columns and every schema node are equal, both ways.
        """
        different = [
            f"{name} {where}: {ours.get(where)} is not {theirs.get(where)}"
            for name, original in sorted(self.originals.items())
            for ours, theirs in [(facts(self.ours[name]), facts(original))]
            for where in sorted({*ours, *theirs})
            if ours.get(where) != theirs.get(where)
        ]
        self.assertEqual(different, [])

    def test_own_words(self) -> None:
        """
        No description is the original's.
        """
        for name, original in self.originals.items():
            theirs = dict(nodes(schema_of(original)))
            for where, node in nodes(schema_of(self.ours[name])):
                words = theirs[where].get("description", "").lower().split()
                self.assertNotEqual(node.get("description", "-").lower().split(), words, f"{name} {where}")
