"""
The serving certificate of a server behind kube-apiserver, and how kube-apiserver comes to trust it.

Every replica has a certificate of its own, signed by an authority that they share in a Secret;
the APIServices that lead to them name that authority.  Nothing is ever served or trusted without
being verified: C{insecureSkipTLSVerify} is taken away where it stands.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ark.authentication.pki import Authority, BadCertificate, Pair, due, make_authority, make_serving, utc
from ark.authoritysecret import Authorities
from ark.cluster.errors import Unreachable
from ark.interfaces import ICluster
from ark.meta.status import APIStatus

SECONDS = 60.0
"""
How often it is seen to that all agree.
"""

FIRST_SECONDS = 1.0
"""
How soon it is tried again when they do not; twice as long each time, up to L{SECONDS}.
"""

_ATTEMPTS = 10
_MERGE_PATCH = "application/merge-patch+json"
_API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_log = Logger()


class Disagreement(Exception):
    """
    The authority, the certificate and the APIServices do not fit together yet.  The message says why.
    """


class ServingCertificates:
    """
    Sees to it that there is an authority, that the certificate is signed by it and has a third
    of its life left, and that the APIServices of this server name it.

    @ivar agreed: whether all that was so when it was looked at last.
    """

    def __init__(
        self,
        cluster: ICluster,
        secret: str,
        service: str,
        names: Sequence[str],
        api_services: Sequence[str],
        made: Authority,
        reactor: Any,
        now: Callable[[], float],
    ) -> None:
        """
        @param secret: namespace and name, with a slash between, of the Secret with the authority.
        @param service: the same of the Service that leads here; APIServices of others are left alone.
        @param names: what the certificate must be for.
        @param api_services: the names of this server's APIServices, C{v1alpha1.ark.mckinsey.com}.
        @param made: where the certificate is kept.
        @param now: the time of day.
        """
        self._cluster = cluster
        self._secret = secret
        namespace, name = secret.split("/")
        self._secrets = f"/api/v1/namespaces/{namespace}/secrets"
        self._secret_name = name
        self._service = tuple(service.split("/"))
        self._names = list(names)
        self._api_services = list(api_services)
        self._made = made
        self._reactor = reactor
        self._now = now
        self._told = ""
        self.agreed = False

    async def keep(self, changed: Callable[[], None]) -> None:
        """
        L{agree} now and from time to time, until this is cancelled.

        @param changed: called when there is another certificate.
        """
        delay = FIRST_SECONDS
        while True:
            try:
                if await self.agree():
                    changed()
                delay, self._told = SECONDS, ""
            except CancelledError:
                raise
            except (APIStatus, Unreachable, BadCertificate, Disagreement, OSError) as error:
                self._tell_once(str(error))
                delay = min(delay * 2, SECONDS)
            except Exception:
                _log.failure("the serving certificate could not be seen to")
                delay = SECONDS
            await deferLater(self._reactor, delay)

    def _tell_once(self, why: str) -> None:
        if why != self._told:
            self._told = why
            _log.warn("the serving certificate is not agreed on yet: {why}", why=why)

    async def agree(self) -> bool:
        """
        Do what is missing.

        @return: whether there is another certificate than before.
        @raise APIStatus: the cluster refuses something.
        @raise Unreachable: the cluster does not answer.
        @raise BadCertificate: the Secret holds something else than an authority.
        @raise Disagreement: an APIService is not there, or not this server's.
        @raise OSError: the certificate cannot be kept.
        """
        self.agreed = False
        now = utc(self._now())
        authorities = await self._authorities(now)
        changed = self._sign(authorities.current, now)
        await self._tell(b64encode(authorities.bundle).decode())
        self.agreed = True
        return changed

    # The authority

    async def _authorities(self, now: datetime) -> Authorities:
        for _ in range(_ATTEMPTS):
            found = await self._get(f"{self._secrets}/{self._secret_name}")
            try:
                held = Authorities.from_data((found or {}).get("data") or {})
            except BadCertificate as error:
                raise BadCertificate(f"the Secret {self._secret} cannot be used: {error}") from None
            wanted = Authorities(make_authority(now)) if held is None else held.advanced(now)
            if wanted == held or await self._put(found, wanted):
                return wanted
        raise Disagreement(f"the Secret {self._secret} is changed over and over by somebody else")

    async def _put(self, found: dict[str, Any] | None, authorities: Authorities) -> bool:
        """
        Write the Secret, unless another replica was faster.
        """
        data = authorities.to_data()
        try:
            if found is None:
                await self._create({name: value for name, value in data.items() if value is not None})
                _log.info("an authority for serving certificates was put into {secret}", secret=self._secret)
                return True
            version = found["metadata"]["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version}, "data": data}
            path = f"{self._secrets}/{self._secret_name}"
            await self._cluster.request("PATCH", path, patch, content_type=_MERGE_PATCH)
        except APIStatus as error:
            # Gone meanwhile, made meanwhile, changed meanwhile.
            if error.code in (404, 409) and (found is not None or error.code == 409):
                return False
            raise
        _log.info("the authority for serving certificates in {secret} was renewed", secret=self._secret)
        return True

    async def _create(self, data: dict[str, str]) -> None:
        metadata = {"name": self._secret_name}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
        await self._cluster.request("POST", self._secrets, secret)

    async def _get(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._cluster.request("GET", path)
        except APIStatus as error:
            if error.code == 404:
                return None
            raise

    # The certificate

    def _sign(self, authority: Pair, now: datetime) -> bool:
        held = self._made.held_serving(self._names, now)
        if held is not None and not due(held.certificate, now) and held.is_issued_by(authority):
            return False
        self._made.put_serving(make_serving(authority, self._names, now))
        _log.info("a serving certificate was signed for {name}", name=self._names[0])
        return True

    # The APIServices

    async def _tell(self, bundle: str) -> None:
        missing = []
        for name in self._api_services:
            for _ in range(_ATTEMPTS):
                found = await self._get(f"{_API_SERVICES}/{name}")
                if found is None or not self._is_ours(found):
                    missing.append(name)
                    break
                if _says(found, bundle) or await self._patch(found, bundle):
                    break
            else:
                raise Disagreement(f"the APIService {name} is changed over and over by somebody else")
        if missing:
            place = "/".join(self._service)
            raise Disagreement(f"there is no APIService {' and none '.join(missing)} that leads to {place}")

    def _is_ours(self, api_service: dict[str, Any]) -> bool:
        service = api_service["spec"].get("service") or {}
        return (service.get("namespace"), service.get("name")) == self._service

    async def _patch(self, api_service: dict[str, Any], bundle: str) -> bool:
        metadata = api_service["metadata"]
        patch = {
            "metadata": {"resourceVersion": metadata["resourceVersion"]},
            "spec": {"caBundle": bundle, "insecureSkipTLSVerify": None},
        }
        path = f"{_API_SERVICES}/{metadata['name']}"
        try:
            await self._cluster.request("PATCH", path, patch, content_type=_MERGE_PATCH)
        except APIStatus as error:
            if error.code in (404, 409):
                return False
            raise
        _log.info("the APIService {name} was told whom to trust", name=metadata["name"])
        return True


def _says(api_service: dict[str, Any], bundle: str) -> bool:
    spec = api_service["spec"]
    return spec.get("caBundle") == bundle and not spec.get("insecureSkipTLSVerify")
