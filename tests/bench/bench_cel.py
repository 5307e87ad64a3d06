"""
CPU of expressions, and of a schema with ten rules.

Run as C{python -m tests.bench.bench_cel}; prints microseconds a call, the best of five.  Where
C{cel-expr-python} or C{celpy} is installed, the same expressions are measured with it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ark.cel.environment import Environment
from ark.cel.schemas import declare
from ark.registry.rules import compile_tree
from tests.bench.bench_schema import measure

TEXT = {"type": "string", "maxLength": 100}
NUMBER = {"type": "integer"}
SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "replicas": NUMBER,
        "most": NUMBER,
        "name": TEXT,
        "color": TEXT,
        "port": NUMBER,
        "image": TEXT,
        "args": {"type": "array", "maxItems": 20, "items": TEXT},
        "labels": {"type": "object", "maxProperties": 20, "additionalProperties": TEXT},
        "timeout": {"type": "string", "format": "duration"},
    },
}
OBJECT: dict[str, Any] = {
    "replicas": 2,
    "most": 5,
    "name": "web-front",
    "color": "green",
    "port": 8080,
    "image": "registry.example.com/web:1.2",
    "args": ["--verbose", "--color=never", "--port=8080"],
    "labels": {"app": "web", "tier": "front"},
    "timeout": "30s",
}
EXPRESSIONS = (
    "self.replicas <= self.most",
    "self.replicas > 0",
    "has(self.replicas) && self.replicas > 0",
    "self.name == 'web-front'",
    "self.image.startsWith('registry.')",
    "self.color in ['red', 'green', 'blue']",
    "self.name.matches('^[a-z-]+$')",
    "self.args.all(arg, arg.startsWith('--'))",
    "self.labels.exists(key, self.labels[key] == 'front')",
    "self.args.size() <= 10",
)
RULES = [{"rule": rule} for rule in EXPRESSIONS[:-1]] + [{"rule": "self.name == oldSelf.name"}]


def _cel_cpp(expression: str) -> Callable[[], Any]:
    cel = import_module("cel_expr_python").cel
    program = cel.NewEnv(variables={"self": cel.Type.DYN}).compile(expression)
    return lambda: program.eval(data={"self": OBJECT}).value()


def _celpy(expression: str) -> Callable[[], Any]:
    celpy = import_module("celpy")
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    return lambda: program.evaluate({"self": celpy.json_to_cel(OBJECT)})


def _peers() -> dict[str, Callable[[str], Callable[[], Any]]]:
    found = {}
    for name, module, make in (("cel-cpp", "cel_expr_python.cel", _cel_cpp), ("celpy", "celpy", _celpy)):
        try:
            import_module(module)
        except ImportError:
            continue
        found[name] = make
    return found


def main() -> None:
    """
    Measure.
    """
    declared = declare(SPEC)
    environment = Environment({"self": declared, "oldSelf": declared})
    peers = _peers()
    print("microseconds a call")
    for expression in EXPRESSIONS:
        program = environment.compile(expression)
        measure(expression, lambda: program.evaluate(OBJECT, OBJECT))  # noqa: B023
        for name, make in peers.items():
            measure(f"  {name}", make(expression), 500)
    tree = compile_tree({**SPEC, "x-kubernetes-validations": RULES})
    assert tree is not None
    measure("ten rules, create", lambda: tree.judge(OBJECT))
    measure("ten rules, update", lambda: tree.judge(OBJECT, OBJECT))
    measure("compile a rule", lambda: environment.compile(EXPRESSIONS[7]), 200)


if __name__ == "__main__":
    main()
