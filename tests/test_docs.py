"""
What can be configured, counted or implemented is documented, and the pages hang together.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.arguments import make_parser, resolve
from ark.http.metrics import Metrics
from ark.options import OPTIONS
from tests import reference

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
FRAGMENTS = DOCS / "newsfragments"
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
_KINDS = ("feature", "bugfix", "perf", "doc", "removal", "misc")


def pages() -> list[Path]:
    """
    The README and every page of the documentation.
    """
    found = [page for page in sorted(DOCS.rglob("*.md")) if FRAGMENTS not in page.parents]
    return [REPOSITORY / "README.md", *found]


def links(page: Path) -> set[Path]:
    """
    The files of the repository that a page links to.
    """
    targets = _LINK.findall(page.read_text())
    return {
        (page.parent / unquote(target)).resolve()
        for target in targets
        if "://" not in target and not target.startswith("mailto:")
    }


class ReferenceTests(SynchronousTestCase):
    """
    The reference says all that there is.
    """

    def test_made_pages_are_up_to_date(self) -> None:
        """
        What C{make docs} would write is what is there.
        """
        for name, page in reference.PAGES.items():
            path = reference.REFERENCE / name
            self.assertTrue(path.exists(), f"{path} is missing: run make docs")
            self.assertEqual(path.read_text(), page(), f"{path} is old: run make docs")

    def test_every_option_is_documented(self) -> None:
        """
        By its flag and its variable.
        """
        text = (reference.REFERENCE / "options.md").read_text()
        for option in OPTIONS:
            self.assertIn(f"`{option.environment}`", text)

    def test_every_option_stands_in_an_example_that_is_understood(self) -> None:
        """
        With another value than its default.
        """
        folder = Path(self.mktemp())
        (folder / "definitions").mkdir(parents=True)
        shown = set()
        for example in reference.EXAMPLES.glob("*.yaml"):
            path = folder / example.name
            path.write_text(example.read_text().replace("/etc/ark/", f"{folder.resolve()}/"))
            given = resolve(make_parser("", "", {}), [f"--config={path}"], {}).given
            options = {option.name: option for option in OPTIONS}
            shown.update(name for name, each in given.items() if each.value != options[name].default)
        self.assertEqual({option.name for option in OPTIONS} - shown, set())

    def test_every_metric_is_documented(self) -> None:
        """
        Also those that a running server adds.
        """
        text = (reference.REFERENCE / "metrics.md").read_text()
        names = {family.name for family in text_string_to_metric_families(Metrics().render().decode())}
        for source in (REPOSITORY / "ark").rglob("*.py"):
            names.update(re.findall(r'add_gauge\(\s*"([a-z_]+)"', source.read_text()))
        for name in names:
            known = any(f"`{name}{suffix}`" in text for suffix in ("", "_total"))
            self.assertTrue(known, f"docs/reference/metrics.md does not name {name}")


class PageTests(SynchronousTestCase):
    """
    The pages hang together.
    """

    def test_the_picture_shows_as_many_kinds_as_there_are(self) -> None:
        """
        Of what it shows, that changes first.
        """
        kinds = len(KindRegistry.load([]).kinds())
        self.assertIn(f"({kinds}\N{NO-BREAK SPACE}kinds", (DOCS / "images" / "terminal.svg").read_text())

    def test_every_link_leads_somewhere(self) -> None:
        """
        To a file of the repository.
        """
        for page in pages():
            for target in links(page):
                self.assertTrue(target.exists(), f"{page.relative_to(REPOSITORY)} links to {target}")

    def test_every_page_is_linked(self) -> None:
        """
        From the README, or from a page that is linked itself.
        """
        seen: set[Path] = set()
        waiting = [REPOSITORY / "README.md"]
        while waiting:
            page = waiting.pop()
            if page in seen or page.suffix != ".md" or not page.exists():
                continue
            seen.add(page)
            waiting.extend(links(page))
        for page in pages():
            self.assertIn(page.resolve(), seen, f"nothing leads to {page.relative_to(REPOSITORY)}")

    def test_news_fragments_are_of_a_known_kind(self) -> None:
        """
        Else they would not come into the news.
        """
        for path in FRAGMENTS.glob("*.md"):
            kind = path.name.split(".")[-2]
            self.assertIn(kind, _KINDS, path.name)
            self.assertTrue(path.read_text().strip(), path.name)
