"""
What an object becomes when a configuration is laid over it.

Follows C{typed/merge.go} of C{sigs.k8s.io/structured-merge-diff/v6}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ark.apply.typed import ABSENT, Atom, ListType, MapType, PerAtom, TypedError, picker
from ark.apply.typeditems import KeyOf, Unidentified, key_reader

Merger = Callable[[Any, Any], Any]


def _leaf(live: Any, config: Any) -> Any:
    return config


class Merge:
    """
    The merge of values of one type.
    """

    def __init__(self, atom: Atom) -> None:
        self._parts = PerAtom(self._build)
        self._merge = self._parts[atom]

    def __call__(self, live: Any, config: Any) -> Any:
        """
        The live object with what C{config} says.  The result shares parts with both.

        @raise TypedError: items of C{config} cannot be told apart.
        """
        try:
            return self._merge(live, config)
        except Unidentified as error:
            raise TypedError([str(error)]) from None

    def _build(self, atom: Atom) -> Merger:
        """
        The function that merges two values, both of which are there.
        """
        pick = picker(
            self._map(atom.map) if atom.map else None,
            self._list(atom.list) if atom.list else None,
            _leaf if atom.scalar else None,
        )
        if atom.only:
            return pick(None)
        # What the configuration is decides which part of the type holds.
        return lambda live, config: pick(config)(live, config)

    def _map(self, map_type: MapType) -> Merger:
        members = {name: self._parts[member.atom] for name, member in map_type.members.items()}
        others = _leaf if map_type.element is None else self._parts[map_type.element]
        atomic = map_type.atomic

        def merge(live: Any, config: Any) -> Any:
            if atomic or type(live) is not dict or not live:
                return config
            if type(config) is not dict or not config:
                return live
            result = dict(live)
            for name, value in config.items():
                current = live.get(name, ABSENT)
                if current is ABSENT:
                    result[name] = value
                elif current is not value:
                    result[name] = members.get(name, others)(current, value)
            return result

        return merge

    def _list(self, list_type: ListType) -> Merger:
        key_of = key_reader(list_type)
        merge_item = self._parts[list_type.element]
        atomic = list_type.atomic

        def merge(live: Any, config: Any) -> Any:
            if atomic or type(live) is not list or not live:
                return config
            if type(config) is not list or not config:
                return live
            return _merged(live, config, key_of, merge_item)

        return merge


def _merged(live: list[Any], config: list[Any], key_of: KeyOf, merge_item: Merger) -> list[Any]:
    """
    The items of both lists: those of C{config} in its order, and those that only C{live}
    has where they stood among the others.
    """
    theirs = {key_of(item): item for item in config}
    if len(theirs) != len(config):
        raise Unidentified("duplicate entries for a key in a list that is applied")
    keyed = [(key_of(item), item) for item in live]
    current: dict[str, Any] = {}
    for key, item in keyed:
        # Where several are known by one key, none of them is merged with what comes.
        current[key] = None if key in current else item
    coming = {key: merge_item(current[key], item) if key in current else item for key, item in theirs.items()}
    return _zipped(keyed, list(theirs), coming, (key for key in theirs if key in current))


def _zipped(
    keyed: list[tuple[str, Any]], wanted: list[str], coming: dict[str, Any], shared: Iterator[str]
) -> list[Any]:
    """
    @param wanted: the keys of C{config}, for which C{coming} has the merged items.
    @param shared: those of them that C{live} has too.
    """
    result: list[Any] = []
    place = 0
    awaited = next(shared, None)
    for key, item in keyed:
        if key not in coming:
            result.append(item)
        elif place == len(wanted) or (awaited is not None and key != awaited):
            # Its place is elsewhere, where the configuration has it.
            continue
        elif awaited is None:
            result.append(coming[wanted[place]])
            place += 1
        else:
            end = wanted.index(key, place) + 1
            result += [coming[each] for each in wanted[place:end]]
            place, awaited = end, next(shared, None)
    return result + [coming[key] for key in wanted[place:]]
