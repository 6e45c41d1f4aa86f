import csv
import warnings

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.diagnosis import TransferMonitor
from keras_dcat.diagnosis.monitor import harm
from keras_dcat.metrics import macro_f1
from keras_dcat.transfer import (
    FeatureInfoNCE,
    LogitsDistillation,
    NegativeTransferGuard,
)
from tests import references
from tests.models import CLASSES, pair_of_branches, snapshot, windows

NAMES = ["sit", "stand", "walk", "run"]
pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def joined(**options):
    keras.utils.set_random_seed(0)
    model = keras_dcat.DCATModel(*pair_of_branches(dropout=0.3), **options)
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    return model


def trained(model, data, monitor=None, epochs=2):
    callbacks = [NegativeTransferGuard(only_warn=True)]  # the source is not trained
    if monitor is not None:
        callbacks.append(monitor)
    return model.fit(
        *data, epochs=epochs, batch_size=16, callbacks=callbacks, verbose=0
    )


def test_a_row_is_what_numpy_computes_of_the_model(rng):
    pair, labels = windows(rng)
    model = joined(gate="correct", loss=keras_dcat.MaskedCrossAttentionLoss())
    believed = keras.ops.convert_to_numpy(model.sources[0](pair[0])).argmax(-1)
    labels[:8] = believed[:8]  # the source is right there
    labels[::5] = -1
    monitor = TransferMonitor((pair, labels), class_names=NAMES, batch_size=10)
    history = trained(model, (pair, labels), monitor, epochs=1).history
    (row,) = monitor.rows
    outputs = model({"source": pair[0], "target": pair[1]}, training=False)
    outputs = keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
    prediction, ((believed, ((source, target),), *_),), *_ = outputs
    known = labels >= 0
    distances = references.loss(source, target, "source")
    right = believed.argmax(-1) == labels
    expected = {
        "transfer_weight": model.transfer_weight,
        "source_f1": macro_f1(labels[known], believed[known], CLASSES),
        "target_f1": macro_f1(labels[known], prediction[known], CLASSES),
        "alignment": distances.mean(),
        "alignment/walk": distances[labels == 2].mean(),
        "unmasked_share": right.mean(),
        "unmasked_share/sit": right[labels == 0].mean(),
        "train_gap": history["accuracy"][0]
        - (prediction.argmax(-1) == labels)[known].mean(),
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name
    assert row["source_target_gap"] == row["source_f1"] - row["target_f1"]
    assert -1 <= row["gradient_cosine"] <= 1


@pytest.mark.each_value
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ([1.0, 1.0, 1.0], "cross_attention_loss"),
        ([0.0, 1.0, 1.0], "info_nce_loss"),
        ([0.0, 0.0, 1.0], "distillation_loss"),
    ],
)
def test_alignment_is_the_mean_of_the_first_active_loss_that_evaluate_gives(
    rng, policy, weights, name
):
    keras.config.set_dtype_policy(policy)
    losses = [
        keras_dcat.MaskedCrossAttentionLoss("none", reduction="sum"),
        FeatureInfoNCE(reduction="sum"),
        LogitsDistillation(reduction="sum"),
    ]
    pair, labels = windows(rng)
    pair = tuple(50 * x for x in pair)  # their products leave float16
    model = joined(gate="all", loss=losses, loss_weights=weights)
    monitor = TransferMonitor((pair, labels))
    monitor.set_model(model)
    monitor.on_train_begin()
    *_, distances, _ = monitor._observed()
    found = model.evaluate(pair, labels, verbose=0, return_dict=True)
    assert distances.shape == labels.shape
    assert distances.sum() == pytest.approx(found[name], rel=1e-3)


def test_pairs_may_be_a_dict_as_in_fit_and_others_are_refused_at_the_start(rng):
    (source, target), labels = windows(rng)
    seen = []
    for pair in ((source, target), {"source": source, "target": target}):
        model = joined()
        monitor = TransferMonitor((pair, labels))
        trained(model, ((source, target), labels), monitor, epochs=1)
        seen.append(monitor.rows)
    assert seen[0] == seen[1]
    monitor = TransferMonitor((target, labels))
    monitor.set_model(model)
    with pytest.raises(ValueError, match=r"A batch must be.*Zip the two modalities"):
        monitor.on_train_begin()


def test_a_training_that_is_watched_is_the_same_to_the_bit(rng):
    data, states = windows(rng), []
    for monitor in (None, TransferMonitor(data)):
        model = joined()
        trained(model, data, monitor)
        states.append(snapshot(model))
    for one, two in zip(*states, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_compiled_training_is_watched_as_it_goes_on(rng):
    data = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(0.3))
    monitor = TransferMonitor(data)
    trained(model, data, monitor)
    first, last = monitor.rows
    assert first["alignment"] != last["alignment"]
    found = model.evaluate(*data, verbose=0, return_dict=True)
    right = model.predict(data[0][1], verbose=0).argmax(-1) == data[1]
    assert found["accuracy"] == pytest.approx(right.mean())
    assert last["target_f1"] == pytest.approx(
        macro_f1(data[1], model.predict(data[0][1], verbose=0), CLASSES)
    )


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_rows_are_on_disk_after_each_epoch_and_a_further_training_adds_to_them(
    rng, tmp_path
):
    data, counts = windows(rng), []
    path = tmp_path / "log" / "transfer.csv"
    count = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: counts.append(len(read(path)))
    )
    for _ in range(2):
        model = joined()
        monitor = TransferMonitor(data, tmp_path / "log", NAMES)
        model.fit(*data, epochs=2, callbacks=[monitor, count], verbose=0)
    assert counts == [1, 2, 3, 4]
    rows = read(path)
    assert [row["epoch"] for row in rows] == ["0", "1", "0", "1"]
    for name, value in monitor.rows[-1].items():
        np.testing.assert_equal(float(rows[-1][name]), value)


def test_a_table_with_other_columns_is_left_as_it_is(rng, tmp_path):
    (tmp_path / "transfer.csv").write_text("epoch,loss\n0,1.5\n")
    data = windows(rng)
    with pytest.raises(ValueError, match=r"\['epoch', 'loss'\].*another folder"):
        trained(joined(), data, TransferMonitor(data, tmp_path))
    assert (tmp_path / "transfer.csv").read_text() == "epoch,loss\n0,1.5\n"


def test_tensorboard_shows_the_same_numbers(rng, tmp_path):
    events = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    data = windows(rng)
    monitor = TransferMonitor(data, tmp_path, NAMES, tensorboard=True)
    trained(joined(), data, monitor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = events.EventAccumulator(str(tmp_path))
        found.Reload()
        tensors = found.Tensors("transfer/alignment/walk")
    values = [event.tensor_proto.float_val[0] for event in tensors]
    expected = [row["alignment/walk"] for row in monitor.rows]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def rows(*found, weight=0.1):
    return [
        {"transfer_weight": weight, "target_f1": f1, "gradient_cosine": cosine}
        for f1, cosine in found
    ]


@pytest.mark.parametrize(
    ("found", "weight", "is_harm"),
    [
        ([(0.8, 0.5), (0.7, -0.2), (0.7, -0.4)], 0.1, True),
        ([(0.8, 0.5), (0.7, -0.2), (0.79, -0.4)], 0.1, False),  # it came back
        ([(0.8, 0.5), (0.7, 0.2), (0.7, 0.4)], 0.1, False),  # both want the same
        ([(0.8, 0.5), (0.7, -0.2), (0.7, -0.4)], 0.0, False),  # nobody teaches
        ([(0.7, -0.2), (0.7, -0.4)], 0.1, False),  # nothing to compare with
        ([(0.8, 0.5), (0.7, np.nan), (0.7, np.nan)], 0.1, False),
    ],
)
def test_harm_is_a_lower_f1_while_the_gradients_oppose_each_other(
    found, weight, is_harm
):
    assert bool(harm(rows(*found, weight=weight), patience=2)) == is_harm


def test_harm_is_said_once_and_in_words(rng, monkeypatch):
    data = windows(rng)
    monitor = TransferMonitor(data, patience=1)
    told = iter(rows((0.8, 0.1), (0.5, -0.9), (0.4, -0.9)))
    model = joined()
    monkeypatch.setattr(TransferMonitor, "_row", lambda self, *args: next(told))
    with pytest.warns(
        UserWarning, match=r"was 0.800 and is 0.500.*TransferEarlyStopping"
    ) as said:
        trained(model, data, monitor, epochs=3)
    assert sum("begun to do harm" in str(warning.message) for warning in said) == 1
    assert monitor.reason in {str(warning.message) for warning in said}


def test_options_that_make_no_sense_are_refused(rng):
    data = windows(rng)
    with pytest.raises(ValueError, match="patience=0.*Start with"):
        TransferMonitor(data, patience=0)
    with pytest.raises(ValueError, match=r"\['sit'\] for 4 classes.*order"):
        trained(joined(), data, TransferMonitor(data, class_names=["sit"]))


def dense(channels, units, activation=None):
    inputs = keras.Input((channels,))
    x = keras.layers.Dense(4, activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(units, activation)(x))


def monitored(rng, models, labels, class_names=None, **options):
    """A row of a monitor, the model, and the pair."""
    keras.utils.set_random_seed(0)
    model = keras_dcat.DCATModel(*models, **options)
    model.compile(keras.optimizers.SGD(0.1))
    pair = tuple(
        rng.normal(size=(len(labels), each.input_shape[-1])).astype("float32")
        for each in models
    )
    monitor = TransferMonitor((pair, labels), class_names=class_names, batch_size=10)
    history = trained(model, (pair, labels), monitor, epochs=1).history
    return monitor.rows[0], model, pair, history


@pytest.mark.parametrize("units", [1, 3])
def test_sigmoids_are_watched_label_by_label(rng, units):
    labels = rng.integers(0, 2, (32, units)).astype("float32")
    labels[::5, 0] = np.nan
    names = ["still", "fall"] if units == 1 else ["fall", "turn", "sit"]
    models = dense(5, units, "sigmoid"), dense(3, units, "sigmoid")
    row, model, pair, history = monitored(
        rng, models, labels, names, recipe="distillation", gate="correct"
    )
    source, target = (
        m.predict(x, verbose=0) for m, x in zip(models, pair, strict=True)
    )
    known = labels >= 0
    size, several = (2, False) if units == 1 else (3, True)
    for side, said in (("source_f1", source), ("target_f1", target)):
        rows = known[:, 0] if units == 1 else slice(None)
        f1 = macro_f1(labels[rows], said[rows] > 0.5, size, multi_label=several)
        assert row[side] == pytest.approx(f1)
    right = (source > 0.5) == labels
    assert row["unmasked_share"] == pytest.approx(right.mean(), abs=1e-6)
    own = labels[:, 0] == 1
    assert row["unmasked_share/fall"] == pytest.approx(right[own, 0].mean())
    accuracy = ((target > 0.5) == labels)[known].mean()
    gap = history["accuracy"][0] - accuracy
    assert row["train_gap"] == pytest.approx(gap, abs=1e-5)
    assert [name for name in row if name.startswith("alignment/")] == [
        f"alignment/{name}" for name in names
    ]


def test_a_regression_is_watched_by_its_errors(rng):
    labels = rng.normal(size=(32, 2)).astype("float32")
    labels[::5, 0] = np.nan
    models = dense(5, 2), dense(3, 2)
    row, model, pair, _ = monitored(
        rng, models, labels, task="regression", recipe="info_nce", gate="all"
    )
    for side, each, x in zip(("source", "target"), models, pair, strict=True):
        expected = np.nanmean(np.abs(each.predict(x, verbose=0) - labels))
        assert row[f"{side}_error"] == pytest.approx(expected, rel=1e-5)
    assert row["unmasked_share"] == 1
    assert not [name for name in row if "f1" in name or "/" in name]


def test_of_a_source_of_features_nothing_is_said_but_how_far_it_is(rng):
    models = dense(5, 6), dense(3, 4)
    labels = np.arange(32) % CLASSES
    row, *_ = monitored(
        rng, models, labels, NAMES, source_output="features", recipe="info_nce"
    )
    assert np.isnan(row["source_f1"])
    assert np.isfinite(
        [row["target_f1"], row["alignment"], row["alignment/walk"]]
    ).all()


def test_an_error_that_grows_while_gradients_oppose_each_other_is_harm():
    def errors(*found):
        return [
            {"transfer_weight": 0.1, "target_error": x, "gradient_cosine": -0.5}
            for x in found
        ]

    assert (
        "the error of the held-out windows was 1.000 and is 1.200, above that"
        in harm(errors(2.0, 1.0, 1.1, 1.2), 2)
    )
    assert harm(errors(2.0, 1.0, 1.01, 1.2), 2) is None
    assert harm(errors(2.0, 1.0, 0.9), 1) is None
