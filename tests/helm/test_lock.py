"""
What is pinned for the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.version import Version
from twisted.trial.unittest import SynchronousTestCase

from tests.helm.lock import BUILD, IMAGE, blocks, builders, name, wanted

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def environment(python: str) -> dict[str, str]:
    """
    What markers ask about, in an image of a version of Python.
    """
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "extra": "",
    }


def pinned(text: str, python: str) -> dict[str, str]:
    """
    The versions that a version of Python gets, by name.
    """
    found = [Requirement(block.partition("\\")[0]) for block in blocks(text)]
    kept = [one for one in found if one.marker is None or one.marker.evaluate(environment(python))]
    versions = {name(one.name): str(one.specifier).removeprefix("==") for one in kept}
    assert len(versions) == len(kept), "a package is there twice"
    return versions


FLOORS = {
    # Requests answered in another's place, rapid reset of HTTP/2, smuggled headers (CVE-2023-44487, CVE-2024-41671).
    "twisted": "26.10.0",
    # A handshake that goes on after an exception in a callback (CVE-2026-27448, CVE-2026-27459).
    "pyopenssl": "26.0",
    # Multipart bodies and paths that cost too much or lead elsewhere (CVE-2023-46136, CVE-2024-49766).
    "werkzeug": "3.1.6",
    # Recursion without end (PYSEC-2024-40).
    "orjson": "3.9.15",
    # Loaders that are safe by name but not in fact (PYSEC-2021-142).
    "pyyaml": "5.4",
    # The first that holds SQLite 3.53.4: older ones may corrupt a file in WAL mode.
    "pysqlite3": "0.6.1",
}
"""
Below which versions have holes that are known.
"""


class FloorTests(SynchronousTestCase):
    """
    Packages with holes that are known are not asked for (trust section 5).
    """

    def test_what_setup_asks_for_is_above(self) -> None:
        """
        Also where somebody installs without the list of the image.
        """
        found = {name(one.name): one.specifier for one in map(Requirement, wanted())}
        for package, floor in FLOORS.items():
            least = [Version(one.version) for one in found[package] if one.operator == ">="]
            self.assertTrue(least and min(least) >= Version(floor), f"{package} {found[package]} < {floor}")

    def test_what_the_image_has_is_above(self) -> None:
        """
        For every version of Python.
        """
        for python in PYTHONS:
            versions = pinned(IMAGE.read_text(), python)
            for package, floor in FLOORS.items():
                self.assertGreaterEqual(Version(versions[package]), Version(floor), package)


class LockTests(SynchronousTestCase):
    """
    The files in C{requirements}, which C{make lock} writes.
    """

    def test_everything_is_known_by_its_hashes(self) -> None:
        """
        In one version; and nobody is told where to get it.
        """
        for path in (IMAGE, BUILD):
            text = path.read_text()
            self.assertNotIn("://", text)
            for block in blocks(text):
                first, *hashes = block.splitlines()
                self.assertRegex(first, r"^[a-z0-9-]+==[0-9][^ ]*( ; .*)? \\$")
                self.assertTrue(hashes, first)
                for line in hashes:
                    self.assertRegex(line, _HASH)

    def test_what_setup_asks_for_is_there(self) -> None:
        """
        Each package, as new as it must be, for every version of Python.
        """
        for path, asked in ((IMAGE, wanted()), (BUILD, builders())):
            self.assertTrue(asked)
            for python in PYTHONS:
                versions = pinned(path.read_text(), python)
                for one in map(Requirement, asked):
                    self.assertTrue(one.specifier.contains(versions[name(one.name)]), f"{one} for {python}")

    def test_what_packages_need_is_there(self) -> None:
        """
        As those say that are installed here in the same version.
        """
        text = IMAGE.read_text()
        looked_at = set()
        for python in PYTHONS:
            versions = pinned(text, python)
            for package, needed in self.needed(versions, python):
                looked_at.add(package)
                found = versions.get(name(needed.name))
                self.assertIsNotNone(found, f"{package} needs {needed}")
                self.assertTrue(needed.specifier.contains(found or ""), f"{package} needs {needed}")
        self.assertGreater(len(looked_at), 5)

    def needed(self, versions: dict[str, str], python: str) -> Iterator[tuple[str, Requirement]]:
        """
        What the packages of a version of Python need.
        """
        for package, pin in versions.items():
            try:
                lines = requires(package) if version(package) == pin else None
            except PackageNotFoundError:
                continue
            for needed in map(Requirement, lines or ()):
                if needed.marker is None or needed.marker.evaluate(environment(python)):
                    yield package, needed
