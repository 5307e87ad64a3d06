"""
The rules of the built-in core kinds that no schema can say.

Follows the strategies of C{k8s.io/kubernetes/pkg/registry/core}.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from ark.apis.kind import Kind
from ark.meta.fielderrors import forbidden, invalid, not_supported
from ark.meta.names import qualified_name
from ark.meta.status import Cause
from ark.registry.codec import Object, same_json, with_own_metadata
from ark.registry.coredata import config_map_causes, finalizer_causes, secret_causes
from ark.registry.definitions import strategy as definitions
from ark.registry.events import EventStrategy
from ark.registry.services import ServiceStrategy
from ark.registry.strategy import Strategy, keep

NAMESPACE_FINALIZER = "kubernetes"
_OLDEST = "OldestEmulationVersion"
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
        C{pkg/apis/core/v1/defaults.go}); no finalizers are nothing.
        """
        self._label(obj)
        spec = obj.get("spec")
        if spec and not spec.get("finalizers", True):
            obj["spec"] = {name: value for name, value in spec.items() if name != "finalizers"}

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

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        Finalizers of its metadata are qualified.
        """
        return finalizer_causes(obj, old)

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
        What its type wants is there; what is immutable stays.
        """
        causes = finalizer_causes(obj, old)
        if old is not None and obj.get("type") != old.get("type"):
            causes.append(invalid("type", obj.get("type") or "", "field is immutable"))
        return [*causes, *_immutable(obj, old, ("data",)), *secret_causes(obj)]


class ConfigMapStrategy(Strategy):
    """
    Frozen data does not change; a key is in C{data} or in C{binaryData}.
    """

    blank = {"metadata": {}}

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        No key twice; what is immutable stays.
        """
        causes = finalizer_causes(obj, old)
        return [*causes, *_immutable(obj, old, ("data", "binaryData")), *config_map_causes(obj)]


class ServiceAccountStrategy(Strategy):
    """
    An account whose tokens are made elsewhere.
    """

    returns_deleted = True
    blank = {"metadata": {}}

    def prepare_for_create(self, obj: Object) -> None:
        """
        Secrets are known by their names alone (C{cleanSecretReferences} in
        C{pkg/registry/core/serviceaccount/strategy.go}).
        """
        super().prepare_for_create(obj)
        _keep_names(obj)

    def prepare_for_update(self, new: Object, old: Object) -> None:
        """
        Likewise.
        """
        super().prepare_for_update(new, old)
        _keep_names(new)

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        Finalizers are qualified.
        """
        return finalizer_causes(obj, old)


def _keep_names(account: Object) -> None:
    if account.get("secrets"):
        account["secrets"] = [{"name": one["name"]} if one.get("name") else {} for one in account["secrets"]]


class LeaseStrategy(Strategy):
    """
    A lease, of which only the spec is anything.
    """

    blank = {"metadata": {}, "spec": {}}

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        Times and counts are none below zero (C{ValidateLeaseSpec} in
        C{pkg/apis/coordination/validation/validation.go}).
        """
        spec = obj.get("spec") or {}
        duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
        causes: list[Cause] = []
        if duration is not None and duration <= 0:
            causes.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
        if transitions is not None and transitions < 0:
            causes.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
        strategy = spec.get("strategy")
        if strategy is not None:
            causes += _lease_strategy_causes(strategy)
        if spec.get("preferredHolder") and not strategy:
            detail = "may only be specified if `strategy` is defined"
            causes.append(forbidden("spec.preferredHolder", detail))
        return causes


def _lease_strategy_causes(strategy: str) -> list[Cause]:
    where = "spec.strategy.strategy"
    if "/" in strategy:
        return [invalid(where, strategy, problem) for problem in qualified_name(strategy)]
    return [] if strategy == _OLDEST else [not_supported(where, strategy, (_OLDEST,))]


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
