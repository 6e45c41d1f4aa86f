from types import SimpleNamespace

import pytest

import keras_dcat
from keras_dcat.transfer.callbacks.early_stopping import TransferEarlyStopping
from tests.models import pair_of_branches, windows

LOSS = "val_classification_loss"


def watched(stop, values, transfer_weight=0.3):
    """λ after each epoch in which the monitor has one of these values."""
    stop.set_model(SimpleNamespace(transfer_weight=transfer_weight))
    stop.on_train_begin()
    weights = []
    for epoch, value in enumerate(values):
        stop.on_epoch_end(epoch, {} if value is None else {stop.monitor: value})
        weights.append(stop.model.transfer_weight)
    return weights


@pytest.mark.parametrize(
    ("monitor", "values"),
    [(LOSS, [3, 2, 2.5, 2, 1, 1, 1, 1]), ("val_accuracy", [0, 1, 0.5, 1, 2, 2, 2, 2])],
)
def test_a_transfer_ends_after_patience_epochs_without_a_better_value(monitor, values):
    stop = TransferEarlyStopping(monitor, patience=3)
    assert watched(stop, values) == [0.3] * 7 + [0]
    assert f"after epoch 8: {monitor} has not improved on" in stop.reason
    assert "for 3 epochs" in stop.reason


def test_an_improvement_is_larger_than_min_delta():
    values = [1.0, 0.9, 0.8, 0.7]
    assert watched(TransferEarlyStopping(patience=2), values) == [0.3] * 4
    small = TransferEarlyStopping(patience=2, min_delta=0.25)
    assert watched(small, values) == [0.3, 0.3, 0, 0]


def test_not_a_number_is_no_improvement_and_no_best():
    nan = float("nan")
    assert watched(
        TransferEarlyStopping(patience=2), [nan, 1.0, nan, 0.5, nan, nan]
    ) == [
        *[0.3] * 5,
        0,
    ]


def test_epochs_without_validation_do_not_count():
    values = [1.0, None, 1.0, None, None, 1.0]
    assert watched(TransferEarlyStopping(patience=2), values) == [0.3] * 5 + [0]


def test_a_monitor_that_never_comes_is_said_once():
    stop = TransferEarlyStopping("val_acuracy", patience=2, mode="max")
    with pytest.warns(UserWarning, match="'val_acuracy'.*in 2 epochs.*pairs of held"):
        watched(stop, [None, None])
    stop.on_epoch_end(2, {})  # a second warning would be an error here


def test_a_transfer_that_does_not_run_is_not_ended(capsys):
    stop = TransferEarlyStopping(patience=1)
    assert watched(stop, [1, 1, 1], transfer_weight=0.0) == [0, 0, 0]
    assert stop.reason is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose", [0, 1])
def test_the_reason_is_printed_once_unless_told_otherwise(capsys, verbose):
    stop = TransferEarlyStopping(patience=1, verbose=verbose)
    watched(stop, [1, 1, 1])
    assert capsys.readouterr().out.count(stop.reason) == verbose


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience=0, min_delta=0.0.*Start with 5"),
        ({"min_delta": -1.0}, "min_delta=-1.0"),
        ({"monitor": "val_kappa"}, "mode=None for 'val_kappa'.*'max' if more is"),
        ({"mode": "auto"}, "mode='auto'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TransferEarlyStopping(**options)


@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_the_training_goes_on_with_the_loss_of_the_target(rng):
    pair, _ = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=0.5, gate="all")
    labels = model.sources[0].predict(pair[0], verbose=0).argmax(axis=-1)
    stop = TransferEarlyStopping("accuracy", patience=1, min_delta=1.0, verbose=0)
    history = model.fit(pair, labels, epochs=4, verbose=0, callbacks=[stop]).history
    assert "after epoch 2" in stop.reason
    assert history["loss"][1] > history["classification_loss"][1]
    assert history["loss"][2:] == pytest.approx(history["classification_loss"][2:])
