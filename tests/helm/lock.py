"""
What goes into the image, each package in one version and known by its hashes.

C{make lock} writes the files anew, by C{uv}, for every version of Python that a base may have.  It needs nothing else
that is not Python's own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from configparser import ConfigParser
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = REPOSITORY / "requirements" / "image.txt"
BUILD = REPOSITORY / "requirements" / "build.txt"
EXTRAS = ("postgresql", "mysql", "tracing")
OLDEST = "3.10"
SOURCES = ("txpostgres",)
"""What there is as source only, in archives that uv does not read; it needs nothing that the server does not."""

_NOTE = "# Made by `make lock`. Change setup.cfg, not this file.\n"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_BLOCK = re.compile(r"^\S.*(?:\n .*)*$", re.MULTILINE)


def wanted() -> list[str]:
    """
    What setup.cfg asks for.
    """
    config = ConfigParser()
    config.read(REPOSITORY / "setup.cfg")
    lists = [config["options"]["install_requires"]]
    lists += [config["options.extras_require"][extra] for extra in EXTRAS]
    return [line.strip() for text in lists for line in text.splitlines() if line.strip()]


def builders() -> list[str]:
    """
    What makes wheels of sources.
    """
    config = ConfigParser()
    config.read(REPOSITORY / "setup.cfg")
    lines = config["options.extras_require"]["dev"].splitlines()
    return [line for line in lines if name(line) == "setuptools"]


def name(requirement: str) -> str:
    """
    The name of a package, as it is compared.
    """
    match = _NAME.match(requirement.strip())
    return re.sub("[-_.]+", "-", match[0]).lower() if match else ""


def blocks(text: str) -> list[str]:
    """
    The packages of a file, each with its hashes; one may be there twice, for several versions of Python.
    """
    return [match[0] for match in _BLOCK.finditer(text) if not match[0].startswith("#")]


def _compiled(requirements: Iterable[str]) -> list[str]:
    words = ("pip", "compile", "--quiet", "--universal", "--python-version", OLDEST, "--generate-hashes")
    flags = ("--upgrade", "--no-header", "--no-annotate", "-")
    text = "\n".join(requirements)
    return blocks(_run(sys.executable, "-m", "uv", *words, *flags, text=text))


def _source(requirement: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--quiet", "--no-deps", f"--no-binary={name(requirement)}", f"--dest={folder}")
        _run(sys.executable, "-m", "pip", "download", *flags, requirement)
        (path,) = Path(folder).iterdir()
        version = path.name.removeprefix(f"{name(requirement)}-").removesuffix(".tar.bz2")
        _, _, hashed = _run(sys.executable, "-m", "pip", "hash", str(path)).partition("--hash=")
    return f"{name(requirement)}=={version} \\\n    --hash={hashed.strip()}"


def _run(*words: str, text: str | None = None) -> str:
    return subprocess.run(words, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> None:
    """
    Write the files.
    """
    asked = wanted()
    found = _compiled(one for one in asked if name(one) not in SOURCES)
    found += [_source(one) for one in asked if name(one) in SOURCES]
    IMAGE.parent.mkdir(exist_ok=True)
    for path, packages in ((IMAGE, found), (BUILD, _compiled(builders()))):
        path.write_text(_NOTE + "".join(f"{block}\n" for block in sorted(packages)))


if __name__ == "__main__":
    main()
