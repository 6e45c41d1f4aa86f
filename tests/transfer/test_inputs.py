import keras
import numpy as np
import pytest

import keras_dcat
from tests.models import CLASSES, pair_of_branches, windows

pytestmark = [
    pytest.mark.filterwarnings("ignore:The source should be trained"),
    # Keras says so of every generator that ends.
    pytest.mark.filterwarnings("ignore:Your input ran out of data"),
]

SOURCE_NAN = (
    r"input of the source must be finite.*fill the gaps in recordings of the source"
)
TARGET_NAN = (
    r"input of the target must be finite.*fill the gaps in recordings of the target"
)
LABEL_RANGE = (
    r"Labels must be whole numbers from 0 to 3, or -1.*Received: \[.*Number the classes"
)
SHARES = (
    "`transfer_mask` must be numbers from 0 to 1.*Give a window 0 where there is no"
)
NO_PAIR = r"A batch must be \(\(source, target\), labels\).*Zip the two modalities"


@pytest.fixture
def traced():
    loss = keras_dcat.MaskedCrossAttentionLoss()  # of each window by itself
    return keras_dcat.DCATModel(*pair_of_branches(), loss=loss)


@pytest.fixture
def model(traced):
    """A model whose few steps are not worth a trace."""
    traced.compile(run_eagerly=True)
    return traced


class Batches(keras.utils.PyDataset):
    """Batches of arrays, one after the other."""

    def __init__(self, pair, labels, size=8):
        super().__init__(workers=1)
        self.pair, self.labels, self.size = pair, labels, size
        self.epochs_ended = 0

    def __len__(self):
        return -(-len(self.labels) // self.size)

    def __getitem__(self, index):
        at = slice(index * self.size, (index + 1) * self.size)
        return tuple(x[at] for x in self.pair), self.labels[at]

    def on_epoch_end(self):
        self.epochs_ended += 1


def tf_dataset(pair, labels):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((pair, labels)).batch(8)


def generator(pair, labels):
    dataset = Batches(pair, labels)
    return (dataset[i] for i in range(len(dataset)))


KINDS = {
    "arrays": lambda pair, labels: (pair, labels),
    "tf.data": lambda pair, labels: (tf_dataset(pair, labels),),
    "PyDataset": lambda pair, labels: (Batches(pair, labels),),
    "generator": lambda pair, labels: (generator(pair, labels),),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_gives_the_same_numbers(rng, traced, kind):
    pair, labels = windows(rng)
    expected = traced.evaluate(pair, labels, batch_size=8, verbose=0)
    actual = traced.evaluate(*KINDS[kind](pair, labels), verbose=0)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    traced.fit(*KINDS[kind](pair, labels), verbose=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("side", "message"), [(0, SOURCE_NAN), (1, TARGET_NAN)], ids=["source", "target"]
)
def test_a_value_that_is_not_finite_is_refused_by_the_name_of_its_side(
    rng, model, kind, value, side, message
):
    pair, labels = windows(rng)
    pair[side][-1, 2, 1] = value
    with pytest.raises(ValueError, match=message):
        model.fit(*KINDS[kind](pair, labels), verbose=0)
    # also where Keras takes the weights away for as long as it trains
    for weight in model.target.get_weights():
        assert np.isfinite(weight).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", [-2, CLASSES])
def test_a_label_out_of_range_is_refused(rng, model, kind, label):
    pair, labels = windows(rng)
    labels[-1] = label
    with pytest.raises(ValueError, match=LABEL_RANGE):
        model.fit(*KINDS[kind](pair, labels), verbose=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_labels_may_be_numbers_of_any_type(rng, model, kind, dtype):
    pair, labels = windows(rng)
    expected = model.evaluate(pair, labels, batch_size=8, verbose=0)
    actual = model.evaluate(*KINDS[kind](pair, labels.astype(dtype)), verbose=0)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["arrays", "tf.data"])
def test_no_label_is_minus_one_and_nothing_near_it(rng, model, kind):
    pair, labels = windows(rng)
    labels = labels.astype("float32")
    labels[-1] = -1
    model.evaluate(*KINDS[kind](pair, labels), verbose=0)
    labels[-1] = -0.5
    with pytest.raises(ValueError, match=LABEL_RANGE):
        model.evaluate(*KINDS[kind](pair, labels), verbose=0)


@pytest.mark.parametrize("kind", ["arrays", "tf.data", "PyDataset"])
def test_validation_data_are_checked_before_training(rng, model, kind):
    pair, labels = windows(rng)
    good = labels.copy()
    labels[0] = CLASSES
    validation = KINDS[kind](pair, labels)
    validation = validation if kind == "arrays" else validation[0]
    with pytest.raises(ValueError, match=LABEL_RANGE):
        model.fit(pair, good, validation_data=validation, verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_one_modality_alone_is_refused_in_fit(rng, model, kind):
    pair, labels = windows(rng)
    data = KINDS[kind]((pair[1],), labels)
    if kind == "arrays":
        data = pair[1], labels
    elif kind == "tf.data":
        data = (data[0].map(lambda x, y: (x[0], y)),)
    with pytest.raises(ValueError, match=NO_PAIR):
        model.fit(*data, verbose=0)


def test_three_modalities_are_refused_with_their_shapes(rng, model):
    pair, labels = windows(rng)
    with pytest.raises(ValueError, match=r"\(of shape \(32, 12, 5\), of shape.*Zip"):
        model.fit((*pair, pair[0]), labels, verbose=0)


def test_swapped_modalities_are_refused_with_both_shapes(rng, model):
    pair, labels = windows(rng)
    with pytest.raises(
        ValueError,
        match=r"source must be of shape \(None, 12, 5\).*\(32, 20, 3\).*the order",
    ):
        model.fit(pair[::-1], labels, verbose=0)


def test_a_dataset_that_is_not_batched_is_refused(rng, model):
    pair, labels = windows(rng)
    dataset = tf_dataset(pair, labels).unbatch()
    with pytest.raises(ValueError, match=r"Received: of shape \(12, 5\).*is batched"):
        model.fit(dataset, verbose=0)


def test_a_dataset_without_labels_is_refused(rng, model):
    pair, labels = windows(rng)
    dataset = tf_dataset(pair, labels).map(lambda x, y: x)
    with pytest.raises(ValueError, match=NO_PAIR):
        model.fit(dataset, verbose=0)
    with pytest.raises(ValueError, match=r"inputs without labels.*Pass `y`"):
        model.fit(pair, verbose=0)
    dataset = tf_dataset(pair, labels).map(
        lambda x, y: {"source": x[0], "target": x[1]}
    )
    with pytest.raises(ValueError, match=r"batch must be \(inputs, labels\).*Yield"):
        model.fit(dataset, verbose=0)


@pytest.mark.parametrize("kind", ["arrays", "tf.data"])
def test_no_data_at_all_are_refused(rng, model, kind):
    pair, labels = windows(rng)
    empty = tuple(x[:0] for x in pair), labels[:0]
    with pytest.raises(ValueError, match=r"at least one.*Check"):
        model.fit(*KINDS[kind](*empty), verbose=0)


def test_a_dataset_that_turns_out_empty_is_refused(rng, traced):
    dataset = tf_dataset(*windows(rng)).filter(lambda x, y: False)
    with pytest.raises(ValueError, match=r"at least one batch.*Check its filters"):
        traced.fit(dataset, verbose=0)


def test_sides_of_different_counts_are_refused(rng, model):
    (source, target), labels = windows(rng)
    with pytest.raises(ValueError, match=r"\[30, 32\].*how the arrays were cut"):
        model.fit((source[:30], target), labels, verbose=0)


def test_one_hot_labels_of_other_classes_are_refused(rng, model):
    pair, labels = windows(rng)
    with pytest.raises(ValueError, match=r"one-hot \(batch, 4\).*\(32, 9\)"):
        model.fit(pair, np.eye(9)[labels], verbose=0)


def test_a_py_dataset_is_told_of_epochs_as_keras_tells_it(rng, model):
    class TargetBatches(Batches):
        def __getitem__(self, index):
            (_, target), labels = super().__getitem__(index)
            return target, labels

    pairs, alone = Batches(*windows(rng)), TargetBatches(*windows(rng))
    model.fit(pairs, epochs=2, verbose=0)
    model.target.compile(loss="sparse_categorical_crossentropy")
    model.target.fit(alone, epochs=2, verbose=0)
    assert pairs.epochs_ended == alone.epochs_ended >= 2


def test_the_users_arrays_are_not_changed(rng, model):
    pair, labels = windows(rng)
    before = [x.copy() for x in (*pair, labels)]
    model.fit(pair, labels, verbose=0)
    for old, new in zip(before, (*pair, labels), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (np.full(32, np.nan, "float32"), SHARES),
        (np.full(32, -1.0, "float32"), SHARES),
        (np.full(32, 1.01, "float32"), SHARES),
        (np.ones((32, 2), "float32"), r"`transfer_mask` must be .*\(32, 2\)"),
        (np.ones(31, "float32"), r"\[31, 32\]"),
    ],
)
def test_shares_that_do_not_fit_the_windows_are_refused(rng, model, shares, message):
    pair, labels = windows(rng)
    inputs = {"source": pair[0], "target": pair[1], "transfer_mask": shares}
    with pytest.raises(ValueError, match=message):
        model.fit(inputs, labels, verbose=0)


@pytest.mark.parametrize("share", [np.nan, -0.01, 1.01])
def test_shares_of_a_dataset_are_checked_batch_by_batch(rng, model, share):
    pair, labels = windows(rng)
    shares = np.where(np.arange(32) < 31, 1.0, share).astype("float32")
    inputs = {"source": pair[0], "target": pair[1], "transfer_mask": shares}
    with pytest.raises(ValueError, match=SHARES):
        model.fit(tf_dataset(inputs, labels), verbose=0)


@pytest.mark.parametrize(
    ("kind", "form", "works"),
    [
        ("arrays", "integers", True),
        ("PyDataset", "integers", True),
        ("tf.data", "integers", False),
        ("arrays", "one-hot", False),
        ("PyDataset", "one-hot", False),
        ("tf.data", "one-hot", False),
    ],
)
def test_class_weights_are_never_those_of_another_class(rng, model, kind, form, works):
    pair, labels = windows(rng)
    partly = np.where(np.arange(32) < 31, labels, -1)
    if form == "one-hot":
        partly = np.eye(CLASSES, dtype="float32")[labels] * (partly >= 0)[:, None]
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    weights = {number: 3.0 for number in range(CLASSES)}
    data, options = KINDS[kind](pair, partly), {"verbose": 0, "shuffle": False}
    if kind == "arrays":
        options["batch_size"] = 8
    if not works:
        with pytest.raises(ValueError, match=r"class_weight.*without a label.*Yield"):
            model.fit(*data, class_weight=weights, **options)
        return
    loss = model.fit(*data, class_weight=weights, **options).history["alignment_loss"][
        0
    ]
    each = np.where(partly < 0, 1.0, 3.0).astype("float32")
    options["batch_size"] = 8
    expected = model.fit(pair, partly, sample_weight=each, **options).history
    assert loss == pytest.approx(expected["alignment_loss"][0], rel=1e-5)


def test_a_dataset_whose_labels_are_all_there_takes_class_weights(rng, model):
    pair, labels = windows(rng)
    weights = {number: 1.0 + number for number in range(CLASSES)}
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    losses = [
        model.fit(*data, class_weight=weights, verbose=0).history["alignment_loss"]
        for data in ((tf_dataset(pair, labels),), (Batches(pair, labels),))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_labels_of_unknown_rank_are_refused_before_the_first_step(rng, model):
    tf = pytest.importorskip("tensorflow")
    data = tf_dataset(*windows(rng)).map(
        lambda x, y: (x, tf.numpy_function(lambda own: own, [y], tf.int64))
    )
    with pytest.raises(ValueError, match=r"of shape None.*set_shape\(\(None,\)\)"):
        model.fit(data, verbose=0)
