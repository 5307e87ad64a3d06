"""
Record what Kubernetes answers, for machines that have no Go: C{python -m tests.cel.record}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cel import admissioncases, corpus, rulecases
from tests.cel.asking import ask
from tests.cluster.build import binary

ANSWERS = Path(__file__).with_name("answers")


def questions() -> dict[str, list[dict[str, Any]]]:
    """
    All that is asked, by the name of the file that the answers are in.
    """
    return {
        "expressions": [corpus.question(expression) for expression in corpus.expressions()],
        "validations": rulecases.validations(),
        "definitions": rulecases.definitions(),
        "policies": admissioncases.questions(),
    }


def recorded(name: str) -> list[dict[str, Any]]:
    """
    The answers of a file.
    """
    lines = (ANSWERS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def main() -> None:
    """
    Ask again.
    """
    ANSWERS.mkdir(exist_ok=True)
    program = binary("cel")
    for name, asked in questions().items():
        lines = [json.dumps(answer, sort_keys=True, ensure_ascii=False) for answer in ask(program, asked)]
        (ANSWERS / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
