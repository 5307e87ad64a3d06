"""
What calls of libraries' functions can cost.

Follows cel-go's C{ext}, and
C{k8s.io/apiserver/pkg/cel/library/cost.go}.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from ark.cel.costs import ACCESSORS, LIST, REGEX, TRAVERSAL
from ark.cel.ranges import (
    CHECK,
    MOST,
    ONE,
    UNKNOWN,
    CostRange,
    Estimate,
    Operand,
    Size,
    Sizer,
    capped,
    selector_cost,
)
from ark.cel.syntax import Literal
from ark.cel.types import SORTABLE, Type

_ASKED = frozenset(
    f"kubernetes.authorization.{name}"
    for name in ("Authorizer", "PathCheck", "GroupCheck", "ResourceCheck", "Decision")
)


def library_cost(
    size_of: Sizer, function: str, overload: str, target: Operand | None, args: list[Operand]
) -> Estimate | None:
    """
    What a call of a library's function costs beside its arguments, and how large its result
    is; L{None} for functions that CEL itself has.
    """
    call = _Call(size_of, overload, target, args)
    if overload in _BY_OVERLOAD:
        return _BY_OVERLOAD[overload](call)
    if function in ACCESSORS or overload == "cidr_ip":
        return ONE, None
    found = _BY_FUNCTION.get(function)
    return None if found is None else found(call)


class _Call:
    """
    A call whose cost is wanted.
    """

    __slots__ = ("args", "overload", "size_of", "target")

    def __init__(self, size_of: Sizer, overload: str, target: Operand | None, args: list[Operand]) -> None:
        self.size_of = size_of
        self.overload = overload
        self.target = target
        self.args = args

    def size(self, operand: Operand) -> Size:
        """
        How large an operand is.
        """
        return operand.size or self.size_of(operand.path) or UNKNOWN

    def item(self, operand: Operand) -> tuple[Type, Size] | None:
        """
        The type and size of the items of a list.
        """
        if operand.type is None or not operand.type.params:
            return None
        path = (*operand.path, "@items") if operand.path else ()
        return operand.type.params[0], self.size_of(path) or UNKNOWN


def _scan(call: _Call) -> Estimate | None:
    if call.target is None:
        return None
    item = call.item(call.target)
    size = call.size(call.target)
    if item is None:
        return size.by(TRAVERSAL), None
    each = ONE
    if item[0].kind in ("string", "bytes"):
        each = each.plus(item[1].by(TRAVERSAL))
    return size.times_cost(each), None


def _read(call: _Call, factor: float = TRAVERSAL) -> Estimate | None:
    return (call.size(call.args[0]).by(factor), None) if call.args else None


def _url(call: _Call) -> Estimate | None:
    size = call.size(call.args[0])
    return size.by(TRAVERSAL), size


def _changed(call: _Call) -> Estimate | None:
    if call.target is None:
        return None
    size = call.size(call.target)
    return size.by(TRAVERSAL), size


def _replaced(call: _Call) -> Estimate | None:
    if call.target is None or len(call.args) < 2:
        return None
    size, old, new = call.size(call.target), call.size(call.args[0]), call.size(call.args[1])
    most, kept_most = 0, 0
    if old.least == 0:
        most, kept_most = capped(size.most + 1), size.most
    elif new.most <= old.least:
        kept_most = size.most
    else:
        most = ceil(float(size.most) / float(old.least))
    least, kept_least = 0, 0
    if old.most == 0:
        least, kept_least = capped(size.least + 1), size.least
    elif old.most <= new.least:
        kept_least = size.least
    else:
        least = ceil(float(size.least) / float(old.most))
    result = Size(least, most).times(new).plus(Size(kept_least, kept_most))
    return size.by(2 * TRAVERSAL), result


def _split(call: _Call) -> Estimate | None:
    if call.target is None:
        return None
    size = call.size(call.target)
    most = size.most
    if len(call.args) > 1:
        given = call.args[1].node
        if isinstance(given, Literal) and type(given.value) is int:
            most = given.value % 2**64
    return size.by(2 * TRAVERSAL), Size(0, most)


def _joined(call: _Call) -> Estimate | None:
    if call.target is None:
        return None
    count, item = call.size(call.target), call.item(call.target)
    size = count.times(item[1]) if item is not None else Size(0, 0)
    if call.args:
        between = Size(max(count.least - 1, 0), max(count.most - 1, 0))
        size = size.plus(call.size(call.args[0]).times(between))
    return size.by(TRAVERSAL), size


def _searched(call: _Call) -> Estimate | None:
    if call.target is None or not call.args:
        return None
    size = call.size(call.target)
    text = size.plus(Size(1, 1)).by(TRAVERSAL)
    return text.multiplied(call.size(call.args[0]).by(REGEX)), Size(0, size.most)


def _contains(call: _Call, block: bool) -> Estimate | None:
    size = Size(4, 16)
    cost = size.plus(size).by(TRAVERSAL)
    if block:
        cost = cost.plus(size.by(TRAVERSAL)).plus(ONE)
    if call.overload.endswith("_string"):
        cost = cost.plus(call.size(call.args[0]).by(TRAVERSAL))
    return cost, None


def _validated(call: _Call) -> Estimate | None:
    return call.size(call.args[0]).by(TRAVERSAL).by(128 * REGEX), None


def _selected(call: _Call) -> Estimate | None:
    return (selector_cost(call.size(call.args[0])), None) if len(call.args) == 1 else None


def _equal(call: _Call) -> Estimate | None:
    left, right = (arg.type for arg in call.args)
    if left is None or left != right:
        return None
    if left.kind == "opaque" and left.name in ("net.IP", "net.CIDR"):
        return ONE, None
    if left.kind == "struct":
        if left.name in ("kubernetes.Quantity", "kubernetes.Semver") or left.name in _ASKED:
            return ONE, None
        if left.name == "kubernetes.NamedFormat":
            return CostRange(1, 64).by(TRAVERSAL), None
        if left.name == "kubernetes.URL":
            size = call.args[1].size
            return CostRange(1, size.most if size is not None else 1).by(TRAVERSAL), None
    return None


def _integer(operand: Operand, default: int) -> int:
    node = operand.node
    if not isinstance(node, Literal) or type(node.value) is not int:
        return default
    return max(node.value, 0)


def _list_call(factor: float, size: Size) -> Estimate:
    return size.by(factor).plus(ONE).plus(CostRange(LIST, LIST)), size


def _sliced(call: _Call) -> Estimate | None:
    if call.target is None or len(call.args) != 2:
        return None
    start, end = _integer(call.args[0], 0), _integer(call.args[1], call.size(call.target).most)
    count = (end - start) % 2**64
    return _list_call(1, Size(count, count))


def _ranged(call: _Call) -> Estimate | None:
    count = _integer(call.args[0], MOST)
    return _list_call(1, Size(count, count))


def _reversed(call: _Call) -> Estimate | None:
    return None if call.target is None else _list_call(1, call.size(call.target))


def _flattened(call: _Call) -> Estimate | None:
    if call.target is None:
        return None
    depth = _integer(call.args[0], MOST) if call.args else 1
    return _list_call(float(depth), call.size(call.target))


def _distinct(call: _Call) -> Estimate | None:
    if call.target is None:
        return None
    size = call.size(call.target)
    return _list_call(2.0, size.times(size))


def _sorted(name: str, by: bool) -> Callable[[_Call], Estimate | None]:
    factor = 2.0 + (TRAVERSAL if name in ("string", "bytes") else 0)

    def cost(call: _Call) -> Estimate | None:
        if call.target is None:
            return None
        size = call.size(call.args[0] if by else call.target)
        return _list_call(factor, size.times(size))

    return cost


def _sets(factor: float) -> Callable[[_Call], Estimate | None]:
    def cost(call: _Call) -> Estimate | None:
        sizes = [call.size(arg) for arg in call.args]
        return sizes[0].times(sizes[1]).by(factor).plus(ONE), None

    return cost


_BY_FUNCTION: dict[str, Callable[[_Call], Estimate | None]] = {
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _scan),
    **dict.fromkeys(["cidr", "isIP", "isCIDR", "ip", "quantity", "isQuantity", "semver", "isSemver"], _read),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim"), _changed),
    "url": _url,
    "replace": _replaced,
    "split": _split,
    "join": _joined,
    "find": _searched,
    "findAll": _searched,
    "ip.isCanonical": lambda call: _read(call, 2 * TRAVERSAL),
    "containsIP": lambda call: _contains(call, False),
    "containsCIDR": lambda call: _contains(call, True),
    "validate": _validated,
    "_==_": _equal,
    "check": lambda call: (CostRange(CHECK, CHECK), None),
    "jsonpatch.escapeKey": _read,
    **dict.fromkeys(("fieldSelector", "labelSelector"), _selected),
}
_BY_OVERLOAD: dict[str, Callable[[_Call], Estimate | None]] = {
    "list_slice": _sliced,
    "lists_range": _ranged,
    "list_reverse": _reversed,
    "list_flatten": _flattened,
    "list_flatten_int": _flattened,
    "list_distinct": _distinct,
    **{f"list_{each.name}_sort": _sorted(each.name, False) for each in SORTABLE},
    **{f"list_{each.name}_sortByAssociatedKeys": _sorted(each.name, True) for each in SORTABLE},
    "list_sets_contains_list": _sets(1),
    "list_sets_intersects_list": _sets(1),
    "list_sets_equivalent_list": _sets(2),
}
