"""What is wrong with numbers is said alike, however they come."""

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer.head import Head
from keras_dcat.transfer.input_values import BatchValues
from tests.models import CLASSES, pair_of_branches, windows
from tests.transfer.test_inputs import ALL_KINDS, KINDS, tf_dataset

pytestmark = [
    pytest.mark.filterwarnings("ignore:The source should be trained"),
    pytest.mark.filterwarnings("ignore:Your input ran out of data"),
]

CLASS_NAMES = ["sit", "stand", "walk", "fall"]
WEIGHTS = r"`sample_weight` must be finite, and not neg.*NaN.*Give a window 0"


@pytest.fixture
def model():
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(run_eagerly=True)
    return model


@pytest.mark.each_value
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("label", "told"),
    [(0.5, r"\[0.5\]"), (np.nan, r"\[nan\]"), (np.inf, r"\[inf\]"), (-3.0, r"\[-3")],
)
def test_a_label_that_is_no_class_is_told_in_plain_numbers(
    rng, model, kind, label, told
):
    pair, labels = windows(rng)
    labels = labels.astype("float32")
    labels[-1] = label
    message = f"Labels must be whole numbers from 0 to 3.*Received: {told}.*Number the"
    with pytest.raises(ValueError, match=message):
        model.evaluate(*KINDS[kind](pair, labels), verbose=0)


@pytest.mark.each_value
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([1, 1, 0, 0], r"\[1(.0)?, 1(.0)?, 0(.0)?, 0(.0)?\]"),
        ([np.nan, 0, 0, 1], r"\[nan, 0"),
        ([-1, -1, -1, -1], r"\[-1(.0)?, -1"),
        ([0.5, -0.25, 2, 0], r"\[0.5, -0.25, 2"),
    ],
    ids=["multi-hot", "NaN", "minus one", "regression"],
)
def test_a_row_that_is_no_class_is_told_in_plain_numbers(rng, model, kind, row, told):
    pair, labels = windows(rng)
    rows = np.eye(CLASSES, dtype="float32")[labels]
    model.evaluate(*KINDS[kind](pair, rows), verbose=0)
    rows[-1] = row
    message = f"must add up to 1, or be zeros only.*Received: {told}.*one class, or sha"
    with pytest.raises(ValueError, match=message):
        model.fit(*KINDS[kind](pair, rows), verbose=0)
    for weight in model.target.get_weights():
        assert np.isfinite(weight).all()


@pytest.mark.parametrize("kind", ["arrays", "PyDataset", "generator"])
def test_text_is_refused_before_a_number_is_made_of_it(rng, model, kind):
    pair, labels = windows(rng)
    text = np.array(CLASS_NAMES)[labels]
    with pytest.raises(ValueError, match=r"\['sit', 'stand'.*class_names.index"):
        model.fit(*KINDS[kind](pair, text), verbose=0)
    with pytest.raises(ValueError, match=r"class_names.index"):
        keras_dcat.diagnose(model.sources[0], model.target, (pair, text), (pair, text))


def test_text_in_a_dataset_is_refused_with_a_cure_that_numbers_it(rng, model):
    pair, labels = windows(rng)
    data = tf_dataset(pair, np.array(CLASS_NAMES)[labels])
    with pytest.raises(ValueError, match=r"dtype string.*keras.layers.StringLookup"):
        model.fit(data, verbose=0)
    number = keras.layers.StringLookup(vocabulary=CLASS_NAMES, num_oov_indices=0)
    cured = data.map(lambda x, y: (x, number(y)))
    found = np.concatenate([y.numpy() for _, y in cured])
    np.testing.assert_array_equal(found, labels)
    model.fit(cured, verbose=0)


def test_labels_of_pandas_are_taken_or_refused_with_a_cure_that_works(rng, model):
    pandas = pytest.importorskip("pandas")
    pair, labels = windows(rng)
    model.evaluate(pair, pandas.Series(labels), verbose=0)
    series = pandas.Series(labels, dtype="Int64")
    with pytest.raises(ValueError, match=r'Int64.*to_numpy\("int64", na_value=-1\)'):
        model.evaluate(pair, series, verbose=0)
    series[0] = pandas.NA
    cured = series.to_numpy("int64", na_value=-1)
    assert cured.tolist() == [-1, *labels[1:].tolist()]
    model.evaluate(pair, cured, verbose=0)


def test_a_list_is_refused_with_a_cure_that_works(rng, model):
    pair, labels = windows(rng)
    with pytest.raises(ValueError, match=r"a list. Make an array.*np.asarray\(labels"):
        model.evaluate(pair, labels.tolist(), verbose=0)
    model.evaluate(pair, np.asarray(labels.tolist()), verbose=0)


@pytest.mark.parametrize("bad", [np.nan, -1.0])
@pytest.mark.parametrize("name", ["fit", "evaluate"])
def test_weights_that_weigh_nothing_sensible_are_refused(rng, model, name, bad):
    pair, labels = windows(rng)
    weights = np.where(np.arange(32) < 31, 1.0, bad)
    run = getattr(model, name)
    with pytest.raises(ValueError, match=WEIGHTS):
        run(pair, labels, sample_weight=weights, verbose=0)
    batch = (tuple(pair), labels, weights)
    with pytest.raises(ValueError, match=WEIGHTS):
        run((each for each in [batch]), verbose=0)
    with pytest.raises(ValueError, match=WEIGHTS):
        model.fit(pair, labels, validation_data=batch, verbose=0)
    run(pair, labels, sample_weight=np.where(weights > 0, 1.0, 0), verbose=0)


@pytest.mark.parametrize("kind", ["arrays", "tf.data", "torch"])
@pytest.mark.parametrize("value", [1e30, -1e12, np.nan])
def test_numbers_whose_fourth_power_float32_does_not_hold_are_refused(
    rng, model, kind, value
):
    pair, labels = windows(rng)
    pair[1][3, 2, 1] = value
    before = model.target.get_weights()
    message = r"target must be finite, and at most 2\*\*32.*take another unit"
    with pytest.raises(ValueError, match=message):
        model.fit(*ALL_KINDS[kind](pair, labels), verbose=0)
    for weight, old in zip(model.target.get_weights(), before, strict=True):
        assert np.isfinite(weight).all()
        assert kind != "arrays" or np.array_equal(weight, old)


def test_the_largest_numbers_that_are_taken_train_finite_weights(rng, model):
    pair, labels = windows(rng)
    pair = tuple(np.clip(x, -1, 1) * np.float32(2.0**32) for x in pair)
    model.fit(pair, labels, epochs=2, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.target.get_weights())


@pytest.mark.parametrize("bad", [np.inf, -1.0])
def test_weights_of_a_dataset_are_checked(rng, model, bad):
    tf = pytest.importorskip("tensorflow")
    pair, labels = windows(rng)
    weights = np.where(np.arange(32) < 31, 1.0, bad)
    data = tf.data.Dataset.from_tensor_slices((tuple(pair), labels, weights)).batch(8)
    with pytest.raises(ValueError, match=WEIGHTS):
        model.fit(data, verbose=0)


def test_a_message_is_found_whole_in_what_another_error_quotes():
    values = BatchValues(Head("multiclass", CLASSES))
    with pytest.raises(ValueError, match="0.5") as error:
        values.check_labels(np.array([0.5, 1]))
    quoted = RuntimeError(f"in a worker:\nValueError: {error.value}\nTraceback …")
    assert values.message_in(quoted) == str(error.value)
    assert values.message_in(RuntimeError("of something else")) is None


def test_a_masked_array_is_refused_for_what_is_under_its_mask(rng, model):
    (source, target), labels = windows(rng)
    gaps = np.ma.masked_greater(source, 1.0)
    with pytest.raises(
        ValueError, match=r"source must be finite.*a masked array.*fill"
    ):
        model.evaluate((gaps, target), labels, verbose=0)
    model.evaluate((gaps.filled(0.0), target), labels, verbose=0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_checked_too(rng, model, dtype):
    pair, labels = windows(rng)
    pair = [keras.ops.cast(side, dtype) for side in pair]
    model.evaluate(pair, labels, verbose=0)
    pair[1] = pair[1] / 0
    with pytest.raises(ValueError, match="target must be finite"):
        model.evaluate(pair, labels, verbose=0)


def test_parts_of_a_batch_of_a_dataset_must_be_of_the_same_windows(rng, model):
    tf = pytest.importorskip("tensorflow")
    (source, target), labels = windows(rng)
    parts = [(source, 8), (target, 7), (labels, 8)]
    data = [tf.data.Dataset.from_tensor_slices(x).batch(size) for x, size in parts]
    data = tf.data.Dataset.zip((tuple(data[:2]), data[2]))
    with pytest.raises(ValueError, match=r"same number.*\[7, 8\].*Check how"):
        model.fit(data, verbose=0)


@pytest.mark.parametrize("kind", ["arrays", "tf.data"])
def test_a_mask_of_yes_and_no_is_one_of_0_and_1(rng, model, kind):
    (source, target), labels = windows(rng)
    yes = np.arange(32) % 3 == 0
    found = []
    for mask in (yes, yes.astype("float64"), yes.astype("int8")):
        pair = {"source": source, "target": target, "transfer_mask": mask}
        found.append(model.evaluate(*KINDS[kind](pair, labels), verbose=0))
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.full(32, "yes"), r"must be numbers.*str96"),
        (np.ones((32, 2)), r"shape \(32, 2\).*one number from 0 to 1 for each"),
        (np.ones((32, 1)), r"shape \(32, 1\).*or leave it out"),
        (np.float32(1.0), r"shape \(\)"),
        ([1.0] * 32, r"a list.*Make an array"),
        (None, r"Received: None.*or leave it out"),
        (np.ones(31), r"same number.*\[31, 32\]"),
        (np.full(32, np.inf), "from 0 to 1"),
    ],
)
def test_a_mask_that_is_not_a_number_for_each_window_is_refused(
    rng, model, mask, message
):
    (source, target), labels = windows(rng)
    pair = {"source": source, "target": target, "transfer_mask": mask}
    for run in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=message):
            run(pair, labels, verbose=0)
