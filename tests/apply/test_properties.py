"""
What holds of L{ark.apply.merge} whatever is written.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.apply.fieldset import FieldSet
from tests.apply.owners import OFTEN, V1, History

NAMES = st.sampled_from("xyz")
# Containers that a configuration empties become null, which validation refuses: none is empty here.
PARTS = {
    "b": NAMES,
    "set": st.lists(NAMES, unique=True, min_size=1),
    "items": st.lists(
        st.fixed_dictionaries({"name": NAMES}, optional={"value": NAMES}),
        unique_by=lambda item: item["name"],
        min_size=1,
    ),
    "whole": st.dictionaries(NAMES, NAMES, min_size=1),
    "map": st.dictionaries(NAMES, NAMES, min_size=1),
}
CONFIGS = st.fixed_dictionaries({"a": NAMES}, optional=PARTS)
WRITES = st.lists(st.tuples(st.sampled_from(["m", "n", "o"]), CONFIGS, st.booleans()), max_size=8)


def unordered(spec: Any) -> Any:
    """
    A value whose lists, all of them sets or keyed, are in one order.
    """
    if isinstance(spec, dict):
        return {name: unordered(value) for name, value in spec.items()}
    if isinstance(spec, list):
        return sorted(map(unordered, spec), key=str)
    return spec


class PropertyTests(SynchronousTestCase):
    """
    What holds whatever is written.
    """

    def played(self, writes: list[tuple[str, dict[str, Any], bool]]) -> History:
        """
        An object after writes by appliers and updaters.
        """
        history = History()
        self.play(history, writes)
        return history

    def play(self, history: History, writes: list[tuple[str, dict[str, Any], bool]]) -> None:
        """
        Write to an object.
        """
        for manager, spec, applies in writes:
            if applies:
                history.apply(manager, spec, force=True)
            else:
                history.update(manager, spec)

    @settings(max_examples=60, deadline=None)
    @given(WRITES, CONFIGS)
    def test_applying_twice_is_applying_once(self, writes: Any, config: dict[str, Any]) -> None:
        """
        The second time nothing changes: neither the object nor any entry.
        """
        history = self.played(writes)
        history.apply("m", config, force=True)
        before = copy.deepcopy(history.live), history.managed.members()
        history.apply("m", config)
        self.assertEqual((history.live, history.managed.members()), before)

    @settings(max_examples=60, deadline=None)
    @given(CONFIGS)
    def test_order_of_those_who_do_not_meet_does_not_matter(self, config: dict[str, Any]) -> None:
        """
        Appliers of different fields make one object in any order.
        """
        parts = [(f"m{index}", {name: value}, True) for index, (name, value) in enumerate(config.items())]
        one, other = self.played(parts), self.played(parts[::-1])
        spec, reverse = ((each.live or {}).get("spec") for each in (one, other))
        self.assertEqual(unordered(spec), unordered(reverse))
        self.assertEqual(
            {entry["manager"]: entry["fieldsV1"] for entry in one.managed.members()},
            {entry["manager"]: entry["fieldsV1"] for entry in other.managed.members()},
        )

    @settings(max_examples=60, deadline=None)
    @given(WRITES, CONFIGS)
    def test_forced_configuration_is_what_the_object_holds(self, writes: Any, config: dict[str, Any]) -> None:
        """
        Whatever was there before: merging it again would change nothing.
        """
        history = self.played(writes)
        history.apply("m", config, force=True)
        assert history.live is not None
        schema = history.versions.schemas[V1]
        self.assertEqual(schema.merge(history.live, history.thing(spec=config)), history.live)

    @settings(max_examples=30, deadline=None)
    @given(WRITES, WRITES)
    def test_what_is_remembered_changes_nothing(self, writes: Any, others: Any) -> None:
        """
        Owners are the same whether much was written to other objects before or nothing.
        """
        trackers = self.played(others).trackers
        for _ in range(OFTEN):
            self.play(History(trackers=trackers), writes)
        again = History(trackers=trackers)
        for round_ in range(1, len(writes) + 1):
            self.play(again, writes[round_ - 1 : round_])
            self.assertEqual(again.managed.text, self.played(writes[:round_]).managed.text)

    @settings(max_examples=60, deadline=None)
    @given(WRITES)
    def test_nothing_that_has_an_owner_is_lost(self, writes: Any) -> None:
        """
        Every field that an entry names is in the object.
        """
        history = self.played(writes)
        if history.live is None:
            return
        there = history.versions.schemas[V1].compare({}, history.live).added
        for entry in history.managed.entries.values():
            missing = entry.fields.difference(there)
            self.assertEqual(missing, FieldSet({}), f"{missing} of {history.live}")
