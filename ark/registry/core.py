"""
The rules of the built-in core kinds that no schema can say.

Follows the strategies of C{k8s.io/kubernetes/pkg/registry/core}.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from ark.apis.kind import Kind
from ark.meta.fielderrors import required
from ark.meta.status import Cause
from ark.registry.codec import Object, same_json, with_own_metadata
from ark.registry.definitions import strategy as definitions
from ark.registry.events import EventStrategy
from ark.registry.strategy import Strategy, keep

NAMESPACE_FINALIZER = "kubernetes"
_NAME_LABEL = "kubernetes.io/metadata.name"


class NamespaceStrategy(Strategy):
    """
    A namespace is held back by C{spec.finalizers} and has a phase.
    """

    returns_deleted = True
    checks_preconditions_itself = True
    blank = {"metadata": {}, "spec": {}, "status": {}}

    def default(self, obj: Object) -> None:
        """
        Every namespace has a label with its name (C{SetDefaults_Namespace} in
        C{pkg/apis/core/v1/defaults.go}).
        """
        self._label(obj)

    def prepare_for_create(self, obj: Object) -> None:
        """
        Make it active, with the finalizer and label that every namespace has.
        """
        super().prepare_for_create(obj)
        obj["status"] = {"phase": "Active"}
        spec = obj["spec"] = dict(obj.get("spec") or {})
        finalizers = list(spec.get("finalizers") or ())
        if NAMESPACE_FINALIZER not in finalizers:
            finalizers.append(NAMESPACE_FINALIZER)
        spec["finalizers"] = finalizers
        self._label(obj)

    def _label(self, obj: Object) -> None:
        metadata = obj["metadata"]
        if metadata.get("name"):
            metadata["labels"] = {**(metadata.get("labels") or {}), _NAME_LABEL: metadata["name"]}

    def prepare_for_update(self, new: Object, old: Object) -> None:
        """
        Only C{/finalize} changes C{spec.finalizers}, only C{/status} the phase.
        """
        super().prepare_for_update(new, old)
        keep(new, old, "spec")
        keep(new, old, "status")
        self._label(new)

    def prepare_for_finalize(self, new: Object, old: Object) -> Object:
        """
        The object that a write to C{/finalize} makes: only C{spec.finalizers} is taken.
        """
        result = with_own_metadata(old)
        finalizers = (new.get("spec") or {}).get("finalizers") or []
        result["spec"] = {**(old.get("spec") or {}), "finalizers": finalizers}
        if not finalizers:
            del result["spec"]["finalizers"]
        return result

    def mark_deleted(self, obj: Object, finalizers: list[str], now: float) -> bool:
        """
        A namespace on its way out is terminating.  It is marked once, and without a grace
        period, until its own finalizers are gone (C{REST.Delete} in
        C{pkg/registry/core/namespace/storage/storage.go}).
        """
        if not self.holds_back(obj):
            return super().mark_deleted(obj, finalizers, now)
        if obj["metadata"].get("deletionTimestamp"):
            return False
        super().mark_deleted(obj, finalizers, now)
        del obj["metadata"]["deletionGracePeriodSeconds"]
        obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
        return True

    def holds_back(self, obj: Object) -> bool:
        """
        Until its content is gone.
        """
        return bool((obj.get("spec") or {}).get("finalizers"))


def _immutable(new: Object, old: Object | None, members: tuple[str, ...]) -> list[Cause]:
    if old is None or not old.get("immutable"):
        return []
    message = "Forbidden: field is immutable when `immutable` is set"
    causes = [
        Cause("FieldValueForbidden", message, member)
        for member in members
        if not same_json(new.get(member), old.get(member))
    ]
    if not new.get("immutable"):
        causes.insert(0, Cause("FieldValueForbidden", message, "immutable"))
    return causes


class SecretStrategy(Strategy):
    """
    C{stringData} is written into C{data}; C{type} and frozen data do not change.
    """

    blank = {"metadata": {}}

    def default(self, obj: Object) -> None:
        """
        Merge C{stringData}, default C{type}.
        """
        plain = obj.pop("stringData", None)
        if plain:
            encoded = {name: base64.b64encode(text.encode()).decode() for name, text in plain.items()}
            obj["data"] = {**(obj.get("data") or {}), **encoded}
        obj.setdefault("type", "Opaque")

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        Data is base64; what is immutable stays.
        """
        causes = []
        for name, text in (obj.get("data") or {}).items():
            try:
                base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                message = "Invalid value: must be base64 encoded"
                causes.append(Cause("FieldValueInvalid", message, f"data[{name}]"))
        if old is not None and obj.get("type") != old.get("type"):
            message = f'Invalid value: "{obj.get("type")}": field is immutable'
            causes.append(Cause("FieldValueInvalid", message, "type"))
        return causes + _immutable(obj, old, ("data",))


class ConfigMapStrategy(Strategy):
    """
    Frozen data does not change; a key is in C{data} or in C{binaryData}.
    """

    blank = {"metadata": {}}

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        No key twice; what is immutable stays.
        """
        binary = obj.get("binaryData") or {}
        causes = [
            Cause("FieldValueInvalid", f'Invalid value: "{name}": duplicate of key in binaryData', "data")
            for name in obj.get("data") or {}
            if name in binary
        ]
        return causes + _immutable(obj, old, ("data", "binaryData"))


class ServiceStrategy(Strategy):
    """
    A service that no network backs: it keeps addresses that it was given and gets none.
    """

    returns_deleted = True
    blank = {"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}

    def default(self, obj: Object) -> None:
        """
        A port leads to the same number where nothing else is said (C{SetDefaults_Service} in
        C{pkg/apis/core/v1/defaults.go}).
        """
        for port in (obj.get("spec") or {}).get("ports") or ():
            if not port.get("targetPort"):
                port["targetPort"] = port["port"]

    def prepare_for_create(self, obj: Object) -> None:
        """
        Status starts empty.
        """
        super().prepare_for_create(obj)
        obj["status"] = {"loadBalancer": {}}

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        It has ports, or the name that it stands for (C{ValidateService} in
        C{pkg/apis/core/validation/validation.go}).
        """
        spec = obj.get("spec") or {}
        if spec.get("type") == "ExternalName":
            return [] if spec.get("externalName") else [required("spec.externalName")]
        if not spec.get("ports") and spec.get("clusterIP") != "None":
            return [required("spec.ports")]
        return []


class ServiceAccountStrategy(Strategy):
    """
    An account whose tokens are made elsewhere.
    """

    returns_deleted = True
    blank = {"metadata": {}}


class LeaseStrategy(Strategy):
    """
    A lease, of which only the spec is anything.
    """

    blank = {"metadata": {}, "spec": {}}


_STRATEGIES: dict[str, Callable[[Kind], Strategy]] = {
    "namespaces": NamespaceStrategy,
    "secrets": SecretStrategy,
    "configmaps": ConfigMapStrategy,
    "services": ServiceStrategy,
    "events": EventStrategy,
    "serviceaccounts": ServiceAccountStrategy,
    "leases.coordination.k8s.io": LeaseStrategy,
    definitions.RESOURCE: definitions.DefinitionStrategy,
}


def strategy_for(kind: Kind) -> Strategy:
    """
    The strategy of a kind: its own if it is a core kind that has one.
    """
    return _STRATEGIES.get(kind.resource, Strategy)(kind)
