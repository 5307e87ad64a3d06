"""
Sends events to somebody else: an C{EventList} by POST, as kube-apiserver's webhook backend does.

It blocks, in the thread of its log.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from ark.audit.policy import API_VERSION
from ark.cluster.access import Access, Source, read_token
from ark.cluster.errors import InvalidAccess

ATTEMPTS = 5
FIRST_DELAY = 10.0
GROWTH = 1.5
SECONDS = 10.0

_HEAD = b'{"kind":"EventList","apiVersion":"%b","metadata":{},"items":[' % API_VERSION.encode()
# In a list an event need not say what it is.
_TYPE = b'{"kind":"Event","apiVersion":"%b",' % API_VERSION.encode()


class Webhook:
    """
    Where a kubeconfig file leads to; the path of its server is that of the webhook.

    @raise InvalidAccess: it asks for something that is for clusters only.
    """

    def __init__(self, access: Access, first_delay: float = FIRST_DELAY) -> None:
        if access.plugin is not None or access.password is not None or access.impersonation:
            raise InvalidAccess("only certificates and tokens can be shown to a webhook")
        self._access = access
        self._delay = first_delay
        self._leaving = threading.Event()
        self._failed = False
        parts = urlsplit(access.server)
        self._address = parts.hostname or "", parts.port or 443
        self._path = parts.path or "/"
        self._context = _context(access)

    def write(self, data: bytes) -> None:
        """
        Send lines in one list; tries again for a while when that fails, whatever the reason is.

        @raise OSError: they could not be sent.
        """
        if self._failed and self._leaving.is_set():
            raise OSError("the webhook fails, and we leave")
        items = [line.replace(_TYPE, b"{", 1) for line in data.splitlines()]
        body = _HEAD + b",".join(items) + b"]}"
        delay = self._delay
        for left in reversed(range(ATTEMPTS)):
            try:
                code = self._post(body)
            except (OSError, http.client.HTTPException) as error:
                reason: Exception = error
            else:
                if 200 <= code < 300:
                    self._failed = False
                    return
                reason = OSError(f"the webhook answered {code}")
            self._failed = True
            if not left or self._leaving.wait(delay):
                raise OSError(str(reason)) from reason
            delay *= GROWTH

    def leave(self) -> None:
        """
        Wait for no further attempt.
        """
        self._leaving.set()

    def close(self) -> None:
        """
        No connection stays open.
        """

    def _post(self, body: bytes) -> int:
        connection = http.client.HTTPSConnection(*self._address, timeout=SECONDS, context=self._context)
        try:
            connection.request("POST", self._path, body, self._headers())
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "ark-apiserver"}
        access = self._access
        token = read_token(access.token_file) if access.token_file else access.token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers


def _context(access: Access) -> ssl.SSLContext:
    """
    Whom to trust, and what to show.

    @raise InvalidAccess: a certificate cannot be used.
    """
    if access.server_name:
        raise InvalidAccess("tls-server-name cannot be had of a webhook")
    try:
        authorities = access.authorities
        context = ssl.create_default_context(
            cadata=None if authorities is None else authorities.read().decode("ascii")
        )
        # The same with every Python, as kube-apiserver has it: what is trusted need not lead to a root, and older
        # authorities name neither their own keys nor those that signed them.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if access.certificate is not None and access.key is not None:
            _show(context, access.certificate, access.key)
    except (OSError, ValueError) as error:
        raise InvalidAccess(f"a certificate cannot be used: {error}") from None
    return context


def _show(context: ssl.SSLContext, certificate: Source, key: Source) -> None:
    # It takes files only.
    with TemporaryDirectory() as folder:
        path = Path(folder) / "client.pem"
        path.touch(0o600)
        path.write_bytes(certificate.read() + b"\n" + key.read() + b"\n")
        context.load_cert_chain(path)
