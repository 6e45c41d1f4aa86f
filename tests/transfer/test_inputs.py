import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dcat
from keras_dcat.constant_data import Constants, with_constants
from keras_dcat.transfer.input_values import readable_errors
from tests.models import CLASSES, pair_of_branches, windows
from tests.rows import Rows

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
def compiled():
    loss = keras_dcat.MaskedCrossAttentionLoss()  # of each window by itself
    return keras_dcat.DCATModel(*pair_of_branches(), loss=loss)


@pytest.fixture
def model(compiled):
    """A model whose few steps are nowhere worth a trace."""
    compiled.compile(run_eagerly=True)
    return compiled


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


def torch_loader(pair, labels):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(Rows(pair, labels), batch_size=8)


def torch_stream(pair, labels):
    torch = pytest.importorskip("torch")

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            rows = Rows(pair, labels)
            return (rows[i] for i in range(len(rows)))

    return torch.utils.data.DataLoader(Stream(), batch_size=8)


def grain_map(pair, labels):
    grain = pytest.importorskip("grain")
    return grain.MapDataset.source(Rows(pair, labels)).batch(8)


def grain_iter(pair, labels):
    return grain_map(pair, labels).to_iter_dataset()


def grain_loader(pair, labels):
    grain = pytest.importorskip("grain")
    return grain.DataLoader(
        data_source=Rows(pair, labels),
        sampler=grain.samplers.IndexSampler(len(labels), num_epochs=1),
        operations=[grain.transforms.Batch(8)],
    )


KINDS = {
    "arrays": lambda pair, labels: (pair, labels),
    "tf.data": lambda pair, labels: (tf_dataset(pair, labels),),
    "PyDataset": lambda pair, labels: (Batches(pair, labels),),
    "generator": lambda pair, labels: (generator(pair, labels),),
}
LOADERS = {
    "torch": lambda pair, labels: (torch_loader(pair, labels),),
    "torch stream": lambda pair, labels: (torch_stream(pair, labels),),
    "grain map": lambda pair, labels: (grain_map(pair, labels),),
    "grain iter": lambda pair, labels: (grain_iter(pair, labels),),
    "grain loader": lambda pair, labels: (grain_loader(pair, labels),),
}
ALL_KINDS = {**KINDS, **LOADERS}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.traced] * (kind in ("tf.data", "torch")))
        for kind in ALL_KINDS
    ],
)
def test_every_kind_of_data_gives_the_same_numbers(rng, compiled, kind):
    pair, labels = windows(rng)
    expected = compiled.evaluate(pair, labels, batch_size=8, verbose=0)
    actual = compiled.evaluate(*ALL_KINDS[kind](pair, labels), verbose=0)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    compiled.fit(*ALL_KINDS[kind](pair, labels), verbose=0)


@pytest.mark.each_value
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


@pytest.mark.each_value
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", [-2, CLASSES])
def test_a_label_out_of_range_is_refused(rng, model, kind, label):
    pair, labels = windows(rng)
    labels[-1] = label
    with pytest.raises(ValueError, match=LABEL_RANGE):
        model.fit(*KINDS[kind](pair, labels), verbose=0)


@pytest.mark.each_value
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


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_validation_data_are_checked_before_training(rng, model, kind):
    pair, labels = windows(rng)
    good = labels.copy()
    labels[0] = CLASSES
    validation = ALL_KINDS[kind](pair, labels)
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


@pytest.mark.traced
def test_a_dataset_that_turns_out_empty_is_refused(rng, compiled):
    dataset = tf_dataset(*windows(rng)).filter(lambda x, y: False)
    with pytest.raises(ValueError, match=r"at least one batch.*Check its filters"):
        compiled.fit(dataset, verbose=0)


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


@pytest.mark.each_value
@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("form", ["integers", "one-hot"])
def test_classes_weigh_the_same_whatever_they_come_in(rng, model, kind, form):
    pair, labels = windows(rng)
    partly = np.where(np.arange(32) < 31, labels, -1)
    # of the four classes, one is not named
    each = np.array([3.0, 1.0, 0.5, 0.0, 1.0], "float32")[partly]
    weights = {0: 3.0, 2: 0.5, 3: 0.0}
    if form == "one-hot":
        partly = np.eye(CLASSES, dtype="float32")[labels] * (partly >= 0)[:, None]
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    options = {"verbose": 0, "shuffle": False}
    sizes = {"batch_size": 8} if kind == "arrays" else {}
    data = ALL_KINDS[kind](pair, partly)
    found = model.fit(*data, class_weight=weights, **options, **sizes).history
    options["batch_size"] = 8
    expected = model.fit(pair, partly, sample_weight=each, **options).history
    # not the sum of both, in which the guard may have set λ to 0
    for name in ("cross_attention_loss", "classification_loss"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5)


def test_a_class_that_is_not_there_cannot_be_weighed(rng, model):
    for kind in KINDS:
        data = KINDS[kind](*windows(rng))
        with pytest.raises(ValueError, match=r"the keys \[7\].*Name classes by"):
            model.fit(*data, class_weight={7: 2.0}, verbose=0)


def test_windows_are_not_weighed_twice(rng, model):
    tf = pytest.importorskip("tensorflow")
    pair, labels = windows(rng)
    both, options = (
        (pair, labels, np.ones(32)),
        {"class_weight": {0: 2.0}, "verbose": 0},
    )
    dataset = tf.data.Dataset.from_tensor_slices(both).batch(8)
    for data in (dataset, (each for each in [both])):
        with pytest.raises(ValueError, match=r"Received: both. Multiply"):
            model.fit(data, **options)
    with pytest.raises(ValueError, match=r"Received: both. Multiply"):
        model.fit(*both[:2], sample_weight=both[2], **options)


def test_labels_of_unknown_rank_are_refused_before_the_first_step(rng, model):
    tf = pytest.importorskip("tensorflow")
    data = tf_dataset(*windows(rng)).map(
        lambda x, y: (x, tf.numpy_function(lambda own: own, [y], tf.int64))
    )
    with pytest.raises(ValueError, match=r"of shape None.*set_shape\(\(None,\)\)"):
        model.fit(data, verbose=0)


def refused(pair, labels, wrong):
    """Windows and labels with something wrong in the last window."""
    if wrong in (np.nan, np.inf):
        pair = pair[0], np.where(np.arange(32)[:, None, None] < 31, pair[1], wrong)
    elif wrong == "label":
        labels = np.where(np.arange(32) < 31, labels, 7)
    elif wrong == "text":
        labels = np.array(["sit", "stand", "walk", "fall"])[labels]
    elif wrong == "shape":
        pair = pair[0][:, :5], pair[1]
    else:
        pair = (pair[1],)
    return pair, labels


@pytest.mark.parametrize("kind", LOADERS)
def test_what_a_loader_gives_is_refused_for_what_is_wrong_with_it(rng, model, kind):
    pair, labels = windows(rng)
    for wrong, message in {
        np.nan: TARGET_NAN,
        np.inf: TARGET_NAN,
        "label": LABEL_RANGE,
        "text": r"\['sit', 'stand'.*class_names.index",
        "shape": r"source must be of shape .*\(8, 5, 5\).*window length",
        "alone": NO_PAIR,
    }.items():
        data = LOADERS[kind](*refused(pair, labels, wrong))
        with pytest.raises(ValueError, match=message):
            model.fit(*data, verbose=0)


def test_a_batch_that_an_earlier_call_still_reads_is_not_taken_for_this_ones(
    rng, model
):
    pair, labels = windows(rng)
    batch_format = model._batch_format
    text, shape = ([refused(pair, labels, wrong)] for wrong in ("text", "shape"))
    of_before, of_now = [], []
    earlier, *_ = batch_format.checked(iter_of(text), None, True, refusals=of_before)
    now, *_ = batch_format.checked(iter_of(shape), None, True, refusals=of_now)

    def read_both():
        with readable_errors(batch_format.head, of_now):
            with pytest.raises(ValueError, match="class_names.index"):
                next(earlier)
            next(now)

    with pytest.raises(ValueError, match="source must be of shape"):
        read_both()


def iter_of(batches):
    return (batch for batch in batches)


@pytest.mark.parametrize("kind", LOADERS)
def test_loaders_predict_pairs_with_and_without_labels_and_targets_alone(
    rng, compiled, kind
):
    pair, labels = windows(rng)
    expected = compiled.predict(pair[1], verbose=0)
    for x in (pair, (pair[1],)):
        actual = compiled.predict(*ALL_KINDS[kind](x, labels), verbose=0)
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_a_generator_predicts_pairs_whose_labels_were_left_out(rng, compiled):
    pair, _ = windows(rng)
    expected = compiled.predict(pair[1], verbose=0)
    batches = (pair for _ in range(1))
    np.testing.assert_allclose(
        compiled.predict(batches, verbose=0), expected, atol=1e-5
    )
    np.testing.assert_allclose(
        compiled.predict(tf_dataset(*pair), verbose=0), expected, atol=1e-5
    )


@pytest.mark.parametrize("kind", [*LOADERS, "generator", "PyDataset"])
def test_a_model_keeps_its_weights_when_scoring_or_predicting_dies(rng, compiled, kind):
    pair, labels = windows(rng)
    expected = compiled.predict(pair[1], verbose=0)
    bad = labels.copy()
    bad[-1] = CLASSES
    with pytest.raises(ValueError, match=LABEL_RANGE):
        compiled.evaluate(*ALL_KINDS[kind](pair, bad), verbose=0)
    with pytest.raises(Exception):  # noqa: B017, PT011 - each backend has its own
        compiled.predict(*ALL_KINDS[kind]((pair[0],), labels), verbose=0)
    np.testing.assert_array_equal(compiled.predict(pair[1], verbose=0), expected)


@pytest.mark.parametrize("kind", ["generator", "torch stream", "grain iter"])
def test_data_without_end_train_for_as_many_steps_as_are_said(rng, model, kind):
    pair, labels = windows(rng)
    if kind == "generator":
        dataset = Batches(pair, labels)
        data = (dataset[i % 4] for i in itertools.count())
    elif kind == "grain iter":
        data = grain_map(pair, labels).repeat().to_iter_dataset()
    else:
        torch = pytest.importorskip("torch")

        class Stream(torch.utils.data.IterableDataset):
            def __iter__(self):
                rows = Rows(pair, labels)
                return (rows[i % 32] for i in itertools.count())

        data = torch.utils.data.DataLoader(Stream(), batch_size=8)
    model.fit(data, steps_per_epoch=3, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 6


@pytest.mark.parametrize("batch", [dict, list])
def test_a_batch_of_a_generator_is_a_tuple_or_told_what_it_is(rng, model, batch):
    pair, labels = windows(rng)
    if batch is list:
        model.fit(([list(pair), labels] for _ in range(1)), verbose=0)
        return
    wrong = {"x": pair, "y": labels}
    with pytest.raises(
        ValueError, match=r"batch must be \(inputs, labels\).*'x'.*Yield"
    ):
        model.fit((wrong for _ in range(1)), verbose=0)
    model.fit(((wrong["x"], wrong["y"]) for _ in range(1)), verbose=0)


@pytest.mark.parametrize("key", ["may_teach", "mask"])
def test_a_pair_with_a_key_that_means_nothing_is_refused_by_its_name(rng, model, key):
    pair, labels = windows(rng)
    inputs = {"source": pair[0], "target": pair[1], key: np.ones(32, "float32")}
    message = rf"'transfer_mask' if needed. Received: also \['{key}'\].*name them so"
    with pytest.raises(ValueError, match=message):
        model.fit(inputs, labels, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.predict(inputs, verbose=0)
    inputs["transfer_mask"] = inputs.pop(key)
    model.fit(inputs, labels, verbose=0)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((32, 20)), r"\(batch,\).*\(32, 20\).*np.asarray"),
        ([1.0] * 32, r"\(batch,\).*a list.*np.asarray"),
        (np.float32(1), r"\(batch,\).*of shape \(\)"),
        (np.array(["1"] * 32), r"must be numbers.*dtype str.*Convert"),
        (np.ones(31), r"same number of windows.*\[31, 32\]"),
    ],
    ids=["steps", "list", "number", "text", "short"],
)
def test_weights_must_be_one_number_for_each_window(rng, model, weights, message):
    pair, labels = windows(rng)
    for name in ("fit", "evaluate"):
        with pytest.raises(ValueError, match=message):
            getattr(model, name)(pair, labels, sample_weight=weights, verbose=0)


def test_labels_without_an_axis_are_refused_with_a_cure_that_works(rng, model):
    pair, labels = windows(rng, 1)
    with pytest.raises(
        ValueError, match=r"of shape \(\). Batch them, or.*np.reshape\(l"
    ):
        model.test_on_batch(pair, labels[0])
    model.test_on_batch(pair, np.reshape(labels[0], 1))


def test_text_is_no_input(rng, model):
    (source, target), labels = windows(rng)
    text = target.astype(str)
    with pytest.raises(ValueError, match=r"target must be numbers.*dtype str.*asarray"):
        model.evaluate((source, text), labels, verbose=0)
    model.evaluate((source, np.asarray(text, "float32")), labels, verbose=0)


def test_ragged_and_sparse_datasets_are_refused_before_the_first_step(rng, model):
    tf = pytest.importorskip("tensorflow")
    data = tf_dataset(*windows(rng))
    ragged = data.map(lambda x, y: ((x[0], tf.RaggedTensor.from_tensor(x[1])), y))
    with pytest.raises(ValueError, match=r"target must be dense.*x.to_tensor\(\)"):
        model.fit(ragged, verbose=0)
    cured = ragged.map(lambda x, y: ((x[0], x[1].to_tensor(shape=(None, 20, 3))), y))
    model.fit(cured, verbose=0)
    sparse = data.map(lambda x, y: ((tf.sparse.from_dense(x[0]), x[1]), y))
    with pytest.raises(ValueError, match=r"source must be dense.*tf.sparse.to_dense"):
        model.fit(sparse, verbose=0)
    model.fit(sparse.map(lambda x, y: ((tf.sparse.to_dense(x[0]), x[1]), y)), verbose=0)


@pytest.mark.parametrize("framework", ["torch", "jax.numpy", "tensorflow"])
def test_tensors_of_any_framework_are_arrays(rng, model, framework):
    library = pytest.importorskip(framework)
    make = library.constant if framework == "tensorflow" else library.asarray
    pair, labels = windows(rng)
    expected = model.evaluate(pair, labels, verbose=0)
    tensors = tuple(map(make, pair)), make(labels)
    np.testing.assert_allclose(model.evaluate(*tensors, verbose=0), expected, rtol=1e-5)
    pair[0][3] = np.nan
    with pytest.raises(ValueError, match=SOURCE_NAN):
        model.evaluate(tuple(map(make, pair)), make(labels), verbose=0)


def test_what_keras_cannot_read_is_refused_with_a_cure_that_works(rng, model):
    batches = iter([windows(rng)])
    with pytest.raises(
        ValueError, match=r"a list_iterator. Make a generator.*batch for"
    ):
        model.fit(batches, verbose=0)
    model.fit((batch for batch in batches), verbose=0)


def constant_pairs(pair, labels, **shares):
    """Batches of which it is known that their inputs are finite."""
    inputs = {"source": pair[0], "target": pair[1]}
    if shares:
        inputs["transfer_mask"] = shares["transfer_mask"]
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8)
    return with_constants(dataset, Constants(labels, **shares))


def test_batches_that_cannot_change_are_not_looked_at_in_every_epoch(model, rng):
    pairs = constant_pairs(*windows(rng))
    checked, _, _ = model._batch_format.checked(pairs, None, pairs_only=True)
    assert checked is pairs
    changed = pairs.map(lambda x, y: (x, y))
    checked, _, _ = model._batch_format.checked(changed, None, pairs_only=True)
    assert checked is not changed


def test_a_map_after_it_is_checked_as_ever(model, rng):
    def spoilt(inputs, labels):
        return {**inputs, "target": inputs["target"] * float("nan")}, labels

    with pytest.raises(ValueError, match=TARGET_NAN):
        model.fit(constant_pairs(*windows(rng)).map(spoilt), verbose=0)


def test_their_labels_and_shares_are_checked_before_the_first_step(model, rng):
    pair, labels = windows(rng)
    steps = model.optimizer.iterations
    wrong = labels.copy()
    wrong[-1] = CLASSES
    with pytest.raises(ValueError, match=LABEL_RANGE):
        model.fit(constant_pairs(pair, wrong), verbose=0)
    shares = np.ones(len(labels), "float32")
    shares[-1] = 1.5
    with pytest.raises(ValueError, match=SHARES):
        model.fit(constant_pairs(pair, labels, transfer_mask=shares), verbose=0)
    assert int(steps) == 0


def test_weights_of_classes_are_given_to_batches_that_cannot_change(model, rng):
    pair, labels = windows(rng)
    weights = {0: 2.0, 1: 0.5}
    checked, _, _ = model._batch_format.checked(
        constant_pairs(pair, labels), None, pairs_only=True, class_weight=weights
    )
    found = np.concatenate([weight for _, _, weight in checked.as_numpy_iterator()])
    np.testing.assert_allclose(found, [weights.get(int(each), 1.0) for each in labels])
