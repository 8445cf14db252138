"""A device follows a table as far as it foretells what people hid."""

from __future__ import annotations

import numpy as np
from served_community import crowd, table_of

from peerrec.ids import item_hash
from peerrec.ranking.blend import BlendParameters
from peerrec.ranking.factor_frame import item_keys
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.salsa import Salsa
from peerrec.ranking.table_scores import TableScores, rows_of
from peerrec.ranking.table_tuning import tune_table

ITEMS = 400
PEOPLE = crowd(users=600, items=ITEMS, tastes=20)


def tuned(n_known, table, egos=None):
    user, item = np.nonzero(PEOPLE.have[:n_known])
    graph = InteractionGraph(half_life_s=np.inf)
    graph.extend(user, item, 1.0, 0.0)
    graph.reserve(n_known, ITEMS)
    rows = rows_of(table, item_keys([item_hash(name) for name in PEOPLE.names()]))
    people = np.arange(n_known, dtype=np.int32) if egos is None else egos
    salsa = Salsa(graph.snapshot())

    def gate_of(ego):
        return np.ones(n_known, np.float32)

    start = BlendParameters(share=0.2)
    return tune_table(salsa, people, TableScores(table, rows), start, gate_of)


def test_who_knows_few_follows_a_table_of_many():
    found = tuned(48, table_of(PEOPLE.have, PEOPLE.names(), exchanges=7))
    assert found.parameters.share >= 0.2
    assert found.score > found.before


def test_a_table_of_noise_is_not_followed():
    rng = np.random.default_rng(1)
    noise = (rng.random(PEOPLE.have.shape) < 0.1).astype(np.float32)
    assert tuned(60, table_of(noise, PEOPLE.names())).parameters.share <= 0.05


def test_a_table_that_only_remembers_what_was_hidden_is_not_believed():
    """Of the people measured alone: it foretells them perfectly, and nobody else."""
    rng = np.random.default_rng(2)
    chance = np.zeros((40, ITEMS), np.float32)
    for row in chance:
        row[rng.choice(ITEMS, 30, replace=False)] = 1
    table = table_of(chance, PEOPLE.names(), exchanges=2)
    user, item = np.nonzero(chance)
    graph = InteractionGraph(half_life_s=np.inf)
    graph.extend(user, item, 1.0, 0.0)
    rows = rows_of(table, item_keys([item_hash(name) for name in PEOPLE.names()]))
    everyone = np.arange(40, dtype=np.int32)
    salsa, placed = Salsa(graph.snapshot()), TableScores(table, rows)
    found = tune_table(salsa, everyone, placed, BlendParameters(share=0.2))
    naive = TableScores(table, rows)
    naive.without = lambda *_: naive
    cheated = tune_table(salsa, everyone, naive, BlendParameters(share=0.2))
    assert cheated.parameters.share > found.parameters.share
    assert cheated.score > 1.5 * found.score


def test_nobody_to_measure_leaves_the_mixture():
    nobody = np.empty(0, np.int32)
    found = tuned(48, table_of(PEOPLE.have, PEOPLE.names()), nobody)
    assert (found.parameters.share, found.trials) == (0.2, [])
