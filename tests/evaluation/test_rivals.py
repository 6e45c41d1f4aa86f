import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_dcat.evaluation import RIVALS, Alone, Features, LateFusion, SelfTraining
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.evaluation.rivals import (
    FeatureTransfer,
    classifier_input,
    squared_distance,
)
from tests.evaluation.studies import SOURCES, TARGET, assert_trains_otherwise, study
from tests.models import branch, snapshot, windows


def test_distance_is_the_mean_of_squared_differences(rng):
    source, target = rng.normal(size=(2, 6, 5)).astype("float32")
    value = squared_distance(ops.array(source), ops.array(target))
    assert float(value) == pytest.approx(np.mean((source - target) ** 2), rel=1e-5)


def test_the_target_is_trained_and_the_source_is_not(rng):
    pair, labels = windows(rng)
    source, target = branch(5, steps=12), branch(3, steps=20)
    model = FeatureTransfer(source, target, 1.0, squared_distance)
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    before = snapshot(source), snapshot(target)
    inputs = {"source": pair[0], "target": pair[1]}
    history = model.fit(inputs, np.eye(4)[labels], epochs=2, verbose=0).history
    assert {"loss", "classification_loss"} <= set(history)
    for old, new in zip(before[0], snapshot(source), strict=True):
        np.testing.assert_array_equal(old, new)
    changed = [
        not np.array_equal(old, new)
        for old, new in zip(before[1], snapshot(target), strict=True)
    ]
    # All but what only statistics that no loss reads would move.
    assert np.mean(changed) > 0.8


def test_features_come_nearer(rng):
    pair, labels = windows(rng)
    source, distances = branch(5, steps=12), []
    for weight in (0.0, 10.0):
        target = branch(3, steps=20)
        model = FeatureTransfer(source, target, weight, squared_distance)
        model.compile(
            keras.optimizers.Adam(0.01),
            keras.losses.CategoricalCrossentropy(from_logits=True),
        )
        inputs = {"source": pair[0], "target": pair[1]}
        model.fit(inputs, np.eye(4)[labels], epochs=10, verbose=0)
        _, expected, features = model(inputs)
        distance = squared_distance(expected, features)
        distances.append(float(ops.convert_to_numpy(distance)))
    assert distances[1] < 0.5 * distances[0]


def test_features_are_what_enters_the_classifier():
    model = branch(3)
    assert classifier_input(model) is model.layers[-1].input
    inputs = keras.Input((20, 3))
    x = layers.Dense(4)(layers.Flatten()(inputs))
    ends_in_softmax = keras.Model(inputs, layers.Softmax()(x))
    assert classifier_input(ends_in_softmax).shape == (None, 60)


def test_a_model_without_a_classifier_is_refused():
    inputs = keras.Input((20, 3))
    model = keras.Model(inputs, layers.Flatten()(inputs), name="flat")
    with pytest.raises(ValueError, match="'flat'.*Leave feature distillation"):
        classifier_input(model)


@pytest.fixture(scope="module")
def repetition():
    return Repetition(study(epochs=3), "official", seed=0)


@pytest.fixture(scope="module")
def alone(repetition):
    return Alone().run(repetition, (), TARGET)


@pytest.mark.parametrize("name", RIVALS)
def test_every_rival_changes_the_training_and_predicts_the_test(
    repetition, alone, name
):
    pair = SOURCES, TARGET
    losses = assert_trains_otherwise(RIVALS[name], repetition, pair, alone[0])
    assert len(losses) == 3


def test_late_fusion_is_the_mean_of_source_and_target(repetition, alone):
    source, *_ = Alone().run(repetition, (), "camera")
    fused, *_ = LateFusion().run(repetition, SOURCES, TARGET)
    np.testing.assert_allclose(fused, (source + alone[0]) / 2, atol=1e-6)


def test_self_training_is_taught_by_the_target_alone_and_no_second_sensor(repetition):
    learner = repetition.build(TARGET, repetition.train)
    model, dataset = SelfTraining().joined(
        repetition, (), TARGET, learner, repetition.train, 16
    )
    assert model.sources[0] is repetition.unimodal(TARGET)[0]
    inputs, _ = next(iter(dataset))
    assert inputs["source"].shape[1:] == repetition.train.shape(TARGET)
    assert SelfTraining().seen(repetition) is repetition.part(1.0)


def test_a_rival_is_compared_with_the_target_alone():
    assert Features("contrast").baseline() == Alone()


def test_a_kind_that_is_misspelt_is_no_other_rival():
    with pytest.raises(ValueError, match="kind='contrst'.*misspelt"):
        Features(kind="contrst")
