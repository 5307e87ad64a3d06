"""
Tests of L{ark.http.health}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.http.health import READINESS, Answer, Health


class HealthTests(SynchronousTestCase):
    """
    The texts are kube-apiserver's (contract 18.1).
    """

    def setUp(self) -> None:
        """
        A server whose storage can fail.
        """
        self.broken = False
        self.health = Health()
        self.health.add("storage", self.storage)
        self.health.add("shutdown", self.storage, READINESS)

    async def storage(self) -> None:
        """
        A check.
        """
        if self.broken:
            raise RuntimeError("secret reason")

    def ask(self, path: str, query: str = "") -> Answer:
        """
        The answer to a request.
        """
        answer: Answer = self.successResultOf(self.health.respond(path, query))
        return answer

    def test_healthy_is_ok(self) -> None:
        """
        All three endpoints say so in two letters.
        """
        for path in ("/healthz", "/livez", "/readyz", "/readyz/"):
            self.assertEqual(self.ask(path), (200, "ok"))

    def test_verbose_lists_the_checks(self) -> None:
        """
        In the order they were added, and only those of the endpoint.
        """
        self.assertEqual(
            self.ask("/readyz", "verbose"),
            (200, "[+]ping ok\n[+]storage ok\n[+]shutdown ok\nreadyz check passed\n"),
        )
        self.assertEqual(
            self.ask("/livez", "verbose=1").text, "[+]ping ok\n[+]storage ok\nlivez check passed\n"
        )

    def test_failure_lists_the_checks_and_withholds_the_reason(self) -> None:
        """
        With 500, also when not asked to be verbose.
        """
        self.broken = True
        self.assertEqual(
            self.ask("/livez"),
            (500, "[+]ping ok\n[-]storage failed: reason withheld\nlivez check failed\n"),
        )

    def test_excluded_checks_do_not_count(self) -> None:
        """
        Several may be excluded; those that do not exist are told.
        """
        self.broken = True
        answer = self.ask("/readyz", "exclude=storage&exclude=shutdown&exclude=etcd&verbose")
        self.assertEqual(
            answer,
            (
                200,
                "[+]ping ok\n[+]storage excluded: ok\n[+]shutdown excluded: ok\n"
                'warn: some health checks cannot be excluded: no matches for "etcd"\nreadyz check passed\n',
            ),
        )

    def test_single_check(self) -> None:
        """
        By its name below the endpoint; here the reason is told.
        """
        self.assertEqual(self.ask("/readyz/storage"), (200, "ok"))
        self.broken = True
        self.assertEqual(self.ask("/livez/storage"), (500, "internal server error: secret reason\n"))

    def test_unknown_check_is_not_found(self) -> None:
        """
        Also one that another endpoint has.
        """
        for path in ("/readyz/none", "/livez/shutdown"):
            self.assertEqual(self.ask(path), (404, "404 page not found\n"))
