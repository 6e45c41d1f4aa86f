import keras
import numpy as np
import pytest

from keras_dcat.transfer import NegativeTransferGuard
from keras_dcat.transfer.callbacks.counters import counters, is_counter


class Mine(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.count, self.means, self.by_name = 3, np.ones(2), {"loss": [1.0]}
        self.path, self.rows, self.nothing = "mine", [[1, "text"]], None


def test_of_a_callback_of_ones_own_what_is_made_of_numbers_counts():
    assert set(counters(Mine())) == {"count", "means", "by_name", "nothing"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("count", 4, True),
        ("count", np.ones(3), True),
        ("nothing", [np.ones(2), None], True),
        ("count", "4", False),
        ("by_name", {"loss": "text"}, False),
        ("path", 4, False),
        ("path", "other", False),
        ("on_epoch_end", 4, False),
        ("__dict__", {}, False),
        ("means", np.array(["text"]), False),
    ],
)
def test_nothing_is_put_in_the_place_of_what_does_not_count(name, value, expected):
    assert is_counter(Mine(), name, value) is expected


@pytest.mark.parametrize(
    ("make", "expected", "others"),
    [
        (
            lambda: keras.callbacks.ModelCheckpoint("a.keras"),
            {"best", "_last_batch_seen"},
            ["filepath", "save_freq", "verbose", "monitor", "save_best_only"],
        ),
        (
            lambda: keras.callbacks.EarlyStopping("loss"),
            {"wait", "best_weights"},
            ["patience", "monitor", "baseline"],
        ),
        (
            lambda: keras.callbacks.CSVLogger("a.csv"),
            set(),
            ["filename", "sep", "append", "append_header"],
        ),
        (NegativeTransferGuard, {"reason"}, ["monitor", "margin", "only_warn"]),
    ],
)
def test_of_what_is_known_named_counters_count_and_nothing_else(make, expected, others):
    callback = make()
    assert expected <= set(counters(callback))
    for name in others:
        assert not is_counter(callback, name, 1)
        assert not is_counter(callback, name, "text")


def test_a_reason_is_text_of_some_length_and_of_our_own_callbacks():
    assert is_counter(NegativeTransferGuard(), "reason", "at chance")
    assert not is_counter(NegativeTransferGuard(), "reason", "x" * 10_001)
    assert not is_counter(keras.callbacks.EarlyStopping("loss"), "reason", "text")


def test_one_that_derives_from_a_known_one_counts_as_both():
    class Own(keras.callbacks.EarlyStopping):
        def __init__(self):
            super().__init__("loss")
            self.seen, self.log = 0, "text"

    assert {"wait", "best", "seen"} <= set(counters(Own()))
    assert not is_counter(Own(), "log", "other")
