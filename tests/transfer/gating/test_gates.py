import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.gating import gates

SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.0, 0.6, 0.4]], "float32")


@pytest.mark.parametrize(
    ("gate", "expected"),
    [("correct", [True, True, False]), ("soft", [0.7, 0.7, 0.4]), ("all", [1, 1, 1])],
)
def test_a_gate_says_which_windows_may_teach(gate, expected):
    labels = ops.convert_to_tensor(np.array([0, 2, 2], "int32"))
    transfer_mask = gates.get(gate)(labels, ops.convert_to_tensor(SCORES))
    np.testing.assert_allclose(ops.convert_to_numpy(transfer_mask), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ("correct", [True, False, False]),
        ("soft", [0.7, 0.7, 0.6]),
        (gates.CorrectOrConfident(0.65), [True, True, False]),
        ("correct_or_confident", [True, False, False]),
        (gates.Confident(0.65), [True, True, False]),
        ("confident", [False, False, False]),
        ("all", [1, 1, 1]),
    ],
)
def test_without_a_label_a_gate_goes_by_how_sure_the_source_is(gate, expected):
    labels = ops.convert_to_tensor(np.array([0, -1, -1], "int32"))
    transfer_mask = gates.get(gate)(labels, ops.convert_to_tensor(SCORES))
    np.testing.assert_allclose(ops.convert_to_numpy(transfer_mask), expected, rtol=1e-6)


def by_hand(gate, label, scores):
    """What a gate says of one window."""
    believed = max(range(len(scores)), key=lambda number: scores[number])
    is_sure, is_right = scores[believed] >= 0.5, believed == label
    return {
        "correct": is_right,
        "soft": scores[believed if label < 0 else label],
        gates.CorrectOrConfident: is_sure if label < 0 else is_right,
        gates.Confident: is_sure,
        "all": True,
    }[gate]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize(
    "gate", ["correct", "soft", gates.CorrectOrConfident, gates.Confident, "all"]
)
def test_a_gate_looks_at_each_window_alone(rng, gate, dtype):
    scores = rng.dirichlet(np.ones(3), size=64).astype("float32")
    labels = rng.integers(-1, 3, size=64)
    labels[0], scores[0] = -1, [0.5, 0.25, 0.25]  # as sure as it must be
    expected = [by_hand(gate, *window) for window in zip(labels, scores, strict=True)]
    called = gate(0.5) if isinstance(gate, type) else gates.get(gate)
    found = called(
        ops.convert_to_tensor(labels.astype(dtype)), ops.convert_to_tensor(scores)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", [gates.CorrectOrConfident, gates.Confident])
@pytest.mark.parametrize(("threshold", "is_sure"), [(0.0, True), (1.0, False)])
def test_every_probability_may_be_a_threshold(kind, threshold, is_sure):
    labels, scores = ops.full((3,), -1), ops.convert_to_tensor(SCORES)
    transfer_mask = ops.convert_to_numpy(kind(threshold)(labels, scores))
    assert transfer_mask.tolist() == [is_sure] * 3
    for outside in (-1e-3, 1.001, float("nan")):
        with pytest.raises(ValueError, match=f"threshold={outside}"):
            kind(outside)


@pytest.mark.parametrize("kind", [gates.CorrectOrConfident, gates.Confident])
def test_a_gate_with_a_threshold_survives_its_config(kind):
    config = keras.saving.serialize_keras_object(kind(0.7))
    restored = keras.saving.deserialize_keras_object(config)
    assert isinstance(restored, kind)
    assert restored.threshold == 0.7
    with pytest.raises(ValueError, match=r"threshold=1.5.*Start with"):
        kind(1.5)


def test_a_confident_source_teaches_what_it_gets_wrong():
    labels = ops.convert_to_tensor(np.array([1, 2, 2], "int32"))
    transfer_mask = gates.Confident(0.7)(labels, ops.convert_to_tensor(SCORES))
    assert ops.convert_to_numpy(transfer_mask).tolist() == [True, True, False]


@pytest.mark.parametrize(
    "gate",
    [
        *(gates.source_correct, gates.source_confidence, gates.all_teach),
        *(gates.CorrectOrConfident, gates.Confident),
    ],
)
def test_a_gate_is_saved_by_a_name_that_stays_when_files_move(gate):
    assert keras.saving.get_registered_name(gate) == f"keras_dcat>{gate.__name__}"


def test_a_function_is_its_own_gate():
    assert gates.get(gates.all_teach) is gates.all_teach


def test_an_unknown_gate_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"'confident'.*gate='wrong'.*'all' to let"):
        gates.get("wrong")
