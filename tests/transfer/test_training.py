import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer.training import PairLoops
from tests.models import CLASSES, pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def test_the_loops_of_a_model_are_those_of_pairs():
    assert issubclass(keras_dcat.DCATModel, PairLoops)


def test_predictions_are_of_the_target_alone_whatever_stands_for_the_source(rng):
    pair, _ = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    alone = model.predict(pair[1], verbose=0)
    assert alone.shape == (32, CLASSES)
    known = model.cache_source(pair, verbose=0)
    for inputs in (pair, known):
        np.testing.assert_array_equal(model.predict(inputs, verbose=0), alone)


@pytest.fixture
def model():
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    return model


@pytest.mark.parametrize("name", ["train_on_batch", "test_on_batch"])
def test_a_batch_that_is_given_by_hand_is_checked(rng, model, name):
    pair, labels = windows(rng, 8)
    step = getattr(model, name)
    assert np.isfinite(step(pair, labels)).all()
    with pytest.raises(ValueError, match=r"from 0 to 3.*Received: \[7\]"):
        step(pair, np.where(labels == 3, 7, labels))
    with pytest.raises(ValueError, match="inputs without labels"):
        step(pair)
    with pytest.raises(ValueError, match="`sample_weight` must be finite"):
        step(pair, labels, np.full(8, np.nan))
    pair[1][0] = np.inf
    with pytest.raises(ValueError, match="target must be finite"):
        step(pair, labels)


def of_pandas(labels, form):
    pandas = pytest.importorskip("pandas")
    if form == "one-hot":
        return pandas.DataFrame(np.eye(CLASSES, dtype="float32")[labels])
    kinds = {"series": pandas.Series, "frame": pandas.DataFrame, "index": pandas.Index}
    return kinds[form](labels)


@pytest.mark.parametrize(
    "form",
    ["series", "one-hot"]
    + [pytest.param(form, marks=pytest.mark.slow) for form in ("frame", "index")],
)
def test_labels_of_pandas_are_labels(rng, model, form):
    pair, labels = windows(rng, 8)
    given = of_pandas(labels, form)
    own = {"verbose": 0, "shuffle": False}
    for step in (
        model.test_on_batch,
        lambda *data: model.evaluate(*data, verbose=0),
        lambda *data: model.fit(*data, **own).history["loss"],
        lambda *data: model.fit(pair, labels, validation_data=data, **own).history[
            "val_loss"
        ],
        model.train_on_batch,
    ):
        model.transfer_weight = 0.1
        before = model.get_weights()
        expected = step(pair, labels)
        model.set_weights(before)
        np.testing.assert_allclose(step(pair, given), expected, rtol=1e-5)


def test_tables_of_pandas_are_windows_and_weights(rng):
    pandas = pytest.importorskip("pandas")

    def dense(channels):
        inputs = keras.Input((channels,))
        return keras.Model(inputs, keras.layers.Dense(CLASSES)(inputs))

    model = keras_dcat.DCATModel(dense(5), dense(3))
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    pair = tuple(rng.normal(size=(8, n)).astype("float32") for n in (5, 3))
    labels, weights = np.arange(8) % CLASSES, np.arange(8.0)
    tables = tuple(pandas.DataFrame(x) for x in pair)
    for step in (model.test_on_batch, model.train_on_batch):
        expected = step(pair, labels, weights)
        found = step(tables, labels, pandas.Series(weights))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    model.fit(tables, labels, sample_weight=pandas.Series(weights), verbose=0)
    np.testing.assert_allclose(
        model.predict(tables, verbose=0), model.predict(pair, verbose=0), rtol=1e-6
    )
    with pytest.raises(ValueError, match="target must be numbers.*dtype object"):
        model.fit((tables[0], tables[1].astype(object)), labels, verbose=0)


def batches_of(pair, labels, rounds=1):
    for _ in range(rounds):
        for at in (slice(0, 4), slice(4, 6), slice(6, 8)):
            yield tuple(x[at] for x in pair), labels[at]


def test_a_generator_does_not_validate_more_epochs_than_it_lasts(rng, model):
    pair, labels = windows(rng, 8)
    with pytest.raises(ValueError, match="first of 2 epochs.*Pass arrays"):
        model.fit(
            pair, labels, 8, 2, validation_data=batches_of(pair, labels), verbose=0
        )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_generator_validates_one_epoch(rng, model):
    pair, labels = windows(rng, 8)
    history = model.fit(
        pair, labels, validation_data=batches_of(pair, labels), verbose=0
    ).history
    expected = model.evaluate(pair, labels, verbose=0, return_dict=True)
    for name in ("accuracy", "classification_loss"):
        (found,) = history[f"val_{name}"]
        assert found == pytest.approx(expected[name], rel=1e-5)


def test_a_generator_validates_as_many_steps_as_are_named(rng, model):
    pair, labels = windows(rng, 8)
    history = model.fit(
        pair,
        labels,
        epochs=2,
        validation_data=batches_of(pair, labels, rounds=9),
        validation_steps=3,
        verbose=0,
    ).history
    assert np.isfinite(history["val_loss"]).all()
    assert len(history["val_loss"]) == 2


def test_a_target_alone_is_tested_and_not_trained(rng, model):
    pair, labels = windows(rng, 8)
    model.test_on_batch(pair[1], labels)
    with pytest.raises(ValueError, match=r"A batch must be \(\(source, target\)"):
        model.train_on_batch(pair[1], labels)


def test_one_batch_is_weighed_by_class(rng, model):
    pair, labels = windows(rng, 8)
    found = model.train_on_batch(pair, labels, class_weight={1: 3.0}, return_dict=True)
    weights = np.where(labels == 1, 3.0, 1.0)
    expected = model.train_on_batch(pair, labels, weights, return_dict=True)
    assert float(found["loss"]) == pytest.approx(float(expected["loss"]), rel=1e-5)


def test_classes_weigh_nothing_in_what_is_split_off_for_validation(rng, model):
    pair, labels = windows(rng)
    options = {"verbose": 0, "shuffle": False, "batch_size": 8}
    before = model.target.get_weights()  # with what batch normalization has seen
    found = model.fit(
        pair, labels, class_weight={1: 3.0}, validation_split=0.3, **options
    ).history
    first, rest = [
        (tuple(x[at] for x in pair), labels[at]) for at in (slice(22), slice(22, None))
    ]
    model.target.set_weights(before)
    expected = model.fit(
        *first, class_weight={1: 3.0}, validation_data=rest, **options
    ).history
    for name in ("classification_loss", "val_classification_loss", "val_accuracy"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5)
