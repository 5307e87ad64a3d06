"""
Record what kube-apiserver answers to the cases: C{python -m tests.registry.definitions.record}.
"""

from __future__ import annotations

import orjson

from tests.cluster.shared import oracle
from tests.registry.definitions.cases import CASES
from tests.registry.definitions.test_answers import ANSWERS, COLLECTION, told


def main() -> None:
    """
    Write the file anew.
    """
    client = oracle().endpoint.connect()
    lines = []
    for title, body in CASES.items():
        headers = {"Content-Type": "application/json"}
        answer = client.request("POST", f"{COLLECTION}?dryRun=All", headers, orjson.dumps(body))
        shown = {"title": title, **told(answer.code, answer.json(), answer.header("warning"))}
        lines.append(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS))
    ANSWERS.write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    main()
