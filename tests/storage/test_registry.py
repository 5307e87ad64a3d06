"""
Tests for L{ark.storage.registry} and the plug-ins that come with the server.
"""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import check_output
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import ark.storage
from ark.interfaces import IStorageBackend, IStorageBackendFactory
from ark.storage.errors import UnusableDatabase
from ark.storage.registry import (
    DuplicateStorage,
    StorageBackendFactory,
    UnknownStorage,
    find_storage_factory,
    storage_factories,
)


class RegistryTests(SynchronousTestCase):
    """
    From a scheme to a factory.
    """

    def test_built_in(self) -> None:
        """
        The server's own backends are found as plug-ins, and say what they read.
        """
        factories = storage_factories()
        self.assertEqual(list(factories), sorted(factories))
        self.assertLessEqual({"memory", "mysql", "postgresql", "sqlite"}, set(factories))
        for factory in factories.values():
            verifyObject(IStorageBackendFactory, factory)
            self.assertTrue(factory.summary)
        self.assertEqual(list(factories["sqlite"].options), ["db_path", "workers"])

    def test_open(self) -> None:
        """
        A factory opens the backend that its dotted name leads to.
        """
        opening: Any = find_storage_factory("memory").open({}, None)
        backend = self.successResultOf(Deferred.fromCoroutine(opening))
        verifyObject(IStorageBackend, backend)

    def test_a_driver_that_is_not_installed(self) -> None:
        """
        The server's own storages have extras; what a third party needs is that party's.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "needy.py").write_text("import absent\n")
        self.patch(ark.storage, "__path__", [*ark.storage.__path__, str(folder)])
        self.patch(sys, "path", [*sys.path, str(folder)])
        for opener, remedy in (
            ("ark.storage.needy.open_backend", "pip install 'ark-apiserver[ledger]'"),
            ("needy.open_backend", "the package of the storage"),
        ):
            opening: Any = StorageBackendFactory("ledger", "", opener).open({}, None)
            failure = self.failureResultOf(Deferred.fromCoroutine(opening), UnusableDatabase)
            self.assertIn("needs the package", str(failure.value))
            self.assertIn(remedy, failure.value.remedy)

    def test_unknown(self) -> None:
        """
        An unknown scheme is answered with those that are known.
        """
        with self.assertRaises(UnknownStorage) as caught:
            find_storage_factory("oracle")
        self.assertIn("memory, mysql, postgresql, sqlite", str(caught.exception))

    def test_duplicate(self) -> None:
        """
        Two plug-ins for one scheme are refused: it would be luck which is used.
        """
        plugin = StorageBackendFactory("memory", "", "x")
        with self.assertRaises(DuplicateStorage):
            storage_factories([plugin, plugin])

    def test_cheap_to_import(self) -> None:
        """
        Looking for plug-ins imports no database driver.
        """
        program = (
            "import sys, ark.storage.registry as r; r.storage_factories();"
            "print(any(name.startswith('pysqlite3') for name in sys.modules))"
        )
        self.assertEqual(check_output([sys.executable, "-c", program], cwd=_root()), b"False\n")


def _root() -> str:
    import ark

    return ark.__path__[0] + "/.."
