"""
What calls of CEL's own operators and functions can cost.

Follows cel-go's C{checker/cost.go}.
"""

from __future__ import annotations

from ark.cel.costs import REGEX, TRAVERSAL
from ark.cel.ranges import ONE, UNKNOWN, CostRange, Estimate, Operand, Size

_COMPARISONS = frozenset(
    f"{word}_{kind}"
    for word in ("less", "less_equals", "greater", "greater_equals")
    for kind in ("string", "bytes")
) | {"equals", "not_equals"}


def standard_cost(overload: str, target: Operand | None, args: list[Operand]) -> Estimate:
    """
    What a call of one of CEL's own overloads costs beside its arguments, and how large its
    result is.
    """
    sizes = [arg.size or UNKNOWN for arg in args]
    on = UNKNOWN if target is None else target.size or UNKNOWN
    if overload == "string_format":
        return on.by(TRAVERSAL), None
    if overload in ("string_to_bytes", "bytes_to_string", "strings_quote") and len(args) == 1:
        return sizes[0].by(TRAVERSAL), _converted(overload, sizes[0])
    if overload in ("starts_with_string", "ends_with_string"):
        return sizes[0].by(TRAVERSAL), None
    if overload == "in_list":
        return sizes[1].by(1), None
    if overload == "matches_string" and target is not None:
        return on.plus(Size(1, 1)).by(TRAVERSAL).multiplied(sizes[0].by(REGEX)), None
    if overload == "contains_string" and target is not None:
        return on.by(TRAVERSAL).multiplied(sizes[0].by(TRAVERSAL)), None
    if overload in ("add_string", "add_bytes", "add_list"):
        size = sizes[0].plus(sizes[1])
        return (ONE if overload == "add_list" else size.by(TRAVERSAL)), size
    if overload in _COMPARISONS:
        most = min(sizes[0].most, sizes[1].most)
        return CostRange(1 if most > 0 else 0, most).by(TRAVERSAL), None
    return ONE, None


def _converted(overload: str, size: Size) -> Size:
    if overload == "string_to_bytes":
        return Size(size.least, size.most * 4 % 2**64)
    if overload == "bytes_to_string":
        return Size(size.least // 4, size.most)
    return Size((size.least + 2) % 2**64, (size.most * 2 + 2) % 2**64)
