import errno
import multiprocessing
import os
import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers import kept
from keras_dcat.recordings.readers.kept import Kept


def filled(lengths, channels=2):
    values = np.random.default_rng(0).normal(size=(sum(lengths), channels))
    values, samples = values.astype("float32"), Kept(channels)
    for part in np.split(values, np.cumsum(lengths)[:-1]):
        samples.append(part)
    return samples, values


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(0, 25), min_size=1, max_size=8),
    first=st.integers(0, 200),
    count=st.integers(0, 200),
)
def test_any_range_is_that_part_of_what_was_appended(lengths, first, count):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "_BLOCK", 10)
        samples, values = filled(lengths)
        assert len(samples) == len(values)
        first = min(first, len(values))
        last = min(first + count, len(values))
        found = samples.read(first, last)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values[first:last])


def test_many_share_a_file_that_goes_with_the_last_of_them(monkeypatch):
    monkeypatch.setattr(kept, "_BLOCK", 10)
    monkeypatch.setattr(kept._File, "_newest", lambda: None)
    made = []
    temporary = tempfile.TemporaryFile
    monkeypatch.setattr(
        tempfile,
        "TemporaryFile",
        lambda **options: made.append(temporary(**options)) or made[-1],
    )
    several = [filled([25]) for _ in range(20)]
    assert len(made) == 1
    for samples, values in several:
        np.testing.assert_array_equal(samples.read(3, 22), values[3:22])
    assert not made[0].closed
    del several, samples
    assert made[0].closed


def test_a_file_that_is_large_enough_is_followed_by_another(monkeypatch):
    monkeypatch.setattr(kept, "_BLOCK", 10)
    monkeypatch.setattr(kept, "_LARGEST", 100)
    monkeypatch.setattr(kept._File, "_newest", lambda: None)
    samples, values = filled([100])
    assert len({id(file) for file, _ in samples._blocks}) > 2
    np.testing.assert_array_equal(samples.read(0, 100), values)


def test_a_forked_process_does_not_write_over_what_is_kept(monkeypatch):
    monkeypatch.setattr(kept, "_BLOCK", 10)
    samples, values = filled([40])
    process = multiprocessing.get_context("fork").Process(target=filled, args=([400],))
    process.start()
    process.join()
    assert process.exitcode == 0
    more, values_of_more = filled([30])
    np.testing.assert_array_equal(samples.read(0, 40), values)
    np.testing.assert_array_equal(more.read(0, 30), values_of_more)


def test_it_reads_without_pread_as_well(monkeypatch):
    monkeypatch.setattr(kept, "_BLOCK", 10)
    monkeypatch.delattr(os, "pread")
    samples, values = filled([25])
    np.testing.assert_array_equal(samples.read(8, 21), values[8:21])


def test_a_full_disk_is_told_with_the_way_to_another(monkeypatch):
    class Full:
        def seek(self, place):
            pass

        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(kept, "_BLOCK", 10)
    monkeypatch.setattr(kept._File, "_newest", lambda: None)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: Full())
    with pytest.raises(OSError, match=r"No space left on device in .*Set.*TMPDIR"):
        filled([25])
