"""
A plug-in that is installed beside the server is served by it.
"""

from __future__ import annotations

import re
import signal
import ssl
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.ark import console_script
from tests.cluster.process import free_port
from tests.e2e.test_process import PATIENCE, Running

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "add-an-endpoint.md"


class PluginTests(SynchronousTestCase):
    """
    The example of the documentation, as a distribution of its own.
    """

    def setUp(self) -> None:
        """
        Put the module and the drop-in where Python finds them.
        """
        folder = TemporaryDirectory(prefix="ark-endpoint-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.port = free_port()
        found = re.findall(r"^ *```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL | re.MULTILINE)
        module, self.drop_in = map(dedent, found)
        self.write("my_package/__init__.py", "")
        self.write("my_package/greeting.py", module)

    def write(self, name: str, text: str) -> None:
        """
        Install a file.
        """
        path = self.folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self) -> Running:
        """
        Start a server that finds what is installed.
        """
        command = ["env", f"PYTHONPATH={self.folder / 'site'}", *console_script()]
        command += [f"--db-path={self.folder / 'ark.db'}", f"--secure-port={self.port}"]
        running = Running(command, self.folder)
        self.addCleanup(running.end, signal.SIGKILL)
        return running

    def get(self, path: str, authenticated: bool) -> tuple[int, bytes]:
        """
        The answer on a connection of its own.
        """
        pki = self.folder / "ark.db.d" / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        if authenticated:
            context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()

    def test_the_example_is_served(self) -> None:
        """
        To those who may.
        """
        self.write("twisted/plugins/my_endpoints.py", self.drop_in)
        running = self.start()
        running.wait_for(lambda: "is ready" in running.text())
        self.assertEqual(self.get("/v1/greeting", True), (200, b"hello\n"))
        self.assertIn(self.get("/v1/greeting", False)[0], (401, 403))
        self.assertEqual(running.end(), 0, running.text())

    def test_a_server_does_not_start_when_two_want_the_same(self) -> None:
        """
        It says which.
        """
        self.write("twisted/plugins/my_endpoints.py", f"{self.drop_in}\nagain = Greeting()\n")
        running = self.start()
        self.assertEqual(running.process.wait(PATIENCE), 3, running.text())
        self.assertIn("my_package.greeting.Greeting wants /v1/greeting", running.text())
        self.assertIn("Correct the plug-in", running.text())
