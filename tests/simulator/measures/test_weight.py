from __future__ import annotations

import numpy as np

from peerrec_sim.measures.weight import weigh


class Holder:
    def __init__(self, what: object) -> None:
        self.what = what

    def method(self) -> object:
        return self.what


def test_what_is_referred_to_twice_counts_once():
    data = bytes(100_000)
    assert 100_000 < weigh([[data, data], data]) < 101_000


def test_an_array_counts_its_data_and_a_view_the_data_of_another():
    data = np.zeros(100_000, np.uint8)
    assert 100_000 < weigh([data]) < 101_000
    assert 100_000 < weigh([data[10:20]]) < 101_000


def test_objects_behind_attributes_methods_and_closures_count():
    data = bytes(100_000)
    holder = Holder({"deep": [data]})
    assert weigh([holder]) > 100_000
    assert weigh([holder.method]) > 100_000
    assert weigh([lambda: data]) > 100_000


def test_modules_classes_and_globals_do_not_count():
    assert weigh([np, Holder, weigh]) < 1_000


def test_what_is_left_out_does_not_count_nor_what_it_leads_to():
    assert weigh([[Holder(bytes(100_000))]], without=(Holder,)) < 1_000
