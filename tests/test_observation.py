"""
What a running server shows of itself.
"""

from __future__ import annotations

from ark.http.metrics import Metrics
from ark.observation import show_watches
from tests.endpoints.support import WIDGETS, ServerTestCase


class WatchMetricsTests(ServerTestCase):
    """
    Contract 18.3: watches are counted under kube-apiserver's names.
    """

    def test_open_watches_and_sent_events_are_counted(self) -> None:
        """
        A watch counts while it is open, each event that it was sent for good.
        """
        metrics = Metrics()
        show_watches(metrics, self.server.cacher, self.server.application.stores)
        self.create("a")
        watch = self.request("GET", f"{WIDGETS}?watch=1&timeoutSeconds=1")
        self.create("b")
        labels = 'group="probe.example.com",resource="widgets"'
        shown = metrics.render().decode()
        self.assertIn(f'apiserver_watch_events_total{{{labels},version="v1"}} 2.0', shown)
        self.assertIn('scope="namespace",subresource="",verb="WATCH",version="v1"} 1.0', shown)
        self.assertIn(f'ark_watch_sent_bytes_total{{{labels},version="v1"}} {len(watch.body)}.0', shown)
        self.server.advance(2)
        self.assertNotIn('verb="WATCH"', metrics.render().decode())
