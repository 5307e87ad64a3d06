"""
A server in memory whose admission is configured in a cluster in memory.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
from treq.testing import RequestTraversalAgent
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from ark.admission.attributes import Attributes
from ark.admission.foundnamespaces import NAMESPACES, FoundNamespaces
from ark.admission.metrics import AdmissionMetrics
from ark.admission.webhooks.caller import WebhookCaller
from ark.admission.webhooks.configurations import MUTATING, VALIDATING
from ark.admission.webhooks.followed import FollowedWebhooks
from ark.admission.webhooks.hook import Surroundings
from ark.authorization.standalone import StandaloneAuthorizer
from ark.cluster.memory import MemoryCluster
from ark.cluster.webhook import by_name
from ark.interfaces import IAdmissionPlugin
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import GROUP, WIDGETS, WidgetTestCase, registry

REVIEW = "https://hook.example.com"
KINDS = {"mutating": "MutatingWebhookConfiguration", "validating": "ValidatingWebhookConfiguration"}
PATHS = {"mutating": MUTATING, "validating": VALIDATING}

Reply = Callable[[dict[str, Any]], Any]


def allowed(review: dict[str, Any], **members: Any) -> dict[str, Any]:
    """
    An answer that allows what was asked about.
    """
    response = {"uid": review["request"]["uid"], "allowed": True, **members}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


def patching(*operations: Any) -> Reply:
    """
    Replies with a JSON patch.
    """
    text = base64.b64encode(orjson.dumps(list(operations))).decode()
    return lambda review: allowed(review, patch=text, patchType="JSONPatch")


class Hooks(Resource):
    """
    All webhooks of a test, each at a path.

    @ivar replies: what makes the answers; bytes are sent as they are, L{None} is no answer.
    @ivar asked: path and review of all that was asked.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.replies: dict[str, Reply] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.targets: list[bytes] = []
        self.parents: list[bytes | None] = []
        self.code = 200

    def render_POST(self, request: Any) -> Any:
        """
        Answer a review.
        """
        path = request.path.decode().lstrip("/")
        review = orjson.loads(request.content.read())
        self.asked.append((path, review))
        self.targets.append(request.uri)
        self.parents.append(request.getHeader(b"traceparent"))
        answer = self.replies.get(path, allowed)(review)
        request.setResponseCode(self.code)
        request.setHeader(b"content-type", b"application/json")
        if answer is None:
            return NOT_DONE_YET
        return answer if isinstance(answer, bytes) else orjson.dumps(answer)

    def reviews(self, path: str) -> list[dict[str, Any]]:
        """
        What one webhook was asked.
        """
        return [review["request"] for asked, review in self.asked if asked == path]


class FlushingAgent:
    """
    Delivers requests and answers as soon as the clock is looked at.
    """

    def __init__(self, hooks: Resource, clock: Clock) -> None:
        self._agent = RequestTraversalAgent(hooks)
        self._clock = clock

    def request(self, *given: Any, **named: Any) -> Any:
        """
        Make a request.
        """
        made = self._agent.request(*given, **named)
        self._clock.callLater(0, self._agent.flush)
        return made


@implementer(IAdmissionPlugin)
class Witness:
    """
    Remembers what it is told.
    """

    reads_managed_fields = False

    def __init__(self) -> None:
        self.seen: list[Attributes] = []

    def handles(self, operation: str) -> bool:
        """
        All of them.
        """
        return True

    async def admit(self, attributes: Attributes) -> None:
        """
        The other plug-ins are not done yet.
        """

    async def validate(self, attributes: Attributes) -> None:
        """
        Remember it.
        """
        self.seen.append(attributes)


class AdmissionTestCase(WidgetTestCase):
    """
    Has a fresh server and cluster for each test.
    """

    def setUp(self) -> None:
        """
        Start them.
        """
        clock = Clock()
        self.cluster = MemoryCluster(clock)
        self.hooks = Hooks()
        self.caller = WebhookCaller(clock, by_name, FlushingAgent(self.hooks, clock))
        self.metrics = AdmissionMetrics()
        namespaces = self.cluster.informer(NAMESPACES)
        found = FoundNamespaces(self.cluster, namespaces)
        around = Surroundings(found.of, StandaloneAuthorizer())
        webhooks = FollowedWebhooks(self.cluster, self.caller, around, clock, self.metrics)
        self.plugins = (webhooks.mutating, webhooks.validating)
        namespaces.start()
        webhooks.start()
        self.witness = Witness()
        plugins = (*self.plugins, self.witness)
        self.server = InMemoryServer(registry(), clock=clock, admission_plugins=plugins)
        self.namespace("default")

    def namespace(self, name: str, **labels: str) -> None:
        """
        Make a namespace of the cluster.
        """
        named = {"name": name, "labels": labels}
        self.cluster.put(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": named})

    def hook(
        self, sort: str, name: str, reply: Reply | None = None, configuration: str = "", **members: Any
    ) -> None:
        """
        Configure one webhook.
        """
        rule = {
            "operations": ["*"],
            "apiGroups": [GROUP],
            "apiVersions": ["*"],
            "resources": ["*/*"],
            "scope": "*",
        }
        webhook = {
            "name": f"{name}.example.com",
            "clientConfig": {"url": f"{REVIEW}/{name}"},
            "rules": [rule],
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "namespaceSelector": {},
            "objectSelector": {},
            "sideEffects": "None",
            "timeoutSeconds": 10,
            "admissionReviewVersions": ["v1"],
            **members,
        }
        if reply is not None:
            self.hooks.replies[name] = reply
        configured = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": KINDS[sort],
            "metadata": {"name": configuration or name},
            "webhooks": [webhook],
        }
        self.cluster.put(PATHS[sort], configured)

    def create(self, name: str = "w", query: str = "", **spec: Any) -> Answer:
        """
        Create a widget.
        """
        return self.request("POST", f"{WIDGETS}{query}", self.widget(name, **spec))

    def refused(self, answer: Answer, code: int, message: str) -> dict[str, Any]:
        """
        The C{Status} of a failure with this message.
        """
        self.assertEqual(answer.code, code, answer.body)
        status: dict[str, Any] = answer.json()
        self.assertEqual(status["message"], message)
        return status
