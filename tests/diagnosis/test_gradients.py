import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.diagnosis.gradients import GradientProbe
from keras_dcat.transfer import LogitsDistillation, NegativeTransferGuard
from tests.models import CLASSES, branch, snapshot, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def source_that_says(logits):
    """A source that believes in the classes that its windows hold, times `logits`."""
    inputs = keras.Input((12, CLASSES))
    told = keras.layers.GlobalAveragePooling1D()(inputs)
    seen = keras.layers.GlobalAveragePooling1D()(
        keras_dcat.AttentionKV(CLASSES)(inputs)
    )
    # It must pass through an attention, which adds nothing here.
    parts = keras.layers.Rescaling(logits)(told), keras.layers.Rescaling(0.0)(seen)
    return keras.Model(inputs, keras.layers.Add()(parts))


def taught(rng, classes_of, weight=1.0, **options):
    """A model whose source believes, for certain, in these classes of the labels."""
    (_, target_windows), labels = windows(rng)
    told = np.eye(CLASSES, dtype="float32")[classes_of(labels)]
    pair = np.repeat(told[:, None], 12, axis=1), target_windows
    loss = LogitsDistillation(temperature=1.0)
    model = keras_dcat.DCATModel(
        source_that_says(50.0),
        branch(3, key_dim=CLASSES, **options),
        transfer_weight=weight,
        gate="all",
        loss=loss,
    )
    return model, pair, labels


def test_a_source_that_is_right_for_certain_pulls_as_the_labels_do(rng):
    model, pair, labels = taught(rng, lambda labels: labels)
    assert GradientProbe(model).cosine(pair, labels) == pytest.approx(1.0, abs=1e-4)


def test_a_source_that_is_wrong_for_certain_pulls_away(rng):
    model, pair, labels = taught(rng, lambda labels: (labels + 1) % CLASSES)
    classifier = model.target.layers[-1]
    classifier.set_weights([np.zeros_like(x) for x in classifier.get_weights()])
    one = {"source": pair[0][:1], "target": pair[1][:1]}
    # It finds all four classes alike: (p − e₀)·(p − e₁) / ‖p − e₀‖² with p = ¼.
    assert GradientProbe(model).cosine(one, labels[:1]) == pytest.approx(-1 / 3)


def test_dropout_and_statistics_are_the_same_in_both_steps(rng):
    model, pair, labels = taught(rng, lambda labels: labels, dropout=0.5)
    assert GradientProbe(model).cosine(pair, labels) == pytest.approx(1.0, abs=1e-4)


def test_it_does_not_depend_on_the_weight_and_changes_nothing(rng):
    found = []
    for weight in (0.0, 0.3):
        keras.utils.set_random_seed(0)
        model, pair, labels = taught(
            np.random.default_rng(0), lambda x: (x + 1) % CLASSES, weight
        )
        before = snapshot(model)
        found.append(GradientProbe(model).cosine(pair, labels))
        for old, new in zip(before, snapshot(model), strict=True):
            np.testing.assert_array_equal(old, new)
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_it_follows_the_model_as_it_trains(rng):
    model, pair, labels = taught(rng, lambda labels: (labels + 1) % CLASSES)
    probe = GradientProbe(model)
    before = probe.cosine(pair, labels)
    model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    guard = NegativeTransferGuard(only_warn=True)
    model.fit(pair, labels, epochs=5, callbacks=[guard], verbose=0)
    after = probe.cosine(pair, labels)
    assert after != pytest.approx(before, abs=1e-3)
    assert after == pytest.approx(GradientProbe(model).cosine(pair, labels), abs=1e-6)


def test_where_nobody_teaches_there_is_no_angle(rng):
    model, pair, labels = taught(rng, lambda labels: labels)
    shares = np.zeros(len(labels), "float32")
    inputs = {"source": pair[0], "target": pair[1], "transfer_mask": shares}
    assert np.isnan(GradientProbe(model).cosine(inputs, labels))


def test_sizes_that_differ_are_mapped_as_in_the_model(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(
        branch(5, steps=12), branch(3, key_dim=4), gate="all", adapt_sizes=True
    )
    assert -1 <= GradientProbe(model).cosine(pair, labels) <= 1


class Untold(keras.Model):
    """A source of layers that it is given, which Keras therefore cannot save."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs)


def test_a_source_that_cannot_be_saved_is_watched(rng):
    pair, labels = windows(rng)
    source = Untold(branch(5, steps=12))
    source(pair[0])
    model = keras_dcat.DCATModel(source, branch(3))
    with pytest.raises((TypeError, NotImplementedError)):
        source.get_config()
    assert -1 <= GradientProbe(model).cosine(pair, labels) <= 1
