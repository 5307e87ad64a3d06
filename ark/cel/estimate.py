"""
What an expression can cost before it has run.

Follows cel-go's C{checker/cost.go}; what single calls cost is in
L{ark.cel.estimatedcalls} and L{ark.cel.estimatedoperators}.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ark.cel.costs import LIST, MAP, STRUCT
from ark.cel.estimatedcalls import library_cost
from ark.cel.estimatedoperators import standard_cost
from ark.cel.macros import ACCUMULATOR
from ark.cel.ranges import ONE, UNKNOWN, ZERO, CostRange, Operand, Size, unite
from ark.cel.schemas import Declaration
from ark.cel.syntax import (
    Call,
    Fold,
    Ident,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Node,
    Select,
    name_of,
)

Path = tuple[str, ...]

_SCALARS = ("bool", "double", "duration", "int", "timestamp", "uint")

__all__ = ["CostRange", "estimate"]


class EntrySize(NamedTuple):
    """
    How large the keys and values of a list or map are.
    """

    kind: str
    key: Size
    value: Size


class _Local(NamedTuple):
    """
    A variable of a macro.
    """

    path: Path
    size: Size | None
    entry: EntrySize | None


def estimate(tree: Node, root: Declaration | None) -> CostRange:
    """
    The least and the most that a checked tree can cost.
    """
    return _Estimator(root).cost(tree)


class _Estimator:
    """
    One walk over a tree.
    """

    def __init__(self, root: Declaration | None) -> None:
        self._root = root
        self._paths: dict[int, Path] = {}
        self._locals: dict[str, list[_Local]] = {}
        self._sizes: dict[int, Size] = {}
        self._entries: dict[int, EntrySize] = {}

    def cost(self, node: Node) -> CostRange:
        """
        What a node costs.
        """
        if isinstance(node, Literal):
            return ZERO
        if isinstance(node, Select) and node.reference is None:
            return self._select(node)
        if isinstance(node, (Ident, Select)):
            return self._ident(node, name_of(node))
        if isinstance(node, Call):
            return self._dyn(node) if node.function == "dyn" else self._call(node)
        if isinstance(node, MakeList):
            return self._list(node)
        if isinstance(node, MakeMap):
            return self._map(node)
        if isinstance(node, Fold):
            return self._bind(node) if self._is_bind(node) else self._fold(node)
        assert isinstance(node, MakeStruct)
        return sum((self.cost(value) for _, _, value, _ in node.fields), CostRange(STRUCT, STRUCT))

    def _local(self, name: str) -> _Local | None:
        found = self._locals.get(name)
        return found[-1] if found else None

    def _ident(self, node: Node, name: str) -> CostRange:
        local = self._local(name)
        self._paths[id(node)] = (name,) if local is None else local.path
        return ONE

    def _path(self, node: Node) -> Path:
        if isinstance(node, Ident):
            local = self._local(node.name)
            if local is not None:
                return local.path
        return self._paths.get(id(node), ())

    def _select(self, node: Select) -> CostRange:
        total = self.cost(node.operand)
        if node.test_only:
            return total
        kind = node.operand.type.kind if node.operand.type is not None else "dyn"
        if kind in ("map", "struct", "param"):
            total = total.plus(ONE)
        self._paths[id(node)] = (*self._path(node.operand), node.field)
        return total

    def _dyn(self, node: Call) -> CostRange:
        total = ONE.plus(self.cost(node.args[0]))
        self._copy_sizes(node, node.args[0])
        return total

    def _operand(self, node: Node) -> Operand:
        path = self._path(node)
        if path and path[0] in (ACCUMULATOR, "__result__"):
            path = ()
        return Operand(node, path, node.type, self._size(node))

    def _call(self, node: Call) -> CostRange:
        costs = [self.cost(arg) for arg in node.args]
        args = [self._operand(arg) for arg in node.args]
        if not node.overloads:
            return ZERO
        total = ZERO
        target: Operand | None = None
        if node.target is not None:
            total = self.cost(node.target)
            target = self._operand(node.target)
        least, most = 2**64 - 1, 0
        result: Size | None = None
        for overload in node.overloads:
            cost, size = self._overload(node, overload, target, args, costs)
            least, most = min(least, cost.least), max(most, cost.most)
            if size is not None:
                result = size if result is None else unite(result, size)
            result = self._indexed(node, overload, args, result)
            if result is None:
                result = self._size(node)
        if result is not None:
            self._sizes[id(node)] = result
        return total.plus(CostRange(least, most))

    def _indexed(self, node: Call, overload: str, args: list[Operand], result: Size | None) -> Size | None:
        part = {"index_list": "@items", "index_map": "@values"}.get(overload)
        if part is None:
            return result
        entry = self._entry(args[0].node)
        self._paths[id(node)] = (*self._path(args[0].node), part)
        return None if entry is None else entry.value

    def _overload(
        self, node: Call, overload: str, target: Operand | None, args: list[Operand], costs: list[CostRange]
    ) -> tuple[CostRange, Size | None]:
        spent = sum(costs, ZERO)
        known = library_cost(self.size_of, node.function, overload, target, args)
        if known is not None:
            return known[0].plus(spent), known[1]
        if overload in ("logical_or", "logical_and"):
            return CostRange(costs[0].least, costs[0].plus(costs[1]).most), None
        if overload == "conditional":
            return self._conditional(node, args, costs)
        if overload in ("add_string", "add_bytes", "add_list"):
            entries = [self._entry(arg.node) for arg in args]
            if entries[0] is not None and entries[1] is not None:
                self._entries[id(node)] = _united(entries[0], entries[1])
        cost, size = standard_cost(overload, target, args)
        return cost.plus(spent), size

    def _conditional(
        self, node: Call, args: list[Operand], costs: list[CostRange]
    ) -> tuple[CostRange, Size | None]:
        size = unite(args[1].size or UNKNOWN, args[2].size or UNKNOWN)
        first, second = (self._entry(arg.node) for arg in args[1:])
        if first is not None and second is not None:
            self._entries[id(node)] = _united(first, second)
        chosen = CostRange(min(costs[1].least, costs[2].least), max(costs[1].most, costs[2].most))
        return costs[0].plus(chosen), size

    def _list(self, node: MakeList) -> CostRange:
        total = CostRange(LIST, LIST)
        least, most = 2**64 - 1 if node.elements else 0, 0
        for each in node.elements:
            total = total.plus(self.cost(each))
            size = self._size(each) or UNKNOWN
            least, most = min(least, size.least), max(most, size.most)
        self._entries[id(node)] = EntrySize("list", Size(1, 1), Size(least, most))
        return total

    def _map(self, node: MakeMap) -> CostRange:
        total = CostRange(MAP, MAP)
        sizes: list[Size | None] = [None, None]
        for entry in node.entries:
            for place, each in enumerate((entry.key, entry.value)):
                total = total.plus(self.cost(each))
                size, before = self._size(each) or UNKNOWN, sizes[place]
                sizes[place] = size if before is None else unite(before, size)
        key, value = (size or Size(0, 0) for size in sizes)
        self._entries[id(node)] = EntrySize("map", key, value)
        return total

    @staticmethod
    def _is_bind(node: Fold) -> bool:
        empty = isinstance(node.range_, MakeList) and not node.range_.elements
        return empty and isinstance(node.condition, Literal) and node.condition.value is False

    def _bind(self, node: Fold) -> CostRange:
        total = self.cost(node.range_).plus(self.cost(node.start))
        self._push(node.accumulator, self._path(node.start), self._size(node.start), self._entry(node.start))
        total = total.plus(self.cost(node.result))
        self._locals[node.accumulator].pop()
        self._copy_sizes(node, node.result)
        return total

    def _push(self, name: str, path: Path, size: Size | None, entry: EntrySize | None = None) -> None:
        self._locals.setdefault(name, []).append(_Local(path, size, entry))

    def _push_variables(self, node: Fold) -> list[str]:
        range_ = node.range_
        entry, path = self._entry(range_), self._path(range_)
        kind = entry.kind if entry is not None else range_.type.kind if range_.type is not None else "dyn"
        key, value = (entry.key, entry.value) if entry is not None else (None, None)
        if node.variable2:
            self._push(node.variable, (*path, "@indices" if kind == "list" else "@keys"), key)
            self._push(node.variable2, (*path, "@items" if kind == "list" else "@values"), value)
            return [node.variable, node.variable2]
        if kind == "list":
            self._push(node.variable, (*path, "@items"), value)
        else:
            self._push(node.variable, (*path, "@keys"), key)
        return [node.variable]

    def _fold(self, node: Fold) -> CostRange:
        total = self.cost(node.range_).plus(self.cost(node.start))
        self._push(node.accumulator, self._path(node.start), self._size(node.start), self._entry(node.start))
        names = self._push_variables(node)
        once = self.cost(node.condition)
        once = self.cost(node.step).plus(once)
        for name in names:
            self._locals[name].pop()
        total = total.plus(self.cost(node.result))
        self._locals[node.accumulator].pop()
        count = self._size(node.range_) or UNKNOWN
        total = total.plus(count.times_cost(once))
        if isinstance(node.start, Literal):
            size = self._size(node.start)
            if size is not None:
                self._sizes[id(node)] = size
        elif isinstance(node.start, (MakeList, MakeMap)):
            self._sizes[id(node)] = count
            entry = self._entry(node.step)
            if entry is not None:
                self._entries[id(node)] = entry
        return total

    def _copy_sizes(self, target: Node, source: Node) -> None:
        size, entry = self._size(source), self._entry(source)
        if size is not None:
            self._sizes[id(target)] = size
        if entry is not None:
            self._entries[id(target)] = entry

    def size_of(self, path: Path) -> Size | None:
        """
        How large the part of a variable at a path can be.
        """
        if not path or self._root is None:
            return None
        current = self._root
        for name in path[1:]:
            if name in ("@items", "@values"):
                if not current.has_element:
                    return None
                current = current.element
            elif name == "@keys":
                return Size(0, 0) if current.kind == "map" and name == path[-1] else None
            else:
                found = current.fields.get(name)
                if found is None:
                    return None
                current = found
        return Size(0, current.most)

    def _size(self, node: Node) -> Size | None:
        found = self._sizes.get(id(node)) or _written_size(node)
        if found is not None:
            return found
        found = self.size_of(self._path(node))
        if found is not None:
            self._sizes[id(node)] = found
            return found
        if _is_scalar(node.type):
            return Size(1, 1)
        if isinstance(node, Ident):
            local = self._local(node.name)
            if local is not None:
                return local.size
        return None

    def _entry(self, node: Node) -> EntrySize | None:
        found = self._entries.get(id(node))
        if found is None and isinstance(node, Ident):
            local = self._local(node.name)
            found = local.entry if local is not None else None
        return found


def _united(left: EntrySize, right: EntrySize) -> EntrySize:
    return EntrySize(left.kind, unite(left.key, right.key), unite(left.value, right.value))


def _is_scalar(checked: Any) -> bool:
    if checked is None:
        return False
    if checked.kind == "opaque" and checked.name == "optional_type":
        return _is_scalar(checked.params[0])
    return checked.kind in _SCALARS


def _written_size(node: Node) -> Size | None:
    if isinstance(node, Literal):
        count = len(node.value) if isinstance(node.value, (str, bytes)) else 1
        return Size(count, count)
    if isinstance(node, MakeList):
        return Size(len(node.elements), len(node.elements))
    if isinstance(node, MakeMap):
        return Size(len(node.entries), len(node.entries))
    return None
