"""A full disk, a place that may not be written, and too little memory."""

import contextlib
import errno
import os
import pathlib
import resource

import keras
import matplotlib.figure
import numpy as np
import pytest
import tensorflow as tf

import keras_dcat
from keras_dcat.diagnosis.observations import ObservedPair
from keras_dcat.export import export_target
from keras_dcat.plots.figure import written
from keras_dcat.storage import written_whole
from keras_dcat.transfer import ResumeTraining, out_of_fold_predictions
from keras_dcat.transfer.caching import caching
from keras_dcat.transfer.gating.fold_cache import FoldCache
from tests.models import pair_of_branches, windows
from tests.reliability.works import recordings

LARGE = 200_000  # bytes, of which a disk that is nearly full takes some


def folds(path, is_first):
    cache = FoldCache(path, "these", [1, LARGE // 8])
    rows = 1 if is_first else LARGE // 8
    cache.add(0 if is_first else 1, np.ones((rows, 2), "float32"))


def training(path, is_first):
    model = keras.Sequential([keras.Input((200,)), keras.layers.Dense(250)])
    model.compile("sgd", "mse", run_eagerly=True)
    x, y, callbacks = np.ones((2, 200)), np.ones((2, 250)), [ResumeTraining(path)]
    model.fit(x, y, epochs=1 if is_first else 2, callbacks=callbacks, verbose=0)


def weights(path, is_first):
    model = keras.Sequential([keras.Input((200,)), keras.layers.Dense(250)])
    with written_whole(path) as part:
        model.save(part)


def picture(path, is_first):
    figure = matplotlib.figure.Figure()
    figure.subplots().imshow(np.random.default_rng(0).random((100, 100)))
    written(figure, path)


@contextlib.contextmanager
def nearly_full():
    """The system takes 10 kB of a file, and then no more."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def refusing(number):
    """Files may be written, and may not take their names."""

    def refuse(*paths):
        raise OSError(number, os.strerror(number))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        yield


NAMES = {
    folds: "folds.npz",
    training: "training.npz",
    weights: "target.keras",
    picture: "search.png",
}
FAULTS = {
    "full": lambda: refusing(errno.ENOSPC),
    "denied": lambda: refusing(errno.EACCES),
    "read-only": lambda: refusing(errno.EROFS),
}


def assert_stays(path, write, fault):
    """That a fault leaves what there was, and nothing else, and says what to do."""
    write(path, is_first=True)
    before = path.read_bytes()
    message = r"as a whole.*Received: .*as it was; make room, or allow writing"
    with pytest.raises(OSError, match=message) as caught, fault:
        write(path, is_first=False)
    assert caught.value.filename == str(path)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before
    write(path, is_first=False)
    assert path.stat().st_size > 10_000


# The archive that NumPy 1 leaves half written complains when it is thrown away.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("write", NAMES, ids=lambda each: each.__name__)
def test_a_disk_that_becomes_full_in_a_write_leaves_what_was_there(tmp_path, write):
    assert_stays(tmp_path / NAMES[write], write, nearly_full())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refused_name_leaves_what_was_there(tmp_path, fault):
    path = tmp_path / "target.keras"
    assert_stays(path, weights, FAULTS[fault]())


@pytest.mark.parametrize("write", NAMES, ids=lambda each: each.__name__)
def test_a_file_in_place_of_a_folder_is_told_and_left(tmp_path, write):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match=r"as a whole.*(File exists|Not a directory)"):
        write(tmp_path / "file" / NAMES[write], is_first=True)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_training_that_cannot_be_kept_is_refused_before_it_begins(tmp_path):
    (tmp_path / "file").write_text("mine")
    begun = []
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    callbacks = [
        ResumeTraining(tmp_path / "file" / "training.npz"),
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: begun.append(1)),
    ]
    with pytest.raises(OSError, match="allow writing"):
        model.fit(np.ones((2, 2)), np.ones(2), callbacks=callbacks, verbose=0)
    assert begun == []


def test_an_export_to_a_disk_that_is_full_leaves_nothing(tmp_path, monkeypatch):
    def write_text(self, text, encoding):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("keras_dcat.export.exporting.check", lambda *arguments: None)
    monkeypatch.setattr("keras_dcat.export.exporting._table", lambda checks: "")
    monkeypatch.setattr(pathlib.Path, "write_text", write_text)
    target, names = pair_of_branches()[1], ["a", "b", "c", "d"]
    options = {"stride": 1.0, "formats": ["litert"], "verbose": 0}
    with pytest.raises(OSError, match=r"No space left.*make room"):
        export_target(
            target, tmp_path / "device", recordings(), "imu", names, **options
        )
    assert list(tmp_path.iterdir()) == []


def exhausted(batch):
    message = f"OOM when allocating tensor with shape[{batch}]"
    return tf.errors.ResourceExhaustedError(None, None, message)


def test_a_cache_is_built_in_smaller_batches_where_memory_is_short(
    rng, tmp_path, monkeypatch
):
    (skeletons, _), _ = windows(rng, count=20)
    model = keras_dcat.DCATModel(*pair_of_branches())
    expected = model.cache_source(skeletons, batch_size=20, verbose=0)
    forward, sizes = caching._Forward.predict_on_batch, []

    def predict_on_batch(self, x):
        sizes.append(len(x))
        if len(x) > 5:
            raise exhausted(len(x))
        return forward(self, x)

    monkeypatch.setattr(caching._Forward, "predict_on_batch", predict_on_batch)
    path, options = tmp_path / "cache", {"batch_size": 16, "verbose": 0}
    with pytest.warns(UserWarning, match=r"16 windows.*by 4 .*smaller `batch_size`"):
        found = model.cache_source(skeletons, path, **options)
    assert sizes == [16, 8, *[4] * 4, *[4] * 4]  # the last batch is filled up
    pairs = zip(*map(keras.tree.flatten, (found, expected)), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_cache_for_which_there_is_no_memory_says_so(rng, monkeypatch):
    def predict_on_batch(self, x):
        raise exhausted(len(x))

    monkeypatch.setattr(caching._Forward, "predict_on_batch", predict_on_batch)
    model = keras_dcat.DCATModel(*pair_of_branches())
    (skeletons, _), _ = windows(rng, count=4)
    message = "one window at least.*Received: ResourceExhaustedError.*Free memory"
    with pytest.raises(MemoryError, match=message):
        model.cache_source(skeletons, verbose=0)


def test_folds_are_predicted_in_smaller_batches(rng, monkeypatch):
    inputs, labels = rng.normal(size=(16, 6)), np.arange(16) % 2

    def train(inputs, labels):
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)])
        model.compile(run_eagerly=True)
        return model

    def folds():
        groups = np.repeat([0, 1], 8)
        options = {"folds": 2, "batch_size": 8, "verbose": 0}
        return out_of_fold_predictions(train, inputs, labels, groups, **options)

    expected, predict, sizes = folds(), keras.Model.predict, []

    def short_of_memory(self, x, batch_size, **options):
        sizes.append(batch_size)
        if batch_size > 2:
            raise exhausted(batch_size)
        return predict(self, x, batch_size=batch_size, **options)

    monkeypatch.setattr(keras.Model, "predict", short_of_memory)
    with pytest.warns(UserWarning, match="8 windows at a time: they come by 2"):
        found = folds()
    assert sizes == [8, 4, 2] * 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_diagnosis_looks_at_smaller_batches(rng, monkeypatch):
    data = windows(rng, count=12)
    pair, options = ObservedPair(*pair_of_branches()), {"with_features": True}
    expected = pair.observe(data, "training", **options)
    observed, sizes = ObservedPair._observed, []

    def short_of_memory(self, windows, labels, with_features):
        sizes.append(len(labels))
        if len(labels) > 4:
            raise exhausted(len(labels))
        return observed(self, windows, labels, with_features)

    monkeypatch.setattr(ObservedPair, "_observed", short_of_memory)
    with pytest.warns(UserWarning, match="12 windows at a time: they come by 3"):
        found = pair.observe(data, "training", **options)
    assert sizes == [12, 6, 3, 3, 3, 3]
    for name in ("labels", "source", "target", "statistics", "features"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-6
        )
