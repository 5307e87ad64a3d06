"""
What the clients' tests have in common: the server, the namespaces, and how a program's findings become tests.

A client's program is run as C{PROGRAM RULE=NAMESPACE...} with C{KUBECONFIG} set.  It tries the rules that it is given,
in the order or at the same time as it likes, each in the namespace that was made for it, and writes a line of JSON to
standard output as soon as it knows about one: C{{"rule": NAME, "error": TEXT or null}}.  Run without arguments it
writes C{{"rule": NAME}} for every rule that it knows.  What else it prints is shown when a rule is broken.

C{CLIENTS_SERVER=kube-apiserver} plays the same to the real thing, to see whether a test is right.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.build import require
from tests.cluster.client import Endpoint
from tests.cluster.shared import ark, oracle

FOLDER = Path(__file__).parent
CONTROLLERS = ("namespace-controller", "garbage-collector-controller", "serviceaccount-controller")
_TIMEOUT = 240
_TAIL = 40
_WITHOUT_RULE = "the program ended without a word about this rule"


class Group(NamedTuple):
    """
    Rules that one run of a program tries.

    @ivar environment: variables that the program gets on top of the usual ones.
    @ivar rules: a sentence for each rule, by the rule's name.
    """

    environment: dict[str, str]
    rules: dict[str, str]


class ClientInfo(NamedTuple):
    """
    What C{client.yaml} says.

    @ivar name: what people call the client.
    @ivar version: the pinned version.
    @ivar language: what it is written in.
    @ivar about: one sentence on what is tested.
    """

    folder: str
    name: str
    version: str
    language: str
    about: str
    groups: dict[str, Group]

    @property
    def rules(self) -> dict[str, str]:
        """
        The sentences of all groups.
        """
        return {name: text for group in self.groups.values() for name, text in group.rules.items()}


class Run(NamedTuple):
    """
    How a program ended.

    @ivar findings: the error of each rule that it told of, C{None} where the rule is kept.
    @ivar output: what else it printed, the end of it.
    """

    findings: dict[str, str | None]
    output: str


class ClientTests(SynchronousTestCase):
    """
    Base of a test case whose tests are the rules of C{client.yaml}; see L{tests_of}.

    @cvar together: whether the groups of rules may be tried at the same time.
    """

    client: ClientInfo
    together = False
    maxDiff = None

    @classmethod
    def command(cls) -> list[str]:
        """
        The client's program, made first where it must be.

        @raise unittest.SkipTest: when it cannot be had here.
        """
        raise NotImplementedError


Case = TypeVar("Case", bound=ClientTests)


def tests_of(file: str) -> Callable[[type[Case]], type[Case]]:
    """
    Give a test case one test a rule of the C{client.yaml} beside C{file}.
    """

    def decorate(case: type[Case]) -> type[Case]:
        case.client = read_client(Path(file).parent)
        tests = {"every_rule_of_the_program_is_listed": _listing}
        for title, group in case.client.groups.items():
            tests.update({name: _test(title, name, text) for name, text in group.rules.items()})
        for name, test in tests.items():
            setattr(case, f"test_{name}", test)
        return case

    return decorate


def _listing(self: ClientTests) -> None:
    """
    No rule that the program knows is left out.
    """
    listed = _execute(self.command(), {}, [])
    self.assertEqual(sorted(self.client.rules), sorted(listed.findings), listed.output)


def _test(group: str, rule: str, sentence: str) -> Callable[[ClientTests], None]:
    def test(self: ClientTests) -> None:
        run = _run_of(type(self), group)
        error = run.findings.get(rule, _WITHOUT_RULE)
        if error is not None:
            self.fail(f"{error}\n--- what the program printed ---\n{run.output}")

    test.__doc__ = sentence
    return test


def _run_of(case: type[ClientTests], title: str) -> Run:
    return _runs(case)[title].result() if case.together else _run(case, title)


@cache
def _runs(case: type[ClientTests]) -> dict[str, Future[Run]]:
    """
    All groups of a client, begun at once: most of their time is spent in waiting.
    """
    server()
    case.command()
    pool = ThreadPoolExecutor(len(case.client.groups))
    return {title: pool.submit(_run, case, title) for title in case.client.groups}


@cache
def _run(case: type[ClientTests], title: str) -> Run:
    command, group = case.command(), case.client.groups[title]
    prefix = f"{case.client.folder}-{title}".lower().replace("_", "-").replace(" ", "-")
    spaces = {rule: f"{prefix}-{number}" for number, rule in enumerate(group.rules)}
    make_namespaces(spaces.values())
    arguments = [f"{rule}={namespace}" for rule, namespace in spaces.items()]
    return _execute(command, {**client_environment(), **group.environment}, arguments)


def _execute(command: Sequence[str], environment: Mapping[str, str], arguments: Sequence[str]) -> Run:
    try:
        done = subprocess.run(
            [*command, *arguments],
            env={**_plain_environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        printed = (error.stdout or b"").decode(errors="replace")
        return _read_run(printed, f"stopped after {_TIMEOUT} s")
    return _read_run(done.stdout, f"exit code {done.returncode}")


def _read_run(printed: str, ending: str) -> Run:
    findings: dict[str, str | None] = {}
    rest: list[str] = []
    for line in printed.splitlines():
        found = _finding(line)
        if found is not None:
            findings[found["rule"]] = found.get("error")
        elif line:
            rest.append(line)
    return Run(findings, "\n".join([*rest[-_TAIL:], ending]))


def _finding(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "rule" in found else None


def read_client(folder: Path) -> ClientInfo:
    """
    A client's C{client.yaml}; a Go client's version is what C{go.mod} pins.
    """
    found = yaml.safe_load((folder / "client.yaml").read_text())
    groups = {
        title: Group({name: str(value) for name, value in one.get("environment", {}).items()}, one["rules"])
        for title, one in found.get("groups", {}).items()
    }
    version = _pinned(found["module"]) if "module" in found else str(found["version"])
    return ClientInfo(folder.name, found["name"], version, found["language"], found["about"], groups)


def _pinned(module: str) -> str:
    lines = [line.split("//")[0].split() for line in (FOLDER / "go.mod").read_text().splitlines()]
    replaced = [line[-1] for line in lines if "=>" in line and line[0] == module]
    required = [line[-1] for line in lines if "=>" not in line and line[-2:-1] == [module]]
    return (replaced or required)[0]


@cache
def server() -> Endpoint:
    """
    The server that a run of the suite shares, started when first asked for.

    @raise unittest.SkipTest: when it cannot be started here (an error where C{CI=true}).
    """
    if os.environ.get("CLIENTS_SERVER") == "kube-apiserver":
        return oracle(controllers=CONTROLLERS).endpoint
    return ark().endpoint


def make_namespaces(names: Iterable[str]) -> None:
    """
    Make namespaces for rules to be tried in.
    """
    client = server().connect()
    for name in names:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        headers = {"Content-Type": "application/json"}
        answer = client.request("POST", "/api/v1/namespaces", headers, json.dumps(body).encode())
        if answer.code != 201:
            raise ValueError(f"namespace {name}: {answer.code} {answer.body.decode(errors='replace')}")
    client.close()


def client_environment(namespace: str = "default") -> dict[str, str]:
    """
    The variables of a client that speaks to the server: its kubeconfig, and a home of its own.
    """
    return {
        **_plain_environment(),
        "KUBECONFIG": str(server().kubeconfig),
        "NAMESPACE": namespace,
        "HOME": str(home()),
    }


def _plain_environment() -> dict[str, str]:
    path = os.environ.get("PATH", "")
    return {
        "PATH": f"{path}:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        # Clients' libraries write keys into files that those forget whose program ends at once.
        "TMPDIR": str(home()),
    }


@cache
def home() -> Path:
    """
    A home for clients, so that caches and settings of others stay out.
    """
    folder = Path(tempfile.mkdtemp(prefix="clients-home-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Printed(NamedTuple):
    """
    What a command line printed.
    """

    code: int
    output: str
    errors: str

    def __str__(self) -> str:
        return f"[{self.code}]\n{self.output}{self.errors}"


class CommandLineTests(SynchronousTestCase):
    """
    Base of a test case that runs a command-line client, each test in a namespace of its own.

    @cvar client: what C{client.yaml} says.
    @ivar namespace: made afresh for each test.
    """

    client: ClientInfo
    _made = 0

    def setUp(self) -> None:
        """
        A namespace, named by the client and a number.
        """
        CommandLineTests._made += 1
        self.namespace = f"{self.client.folder}-{CommandLineTests._made}-{os.getpid() % 10000}"
        make_namespaces([self.namespace])

    def run_program(self, *command: str | Path, text: str = "", seconds: float = 90) -> Printed:
        """
        Run a command line and hand back what it printed, whatever its exit code.
        """
        done = subprocess.run(
            list(map(str, command)),
            env=client_environment(self.namespace),
            cwd=home(),
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Printed(done.returncode, done.stdout, done.stderr)

    def succeed(self, *command: str | Path, text: str = "", seconds: float = 90) -> str:
        """
        Run a command line that must end well, and hand back its standard output.
        """
        printed = self.run_program(*command, text=text, seconds=seconds)
        self.assertEqual(printed.code, 0, f"{' '.join(map(str, command))}: {printed}")
        return printed.output

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """
        Run kubectl in the test's namespace; it must end well.
        """
        (program,) = require("kubectl")
        return self.succeed(program, "-n", self.namespace, *arguments, text=text)

    def get(self, *arguments: str) -> Any:
        """
        What C{kubectl get -o json} finds.
        """
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def names(self, resource: str, *arguments: str) -> list[str]:
        """
        The names of the objects of a resource, sorted.
        """
        return sorted(one["metadata"]["name"] for one in self.get(resource, *arguments)["items"])

    def eventually(self, holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
        """
        Wait until something holds.
        """
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                self.fail(f"not after {seconds} s: {what}")
            time.sleep(0.1)


def go_program(folder: str) -> list[str]:
    """
    The command of a Go client, made if need be.

    @raise unittest.SkipTest: when it cannot be made here (an error where C{CI=true}).
    """
    return [str(one) for one in require(f"clients-{folder}")]
