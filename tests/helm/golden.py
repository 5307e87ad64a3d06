"""
What the chart made when somebody last looked at it.

The manifests of the case C{default} stand whole in C{tests/helm/golden}; of every other case, what is different.
C{python -m tests.helm.golden} writes them again, for a person to look at what changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from functools import cache
from pathlib import Path

from tests.helm.chart import CASES, HELMS, cases, template

FOLDER = Path(__file__).with_name("golden")
DEFAULT = "default"


def name(case: Path) -> str:
    """
    What a case is called.
    """
    return case.name.removesuffix("-values.yaml")


@cache
def manifests(helm: str, case: str) -> str:
    """
    What Helm makes of a case.
    """
    return in_order(template(helm, CASES / f"{case}-values.yaml"))


def in_order(made: str) -> str:
    """
    Manifests in the order of Helm 3, whose blank lines are fewer.
    """
    parts = [f"---\n{part.strip()}\n" for part in made.split("\n---\n")]
    return "".join(sorted(part.replace("---\n---\n", "---\n") for part in parts))


def difference(case: str) -> str:
    """
    What a case makes otherwise than the default.
    """
    before, after = (manifests(HELMS[-1], one).splitlines(keepends=True) for one in (DEFAULT, case))
    return "".join(unified_diff(before, after, DEFAULT, case, n=1))


def files() -> Iterator[tuple[Path, str]]:
    """
    The files, and what should stand in them.
    """
    yield FOLDER / f"{DEFAULT}.yaml", manifests(HELMS[-1], DEFAULT)
    for case in map(name, cases()):
        if case != DEFAULT:
            yield FOLDER / f"{case}.diff", difference(case)


def main() -> None:
    """
    Write the files.
    """
    FOLDER.mkdir(exist_ok=True)
    for path, text in files():
        path.write_text(text)


if __name__ == "__main__":
    main()
