import types

import numpy as np
import pytest

from keras_dcat.export.micro import lowering, slimming
from tests.export.micro.models import operations, run, serving

pytestmark = pytest.mark.tensorflow
files = pytest.importorskip("ai_edge_litert.tools.flatbuffer_utils")


def graph_of(sizes, steps, given=(0,), made=(0,)):
    """A graph of float32 tensors, and operations as pairs of places."""
    tensors = [types.SimpleNamespace(shape=[size], type=0) for size in sizes]
    operators = [types.SimpleNamespace(inputs=i, outputs=o) for i, o in steps]
    return types.SimpleNamespace(
        tensors=tensors, operators=operators, inputs=list(given), outputs=list(made)
    )


def test_a_branch_is_finished_before_another_begins():
    # Of 1 value, two branches: to 100 values and back to 1; then their sum.
    steps = [([0], [1]), ([0], [2]), ([1], [3]), ([2], [4]), ([3, 4], [5])]
    graph = graph_of([1, 100, 100, 1, 1, 1], steps, made=(5,))
    assert slimming.short_lived(graph) in ([0, 2, 1, 3, 4], [1, 3, 0, 2, 4])


def test_nothing_runs_before_what_it_needs():
    model = lowering.float_model(serving("imu, of two")[0])
    (graph,) = files.read_model_from_bytearray(bytearray(model)).subgraphs
    order = slimming.short_lived(graph)
    assert sorted(order) == list(range(len(graph.operators)))
    made = {int(t) for each in graph.operators for t in each.outputs}
    there = set()
    for place in order:
        assert {int(t) for t in graph.operators[place].inputs} & made <= there
        there |= {int(t) for t in graph.operators[place].outputs}


def test_a_slim_model_says_the_same_in_fewer_bytes():
    model, windows = serving("imu")
    whole = lowering.float_model(model)
    slim = slimming.slimmed(whole)
    assert len(slim) < len(whole)
    assert sorted(operations(slim)) == sorted(operations(whole))
    assert b"conv1d" in whole
    assert b"conv1d" not in slim
    np.testing.assert_array_equal(run(slim, windows), run(whole, windows))
