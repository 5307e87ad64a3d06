"""
A plain HTTP/1.1 client for tests: it sends exactly what it is told and hands back exactly what came.

Requests that are wrong on purpose must reach the server, so nothing is checked, followed or decoded here.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_TIMEOUT = 75.0
_CHUNK = 65536


class Answer(NamedTuple):
    """
    One response as it came over the wire; header names are lower-case, repeated ones stay apart.
    """

    code: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """
        The values of one header, joined as RFC 9110 section 5.3 joins them.
        """
        return ", ".join(value for key, value in self.headers if key == name)

    def json(self) -> Any:
        """
        The decoded body.
        """
        return json.loads(self.body)


class Endpoint(NamedTuple):
    """
    Where a server is and who we are to it.
    """

    url: str
    authority: Path
    certificate: Path
    key: Path
    kubeconfig: Path

    def connect(self, timeout: float = _TIMEOUT) -> Client:
        """
        A client of its own connection.

        @param timeout: how many seconds it waits for whatever comes next.
        """
        return Client(self, timeout)

    def context(self) -> ssl.SSLContext:
        """
        What a connection is encrypted with, and who we are on it.
        """
        context = ssl.create_default_context(cafile=str(self.authority))
        # As Python 3.13 and later have it by themselves: no certificate may lack what they ask for.
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        if self.certificate.name:
            context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def anonymous(self) -> Endpoint:
        """
        The same without a certificate to show.
        """
        return self._replace(certificate=Path(), key=Path())


class Client:
    """
    One persistent connection; opened when first needed and again when the server closed it.
    """

    def __init__(self, endpoint: Endpoint, timeout: float = _TIMEOUT) -> None:
        parts = urlsplit(endpoint.url)
        self._context = endpoint.context()
        self._address = (parts.hostname or "127.0.0.1", parts.port or 443)
        self._timeout = timeout
        self._connection: http.client.HTTPSConnection | None = None

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        retry: bool = True,
    ) -> Answer:
        """
        Send one request and read its whole answer.

        @param retry: send it once more when the connection turns out to be dead.
        """
        try:
            return self._once(method, target, headers or {}, body)
        except (http.client.HTTPException, ConnectionError):
            if not retry:
                raise
            # An idle connection that the server has closed is found out only by using it.
            self.close()
            return self._once(method, target, headers or {}, body)

    def stream(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, most: int = _CHUNK
    ) -> Iterator[Answer | bytes]:
        """
        Send one request; the answer's head comes first (an error with its body), then each line as it arrives.

        @param most: how many bytes are read at once.
        """
        connection = self._open()
        connection.request(method, target, headers=dict(headers or {}))
        response = connection.getresponse()
        head = _head(response)
        if response.status != 200:
            yield head._replace(body=response.read())
            return
        yield head
        rest = b""
        while data := response.read1(most):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line + b"\n"
        if rest:
            yield rest

    def get(self, target: str) -> Any:
        """
        The decoded answer to a GET, or an C{OSError} when it is not a 200.
        """
        answer = self.request("GET", target)
        if answer.code != 200:
            raise ConnectionError(f"GET {target}: {answer.code} {answer.body[:200]!r}")
        return answer.json()

    def close(self) -> None:
        """
        Drop the connection.
        """
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> http.client.HTTPSConnection:
        if self._connection is None:
            host, port = self._address
            self._connection = http.client.HTTPSConnection(
                host, port, context=self._context, timeout=self._timeout
            )
        return self._connection

    def _once(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        connection = self._open()
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answer = _head(response)._replace(body=response.read())
        if response.will_close:
            self.close()
        return answer


def kubectl(
    program: Path, endpoint: Endpoint, *arguments: str, home: Path, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """
    Run kubectl against a server with a home of its own, so that caches and settings of others stay out.
    """
    environment = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "KUBECONFIG": str(endpoint.kubeconfig),
        "PATH": "/usr/bin:/bin",
    }
    return subprocess.run(
        [str(program), *arguments],
        env=environment,
        cwd=home,
        input=text,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )


def _head(response: http.client.HTTPResponse) -> Answer:
    headers = [(name.lower(), value) for name, value in response.getheaders()]
    return Answer(response.status, headers, b"")
