"""Run scenarios for a person: one or many, into folders that nothing overwrites.

* `engine`: run one scenario, on packets or on the graph.
* `folder`: hold a place for results until they are complete.
* `sweep`: the same scenario with other values and seeds.
* `workers`: where the runs of a sweep happen.
"""
