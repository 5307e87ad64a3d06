"""
Our own server as an operator starts it: the console script, on a free port, with a data folder of its own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import SkipTest

from tests.cluster.client import Endpoint
from tests.cluster.kubeconfig import read_kubeconfig
from tests.cluster.process import Process, free_port


class ArkServer:
    """
    C{ark-server --storage=sqlite} in a folder that goes away with it.

    @ivar endpoint: how the administrator whom it made at first start reaches it; set by L{start}.
    """

    endpoint: Endpoint

    def __init__(
        self, *, definitions: Sequence[Path] = (), flags: Sequence[str] = (), program: Sequence[str] = ()
    ) -> None:
        """
        @param definitions: files with further CustomResourceDefinitions to serve.
        @param flags: further flags.
        @param program: what to start instead of the console script.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="ark-server-"))
        self.processes: list[Process] = []
        self._command: list[str] = []
        self._definitions = list(definitions)
        self._flags = list(flags)
        self._program = list(program)

    def start(self) -> ArkServer:
        """
        Start it and return when it is ready; nothing of it stays when that fails.

        @raise SkipTest: when the package is not installed with its console script.
        @raise tests.cluster.process.NotReady: when it does not come up.
        """
        options = {
            "storage": "sqlite",
            "db-path": str(self.folder / "ark.db"),
            "secure-port": str(free_port()),
            "kubeconfig-out": str(self.folder / "admin.kubeconfig"),
        }
        if self._definitions:
            options["resource-definitions"] = str(copy_definitions(self._definitions, self.folder))
        flags = [f"--{name}={value}" for name, value in options.items()]
        try:
            self._command = [*(self._program or console_script()), *flags, *self._flags]
            self.start_again()
        except BaseException:
            self.remove()
            raise
        return self

    def kill(self) -> None:
        """
        End it without a word.
        """
        for process in self.processes:
            process.kill()
        self.processes.clear()

    def start_again(self) -> None:
        """
        Start it on the same data and port, and return when it is ready.
        """
        kubeconfig = self.folder / "admin.kubeconfig"
        process = Process("ark-server", self._command, self.folder)
        self.processes.append(process)
        try:
            process.wait_until(kubeconfig.exists)
            process.wait_until(lambda: self._ready(kubeconfig))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """
        Stop it.  The folder with its log and database stays.
        """
        for process in self.processes:
            process.stop()
        self.processes.clear()

    def remove(self) -> None:
        """
        Stop it and drop the folder too.
        """
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ready(self, kubeconfig: Path) -> bool:
        self.endpoint = read_kubeconfig(kubeconfig, self.folder)
        client = self.endpoint.connect()
        try:
            return client.request("GET", "/readyz").code == 200
        finally:
            client.close()


def copy_definitions(files: Sequence[Path], folder: Path) -> Path:
    """
    A folder below another with only these files in it.
    """
    made = folder / "definitions"
    made.mkdir()
    for file in files:
        shutil.copy(file, made)
    return made


def console_script() -> list[str]:
    """
    The command that starts our server: the script installed beside this interpreter.

    @raise SkipTest: when it is not installed.
    """
    script = Path(sys.executable).with_name("ark-server")
    if not script.exists():
        raise SkipTest("the console script ark-server is not installed beside this interpreter")
    return [str(script)]
