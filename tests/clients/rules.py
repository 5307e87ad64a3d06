"""
The rules that a client program in Python checks, told as one line of JSON each.

The programs run in environments of their own, where neither Twisted nor our server is installed:
this module needs nothing but Python.  A rule is a function; C{client.yaml} has its sentence.  All rules
of a run are checked in one namespace, in the order in which they stand: later ones build on what
earlier ones made.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

KUBECONFIG = os.environ.get("KUBECONFIG", "")
NAMESPACE = sys.argv[1].partition("=")[2] if len(sys.argv) > 1 else "default"
GROUP = "ark.mckinsey.com"
PROBE = "probe.example.com"
PATIENCE = 30

Check = Callable[[], Any]


closing = ExitStack()
"""
What has to end with the program.
"""

_rules: dict[str, Check] = {}


def rule(check: Check) -> Check:
    """
    Make a function, or a coroutine function, the check of the rule that has its name.
    """
    if check.__name__ in _rules:
        raise ValueError(f"there are two rules {check.__name__}")
    _rules[check.__name__] = check
    return check


def main() -> None:
    """
    Check the rules that the command line names, or list all.
    """
    asked = [argument.partition("=")[0] for argument in sys.argv[1:]]
    if not asked:
        for name in _rules:
            print(json.dumps({"rule": name}))
        closing.close()
        return
    with closing:
        asyncio.run(_check([(name, check) for name, check in _rules.items() if name in asked]))
    sys.stdout.flush()
    # Threads of clients that hang in a read would keep the program from ending.
    os._exit(0)


async def _check(rules: list[tuple[str, Check]]) -> None:
    for name, check in rules:
        error = None
        try:
            answer = check()
            if inspect.isawaitable(answer):
                await asyncio.wait_for(answer, 2 * PATIENCE)
        except Exception:
            error = _reason()
        print(json.dumps({"rule": name, "error": error}), flush=True)


def same(found: Any, expected: Any) -> None:
    """
    Raise when two values differ.
    """
    if found != expected:
        raise AssertionError(f"expected {expected!r}, found {found!r}")


def holds(condition: Any, found: Any = "") -> None:
    """
    Raise when something that ought to hold does not, with what was found instead.
    """
    if not condition:
        raise AssertionError(f"does not hold; found {found!r}")


def raises(kind: type[BaseException], call: Callable[[], Any]) -> Any:
    """
    The exception that a call has to raise.
    """
    try:
        answer = call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised; the answer was {answer!r}")


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """
    What a condition gives once it holds.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {value!r} after {seconds} s")
        time.sleep(0.05)
    return value


def query(name: str, text: str = "Why is the sky blue?", **metadata: Any) -> dict[str, Any]:
    """
    An Ark Query.
    """
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Query",
        "metadata": {"name": name, **metadata},
        "spec": {"input": text},
    }


def widget(
    name: str, color: str = "red", *, labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """
    A Widget of the probe kinds, which has a scale, selectable fields and lists of every type.
    """
    return {
        "apiVersion": f"{PROBE}/v1",
        "kind": "Widget",
        "metadata": {"name": name, **({"labels": labels} if labels else {})},
        "spec": {"color": color, **spec},
    }


def _reason() -> str:
    error = sys.exc_info()[1]
    frames = traceback.extract_tb(sys.exc_info()[2])
    ours = [frame for frame in frames if "/tests/clients/" in frame.filename]
    place = "; ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in ours[1:] or ours)
    return f"{type(error).__name__}: {str(error)[:1500]} ({place})"
