"""
What a person gets who installs the package: the drop-ins are found from anywhere.

An editable install would hide a drop-in that the package does not ship, so this makes a
wheel as C{pip} does and looks into that, from outside of the checkout.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from shutil import copytree, ignore_patterns
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

REPOSITORY = Path(__file__).resolve().parents[1]
_ASK = """
import sys
import ark
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from ark.interfaces import ICustomEndpoint, IStorageBackendFactory
print(ark.__file__)
print(" ".join(sorted(maker.tapname for maker in getPlugins(IServiceMaker) if maker.module.startswith("ark"))))
print(" ".join(sorted(factory.scheme for factory in getPlugins(IStorageBackendFactory))))
from ark.apis.loader import KindRegistry
print(len(KindRegistry.load().kinds()))
"""


def copied(folder: Path) -> Path:
    """
    A checkout in C{folder} in which nothing was made yet.

    @raise SkipTest: where this is none, as the tests run against an installed package.
    """
    if not (REPOSITORY / "setup.cfg").exists():
        raise SkipTest("only a checkout has what a wheel is made of")
    unwanted = (
        ".git",
        ".venv",
        ".cache",
        ".tox",
        "build",
        "dist",
        "*.egg-info",
        "_trial_temp*",
        "tests",
        "dropin.cache",
    )
    copytree(REPOSITORY, folder, ignore=ignore_patterns(*unwanted, "__pycache__", "ark-data"))
    return folder


class InstalledTests(SynchronousTestCase):
    """
    The package as it is installed.
    """

    def setUp(self) -> None:
        """
        Make a wheel of a copy of the checkout and unpack it: no stale C{build} folder takes part.
        """
        folder = Path(self.mktemp()).resolve()
        source = copied(folder / "source")
        wheels = folder / "wheels"
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        command += ["--disable-pip-version-check", "--wheel-dir", str(wheels), str(source)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode:
            raise SkipTest(f"no wheel can be made here: {built.stderr.strip().splitlines()[-1:]}")
        (self.wheel,) = wheels.glob("*.whl")
        self.site = folder / "site"
        with zipfile.ZipFile(self.wheel) as archive:
            archive.extractall(self.site)
        self.folder = folder

    def test_wheel_needs_no_compiler_and_holds_all_it_needs(self) -> None:
        """
        It is of pure Python, and brings drop-ins, definitions and the database's schema.
        """
        self.assertTrue(self.wheel.name.endswith("-py3-none-any.whl"), self.wheel.name)
        names = zipfile.ZipFile(self.wheel).namelist()
        for wanted in (
            "twisted/plugins/ark_apiserver.py",
            "twisted/plugins/ark_storage.py",
            "ark/apis/core/namespaces.yaml",
            "ark/apis/v1alpha1/queries.yaml",
        ):
            self.assertIn(wanted, names)
        self.assertTrue(any(name.startswith("ark/storage/schema/") for name in names))
        self.assertFalse(any(name.startswith("tests/") for name in names))

    def test_drop_ins_are_found_from_outside_of_the_checkout(self) -> None:
        """
        The service for twistd, both kinds of storage, and the shipped definitions.
        """
        environ = {**os.environ, "PYTHONPATH": str(self.site), "HOME": str(self.folder)}
        command = [sys.executable, "-W", "ignore", "-c", _ASK]
        asked = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        self.assertEqual(asked.returncode, 0, asked.stderr)
        module, services, schemes, kinds = asked.stdout.splitlines()
        self.assertEqual(Path(module), self.site / "ark" / "__init__.py")
        self.assertEqual(services, "ark-apiserver")
        self.assertLessEqual({"memory", "mysql", "postgresql", "sqlite"}, set(schemes.split()))
        self.assertGreater(int(kinds), 17)


class EditableTests(SynchronousTestCase):
    """
    A checkout that is installed to be worked on.
    """

    def test_a_checkout_is_put_on_the_path_as_it_is(self) -> None:
        """
        C{pip install -e .} without any option leads to the checkout itself.  The import hook that setuptools makes
        of other layouts finds modules, but not the drop-ins, which Twisted looks for in the folders of the path.
        """
        source = copied(Path(self.mktemp()).resolve())
        command = [sys.executable, "-W", "ignore", "-c"]
        command += ["from setuptools.build_meta import build_editable; build_editable('dist')"]
        built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        self.assertEqual(built.returncode, 0, built.stderr)
        (wheel,) = (source / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if ".dist-info/" not in name]
            self.assertEqual([Path(name).suffix for name in names], [".pth"])
            self.assertEqual(archive.read(names[0]).decode().strip(), str(source))
