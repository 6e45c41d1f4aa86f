import errno
import re
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer import FeatureInfoNCE, MaskedCrossAttentionLoss
from keras_dcat.transfer.caching import caching
from keras_dcat.transfer.caching.records import Writer
from tests.models import pair_of_branches, windows

EVERYTHING = [FeatureInfoNCE(), MaskedCrossAttentionLoss()]


@pytest.fixture
def model():
    return keras_dcat.DCATModel(*pair_of_branches(), loss=EVERYTHING)


@pytest.fixture
def skeletons(rng):
    return windows(rng, count=20)[0][0]


def flat(statistics):
    return [np.asarray(x) for x in keras.tree.flatten(statistics)]


def cached(model, skeletons, path=None, **options):
    options = {"batch_size": 8, "verbose": 0, **options}
    return model.cache_source(skeletons, path, **options)


def counted(monkeypatch):
    """The sizes of the batches that a source runs over from now on."""
    sizes, forward = [], caching._Forward.rounded

    def rounded(self, windows):
        sizes.append(len(windows))
        return forward(self, windows)

    monkeypatch.setattr(caching._Forward, "rounded", rounded)
    return sizes


def test_a_file_holds_what_memory_would(model, skeletons, tmp_path):
    expected = flat(cached(model, skeletons))
    for _ in range(2):
        found = flat(cached(model, skeletons, tmp_path / "cache"))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_source_runs_once_over_what_is_in_a_file(
    model, skeletons, tmp_path, monkeypatch
):
    sizes = counted(monkeypatch)
    cached(model, skeletons, tmp_path / "cache")
    assert sizes == [8, 8, 4]
    cached(model, skeletons, tmp_path / "cache", batch_size=7)
    assert sizes == [8, 8, 4]


def test_a_last_batch_is_filled_up_and_not_compiled_anew(model, skeletons, monkeypatch):
    seen, forward = [], caching._Forward.predict_on_batch

    def predict_on_batch(self, x):
        seen.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(caching._Forward, "predict_on_batch", predict_on_batch)
    in_batches = flat(cached(model, skeletons))
    assert seen == [8, 8, 8]
    at_once = flat(cached(model, skeletons, batch_size=20))
    assert seen[3:] == [20]
    for one, other in zip(in_batches, at_once, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_full_disk_is_an_error_and_nothing_is_computed_twice(
    model, skeletons, tmp_path, monkeypatch
):
    append = Writer.append

    def full(self, identities, columns):
        if len(identities) < 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, identities, columns)

    path = tmp_path / "cache"
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "append", full)
        with pytest.raises(OSError, match=r"No space left.*Free the disk") as error:
            cached(model, skeletons, path)
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(path)
    sizes = counted(monkeypatch)
    found = flat(cached(model, skeletons, path))
    assert sizes == [4]
    for one, other in zip(found, flat(cached(model, skeletons)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


HANGING = """
import sys
import keras
import numpy as np
import keras_dcat
from keras_dcat.transfer.caching import caching

model = keras.models.load_model(sys.argv[1])
windows = np.load(sys.argv[2])
forward = caching._Forward.predict_on_batch

def predict_on_batch(self, x):
    if (x[0] == windows[16]).all():
        import time
        time.sleep(600)
    return forward(self, x)

caching._Forward.predict_on_batch = predict_on_batch
model.cache_source(windows, sys.argv[3], batch_size=8, verbose=0)
"""


def test_a_process_that_is_killed_loses_nothing(
    model, skeletons, tmp_path, monkeypatch
):
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "windows.npy", skeletons)
    path, part = tmp_path / "cache", tmp_path / "cache.part"
    arguments = tmp_path / "model.keras", tmp_path / "windows.npy", path
    process = subprocess.Popen([sys.executable, "-c", HANGING, *arguments])
    try:
        deadline, records = time.monotonic() + 300, 0
        while records < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
            size = part.stat().st_size if part.exists() else 0
            records = max(size - 4096, 0) // (size_of_record(model) * 8)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    sizes = counted(monkeypatch)
    found = flat(cached(model, skeletons, path))
    assert sizes == [4]
    assert not part.exists()
    for one, other in zip(found, flat(cached(model, skeletons)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def size_of_record(model):
    """Bytes of a window: its identity, its values and a checksum."""
    key_dim = model._pair.sources[0].attentions[0].key_dim
    features = model.sources[0].layers[-1].input.shape[-1]
    return 16 + 4 * (model.num_classes + key_dim**2 + 1 + features) + 4


def test_no_windows_leave_no_file(model, skeletons, tmp_path):
    with pytest.raises(ValueError, match=r"Received: none\. Check how the data"):
        cached(model, skeletons[:0], tmp_path / "cache")
    assert not list(tmp_path.iterdir())


def test_other_windows_are_refused(model, skeletons, tmp_path):
    path = tmp_path / "cache"
    cached(model, skeletons, path)
    other = skeletons.copy()
    other[13, 0, 0] += 1
    with pytest.raises(ValueError, match="its window 13 is another one"):
        cached(model, other, path)
    with pytest.raises(ValueError, match="it holds 20 windows, and these are 12"):
        cached(model, skeletons[:12], path)
    with pytest.raises(ValueError, match="it holds 20 windows; these are more"):
        cached(model, np.concatenate([skeletons, other]), path)


def test_the_file_that_is_refused_is_the_one_on_disk(
    model, skeletons, tmp_path, monkeypatch
):
    path = tmp_path / "cache"
    monkeypatch.setattr(Writer, "complete", lambda *args: 1 / 0)  # dies at the end
    with pytest.raises(ZeroDivisionError):
        cached(model, skeletons, path)
    (part,) = tmp_path.iterdir()
    for other in (skeletons[::-1].copy(), skeletons[:12]):
        with pytest.raises(ValueError, match=rf"Received: '{re.escape(str(part))}';"):
            cached(model, other, path)


def test_a_source_that_was_trained_on_is_refused(model, skeletons, tmp_path):
    cached(model, skeletons, tmp_path / "cache")
    model.sources[0].layers[-1].bias.assign([1.0, 0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="written with other weights"):
        cached(model, skeletons, tmp_path / "cache")


def test_only_what_a_loss_reads_is_kept_and_another_loss_is_refused(
    model, skeletons, tmp_path
):
    plain = keras_dcat.DCATModel(model.sources[0], model.target, "info_nce")
    known = cached(plain, skeletons, tmp_path / "features")
    assert known.layers == ()
    assert known.features.shape == (20, 6)
    distances = keras_dcat.DCATModel(model.sources[0], model.target, loss=EVERYTHING[1])
    known = cached(distances, skeletons, tmp_path / "products")
    assert known.features == ()
    assert known.layers[0].mean.shape == (20, 1, 6, 6)
    for other, path in ((distances, "features"), (model, "products")):
        with pytest.raises(ValueError, match="written with other .*contents"):
            cached(other, skeletons, tmp_path / path)


def test_float16_takes_half_the_bytes_and_is_near(model, skeletons, tmp_path):
    exact = cached(model, skeletons)
    half = cached(model, skeletons, tmp_path / "cache", dtype="float16")
    assert half.layers[0].mean.dtype == np.float16
    np.testing.assert_allclose(half.layers[0].mean, exact.layers[0].mean, atol=1e-3)
    for known in (half, cached(model, skeletons, dtype="float16")):
        assert known.log_probabilities.dtype == known.features.dtype == np.float16
        assert known.layers[0].mean.dtype == np.float16
        assert known.layers[0].length.dtype == np.float32
    with pytest.raises(ValueError, match="other dtype"):
        cached(model, skeletons, tmp_path / "cache")


def test_what_float16_cannot_hold_of_a_window_is_refused(model, skeletons):
    skeletons[3] *= 1e5
    with pytest.raises(ValueError, match="must be finite in float16"):
        cached(model, skeletons, dtype="float16")


def test_windows_of_which_a_source_cannot_say_anything_are_refused(model, skeletons):
    skeletons[3] = np.nan
    with pytest.raises(ValueError, match=r"must be finite in float32.*look for NaN"):
        cached(model, skeletons)


def test_a_class_that_is_never_believed_in_can_be_kept(model, skeletons):
    believed = keras.ops.log_softmax(model.sources[0](skeletons), axis=-1)
    known = cached(model, skeletons).log_probabilities
    np.testing.assert_allclose(known, keras.ops.convert_to_numpy(believed), atol=1e-5)
    model.sources[0].layers[-1].bias.assign([-1e6, 0.0, 0.0, 0.0])
    known = cached(model, skeletons, dtype="float16").log_probabilities
    np.testing.assert_array_equal(known[:, 0], np.finfo("float16").min)
    np.testing.assert_allclose(np.exp(known[:, 1:]).sum(axis=-1), 1, rtol=1e-2)


def test_progress_is_shown_over_batches_and_windows(model, skeletons, capsys):
    cached(model, skeletons, verbose=0)
    assert capsys.readouterr().out == ""
    for verbose in (1, "auto"):
        cached(model, skeletons, verbose=verbose)
        shown = capsys.readouterr().out
        assert "1/3" in shown
        assert "source windows: 8" in shown
        assert "3/3" in shown
        assert "source windows: 20" in shown


def test_the_policy_of_today_does_not_change_what_a_source_says(model, skeletons):
    expected = flat(cached(model, skeletons))
    keras.config.set_dtype_policy("mixed_bfloat16")
    for one, other in zip(flat(cached(model, skeletons)), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_batch_normalization_of_the_source_stays_as_it_is(model, skeletons):
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.sources[0].variables]
    cached(model, skeletons)
    for one, other in zip(before, model.sources[0].variables, strict=True):
        np.testing.assert_array_equal(one, keras.ops.convert_to_numpy(other))


def test_digests_are_remembered_of_the_first_batches_only():
    seen = caching.Batches()
    for _ in range(1000):
        seen.add([b"digest"])
    assert (len(seen.sizes), len(seen.identities)) == (1000, 64)
