"""
Expressions made at random, most of which fit their types.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Make = Callable[[int], str]

_LEAVES = {
    "int": [
        "self.n",
        "self.m",
        "self.big",
        "self.nums[0]",
        "self.sizes.s",
        "self.obj.a",
        "0",
        "1",
        "2",
        "-1",
        "7",
        "self.pairs[0].v",
        "oldSelf.n",
    ],
    "uint": ["1u", "2u", "0u", "18446744073709551615u", "uint(self.n)"],
    "double": ["self.d", "0.5", "-1.0", "2.0", "self.reals[0]", "double(self.n)"],
    "bool": [
        "self.flag",
        "self.off",
        "true",
        "false",
        "has(self.s)",
        "has(self.missing)",
        "has(self.obj.deep)",
    ],
    "string": [
        "self.s",
        "self.t",
        "self.color",
        "self.empty",
        "self.missing",
        "self.labels.app",
        "self.labels.nope",
        "'a'",
        "''",
        "'l'",
        "self.list[1]",
        "self.obj.b",
        "self.namespace",
        "oldSelf.s",
    ],
    "bytes": ["self.data", "b''", "b'ab'", "bytes(self.t)"],
    "time": ["self.when", "self.day", "timestamp('2020-01-01T00:00:00Z')", "timestamp(0)"],
    "span": ["self.span", "duration('1h')", "duration('-1s')", "duration('9223372036s')"],
    "strings": ["self.list", "self.few", "self.set", "self.other", "['a','b']", "[]", "self.s.split('l')"],
    "ints": [
        "self.nums",
        "[1,2,3]",
        "self.matrix[0]",
        "self.obj.deep.ys",
        "self.nested.one",
        "[self.n,self.m]",
    ],
    "map": ["self.labels", "{'a':'b'}", "{'app':self.s}"],
    "record": ["self.obj", "self.same", "self.pairs[0]", "oldSelf.obj"],
    "dyn": [
        "self.port",
        "self.name",
        "dyn(1)",
        "dyn('a')",
        "dyn(self.list)",
        "dyn(self.labels)",
        "dyn(self.obj)",
        "dyn(null)",
    ],
    "maybe": [
        "self.?s",
        "self.?missing",
        "optional.of('x')",
        "optional.none()",
        "self.labels[?'app']",
        "self.list[?9]",
    ],
}
_SHAPES: dict[str, list[str]] = {
    "int": [
        "{int} + {int}",
        "{int} - {int}",
        "{int} * {int}",
        "{int} / {int}",
        "{int} % {int}",
        "-({int})",
        "size({string})",
        "{strings}.size()",
        "size({map})",
        "{ints}[{int}]",
        "{bool} ? {int} : {int}",
        "{ints}.sum()",
        "{ints}.max()",
        "{ints}.min()",
        "{string}.indexOf({string})",
        "int({double})",
        "int({string})",
        "{time}.getFullYear()",
        "{span}.getSeconds()",
        "int({uint})",
        "{strings}.indexOf({string})",
        "{string}.lastIndexOf({string})",
        "{strings}.map(x, x.size()).sum()",
        "{ints}.filter(x, x > {int}).size()",
        "size({bytes})",
        "quantity('5').asInteger()",
        "{maybe}.optMap(x, x.size()).orValue({int})",
    ],
    "uint": ["{uint} + {uint}", "{uint} - {uint}", "{uint} * {uint}", "{uint} / {uint}", "uint({int})"],
    "double": [
        "{double} + {double}",
        "{double} * {double}",
        "{double} / {double}",
        "-({double})",
        "double({int})",
        "{bool} ? {double} : {double}",
    ],
    "bool": [
        "{bool} && {bool}",
        "{bool} || {bool}",
        "!({bool})",
        "{int} < {int}",
        "{int} <= {double}",
        "{int} > {uint}",
        "{string} < {string}",
        "{string} == {string}",
        "{int} == {int}",
        "{strings} == {strings}",
        "{map} == {map}",
        "{record} == {record}",
        "{ints} == {ints}",
        "{string} in {strings}",
        "{int} in {ints}",
        "{string} in {map}",
        "{string} in ['a', 'red', 'web']",
        "{string}.contains({string})",
        "{string}.startsWith({string})",
        "{string}.endsWith({string})",
        "{string}.matches('[a-l]+')",
        "{string}.matches({string})",
        "{strings}.all(x, x != {string})",
        "{strings}.exists(x, x == {string})",
        "{strings}.exists_one(x, x.size() > {int})",
        "{ints}.all(x, x / {int} > 0)",
        "{ints}.exists(x, {int} / x > 0)",
        "{map}.all(k, k != {string})",
        "{time} < {time}",
        "{span} >= {span}",
        "{bytes} == {bytes}",
        "{dyn} == {dyn}",
        "{dyn} == {int}",
        "{dyn} < {dyn}",
        "{bool} ? {bool} : {bool}",
        "{maybe}.hasValue()",
        "{ints}.isSorted()",
        "sets.contains({strings}, {strings})",
        "sets.intersects({ints}, {ints})",
        "{strings}.all(i, v, i < {int} || v != '')",
        "self.pairs.all(p, p.v > {int})",
        "{dyn} in {strings}",
        "self.pairs.exists(p, p.k == {string} && p.v == {int})",
        "{double} != {double}",
        "{time} == {time}",
        "isIP({string})",
        "isURL({string})",
        "{record} != {record}",
        "type({dyn}) == string",
        "{dyn} && {bool}",
    ],
    "string": [
        "{string} + {string}",
        "{string}.lowerAscii()",
        "{string}.upperAscii()",
        "{string}.trim()",
        "{string}.substring({int})",
        "{string}.replace({string}, {string})",
        "{string}.charAt({int})",
        "string({int})",
        "string({double})",
        "string({bool})",
        "string({time})",
        "string({span})",
        "{strings}.join({string})",
        "{strings}[{int}]",
        "{map}[{string}]",
        "{bool} ? {string} : {string}",
        "{string}.find('[a-l]+')",
        "{maybe}.orValue({string})",
        "'%s-%d'.format([{string}, {int}])",
        "strings.quote({string})",
        "{maybe}.value()",
        "string({bytes})",
        "{string}.split({string})[{int}]",
    ],
    "bytes": ["{bytes} + {bytes}", "bytes({string})"],
    "time": ["{time} + {span}", "{time} - {span}", "timestamp({string})", "timestamp({int})"],
    "span": ["{span} + {span}", "{span} - {span}", "{time} - {time}", "duration({string})"],
    "strings": [
        "{strings} + {strings}",
        "{strings}.map(x, x + {string})",
        "{strings}.filter(x, x > {string})",
        "{strings}.map(x, x != {string}, x)",
        "[{string}, {string}]",
        "{string}.split({string})",
        "{strings}.sort()",
        "{strings}.distinct()",
        "{strings}.reverse()",
        "{strings}.slice({int}, {int})",
        "[?{maybe}, {string}]",
        "{strings}.transformList(i, v, v + string(i))",
        "{ints}.map(x, string(x))",
    ],
    "ints": [
        "{ints} + {ints}",
        "{ints}.map(x, x * {int})",
        "{ints}.filter(x, x != {int})",
        "[{int}, {int}]",
        "lists.range({int} % 9)",
        "{ints}.sort()",
        "{ints}.sortBy(x, -x)",
        "{strings}.map(x, x.size())",
        "[[1], {ints}].flatten()",
    ],
    "map": ["{{'k': {string}}}", "{map}.transformMap(k, v, v + {string})", "{{?'k': {maybe}}}"],
    "record": ["({bool} ? self.obj : oldSelf.obj)"],
    "dyn": ["dyn({int})", "dyn({string})", "dyn({strings})", "{dyn} + {dyn}", "dyn({double})"],
    "maybe": [
        "optional.of({string})",
        "{map}[?{string}]",
        "{strings}[?{int}]",
        "{maybe}.or({maybe})",
        "{maybe}.optMap(x, x + {string})",
        "optional.ofNonZeroValue({string})",
    ],
}
_SLIPS = (
    "{string} + {int}",
    "{int}.foo",
    "{bool} + 1",
    "self.nope == {int}",
    "{int} && {string}",
    "x == {int}",
)


class Generator:
    """
    Makes one expression after another.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def expression(self) -> str:
        """
        One expression, of any type.
        """
        if self._random.random() < 0.04:
            return self._filled(self._random.choice(_SLIPS), 2)
        kind = self._random.choice(("bool", "bool", "bool", "bool", *_SHAPES))
        return self._of(kind, self._random.randint(1, 4))

    def _of(self, kind: str, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.15:
            return self._random.choice(_LEAVES[kind])
        made = self._filled(self._random.choice(_SHAPES[kind]), depth - 1)
        return f"({made})"

    def _filled(self, shape: str, depth: int) -> str:
        parts: list[str] = []
        position = 0
        while position < len(shape):
            start = shape.find("{", position)
            if start < 0:
                break
            if shape[start : start + 2] == "{{":
                parts.append(shape[position : start + 1])
                position = start + 2
                continue
            end = shape.index("}", start)
            parts.append(shape[position:start] + self._of(shape[start + 1 : end], depth))
            position = end + 1
        return "".join(parts) + shape[position:].replace("}}", "}")
