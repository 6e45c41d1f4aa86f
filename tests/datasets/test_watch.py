import importlib.util
import pathlib

import numpy as np
import pytest

from keras_dcat.datasets import load_watch, watch


@pytest.fixture(scope="module")
def recordings():
    return load_watch()


def test_it_has_what_its_page_says(recordings):
    assert len(recordings) == 140
    assert {r.subject for r in recordings} == set(range(1, 11))
    assert {r.label for r in recordings} == set(range(len(watch.CLASS_NAMES)))
    durations = [r.streams["gyroscope"].duration for r in recordings]
    assert 18.9 < min(durations) < max(durations) < 52.4
    for recording in recordings:
        values = {name: s.values for name, s in recording.streams.items()}
        assert values["accelerometer"].shape == values["gyroscope"].shape
        both = [values["accelerometer"], values["gyroscope"]]
        np.testing.assert_array_equal(values["imu"], np.hstack(both))
        assert {s.rate for s in recording.streams.values()} == {50.0}


def test_the_accelerometer_is_in_units_of_gravity(recordings):
    lengths = [
        np.linalg.norm(r.streams["accelerometer"].values, axis=1).mean()
        for r in recordings
    ]
    assert 0.95 < np.median(lengths) < 1.2  # 1 at rest, more in motion


def test_another_file_is_refused_before_it_is_unpickled(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (pathlib.Path.touch, (tmp_path / "executed",))

    path = tmp_path / "watch_dataset.npy"
    np.save(path, np.array(Malicious(), dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"SHA-256.*pip install"):
        load_watch(path)
    assert not (tmp_path / "executed").exists()


def test_a_missing_file_is_refused_with_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"no\.npy.*keras_dcat\[demo\]"):
        load_watch(tmp_path / "no.npy")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"no installed package.*pip install"):
        load_watch()
