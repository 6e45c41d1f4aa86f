import warnings
from types import SimpleNamespace

import pytest

from keras_dcat.transfer.callbacks import FirstEpochCheck


def warned(accuracies, classes):
    """Which epochs drew a warning."""
    callback = FirstEpochCheck()
    callback.set_model(SimpleNamespace(num_classes=classes))
    callback.on_train_begin()
    epochs = []
    for epoch, accuracy in enumerate(accuracies):
        callback.on_train_batch_end(0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            callback.on_epoch_end(epoch, {"source_accuracy": accuracy})
        epochs.extend([epoch] * len(caught))
    return epochs


@pytest.mark.parametrize(
    ("accuracy", "classes", "expected"),
    [
        (0.5, 2, [0]),
        (0.7, 2, []),
        (0.04, 27, [0]),
        (0.1, 27, []),
        (0.1, 10, [0]),
        (0.3, 10, []),
    ],
)
def test_accuracy_near_guessing_in_the_first_epoch_draws_one_warning(
    accuracy, classes, expected
):
    assert warned([accuracy, accuracy], classes) == expected


def test_a_source_that_is_right_at_first_is_left_alone_later():
    assert warned([0.9, 0.1], classes=10) == []


def test_an_epoch_without_a_step_is_an_error():
    callback = FirstEpochCheck()
    callback.on_train_begin()
    with pytest.raises(ValueError, match=r"at least one batch.*Check its filters"):
        callback.on_epoch_end(0, {})
