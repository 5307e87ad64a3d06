"""
Which MutatingAdmissionPolicies are to see the object of one request again.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/mutating/reinvocationcontext.go}.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from ark.admission.attributes import Attributes
from ark.admission.policies.patching import MutatingPolicy
from ark.admission.policies.source import Binding, Hook

Object = dict[str, Any]

_MEMORY = object()


class Invocation(NamedTuple):
    """
    A policy with one of its bindings and parameters.

    @ivar version: the version in which the policy sees the write.
    """

    hook: Hook[MutatingPolicy]
    binding: Binding
    param: Object | None
    version: str

    @property
    def key(self) -> tuple[str, ...]:
        """
        What it is remembered by.
        """
        metadata = {} if self.param is None else self.param["metadata"]
        return self.hook.name, self.binding.name, metadata.get("namespace") or "", metadata.get("name") or ""


class Reinvocation:
    """
    Which policies are to see the object of one request again.
    """

    def __init__(self) -> None:
        self._last = b""
        self._before: set[tuple[str, ...]] = set()
        self._again: set[tuple[str, ...]] = set()

    @classmethod
    def of(cls, attributes: Attributes) -> Reinvocation:
        """
        The one of a request.
        """
        memory: Reinvocation = attributes.memory.setdefault(_MEMORY, cls())
        return memory

    def ask_again(self) -> None:
        """
        The object was changed: those that saw it before are to see it again.
        """
        self._again |= self._before
        self._before = set()

    def is_again(self, key: tuple[str, ...]) -> bool:
        """
        Whether a policy is to see the object again.
        """
        return key in self._again

    def saw(self, key: tuple[str, ...]) -> None:
        """
        A policy that may be asked again has seen the object.
        """
        self._before.add(key)

    def differs(self, obj: Object | None) -> bool:
        """
        Whether the object is another than policies left behind.
        """
        return _snapshot(obj) != self._last

    def leave(self, obj: Object | None) -> None:
        """
        Policies are done with the object for now.
        """
        self._last = _snapshot(obj)


def _snapshot(obj: Object | None) -> bytes:
    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)
