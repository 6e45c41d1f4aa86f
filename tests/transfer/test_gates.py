import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer import gates

SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.0, 0.6, 0.4]], "float32")


@pytest.mark.parametrize(
    ("gate", "expected"),
    [("correct", [True, True, False]), ("soft", [0.7, 0.7, 0.4]), (None, [1, 1, 1])],
)
def test_a_gate_says_which_windows_may_teach(gate, expected):
    labels = ops.convert_to_tensor(np.array([0, 2, 2], "int32"))
    may_teach = gates.get(gate)(labels, ops.convert_to_tensor(SCORES))
    np.testing.assert_allclose(ops.convert_to_numpy(may_teach), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ("correct", [True, False, False]),
        ("soft", [0.7, 0.7, 0.6]),
        (gates.CorrectOrSure(0.65), [True, True, False]),
        ("sure", [True, False, False]),
        (gates.Confident(0.65), [True, True, False]),
        ("confident", [False, False, False]),
        (None, [1, 1, 1]),
    ],
)
def test_without_a_label_a_gate_goes_by_how_sure_the_source_is(gate, expected):
    labels = ops.convert_to_tensor(np.array([0, -1, -1], "int32"))
    may_teach = gates.get(gate)(labels, ops.convert_to_tensor(SCORES))
    np.testing.assert_allclose(ops.convert_to_numpy(may_teach), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", [gates.CorrectOrSure, gates.Confident])
def test_a_gate_with_a_threshold_survives_its_config(kind):
    config = keras.saving.serialize_keras_object(kind(0.7))
    restored = keras.saving.deserialize_keras_object(config)
    assert isinstance(restored, kind)
    assert restored.threshold == 0.7
    with pytest.raises(ValueError, match=r"threshold=1.5.*Start with"):
        kind(1.5)


def test_a_confident_source_teaches_what_it_gets_wrong():
    labels = ops.convert_to_tensor(np.array([1, 2, 2], "int32"))
    may_teach = gates.Confident(0.7)(labels, ops.convert_to_tensor(SCORES))
    assert ops.convert_to_numpy(may_teach).tolist() == [True, True, False]


def test_a_function_is_its_own_gate():
    assert gates.get(gates.all_teach) is gates.all_teach


def test_an_unknown_gate_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"'confident'.*gate='wrong'.*None to let"):
        gates.get("wrong")
