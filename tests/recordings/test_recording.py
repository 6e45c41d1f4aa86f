import numpy as np
import pytest

from keras_dcat.recordings import Recording, Stream


def test_a_recording_resamples_the_streams_it_is_told_to(rng):
    streams = {name: Stream(rng.normal(size=(20, 3)), 10.0) for name in ("a", "b")}
    recording = Recording(streams, label=1, subject="A")
    changed = recording.resampled(b=5.0)
    assert changed.streams["a"] is streams["a"]
    assert len(changed.streams["b"].values) == 10
    assert len(recording.streams["b"].values) == 20


@pytest.mark.parametrize("label", ["", 1.5, -2, np.zeros(3)])
def test_a_label_of_another_kind_is_refused(label):
    with pytest.raises(ValueError, match=r"label=.*number of the class"):
        Recording({"a": Stream(np.zeros((9, 1)), 10.0)}, label, "A")
    assert Recording({"a": Stream(np.zeros((9, 1)), 10.0)}, np.int64(3), "A").label == 3


@pytest.mark.parametrize("subject", [None, (1, 2), 1.5])
def test_a_subject_of_another_kind_is_refused(subject):
    with pytest.raises(ValueError, match=r"subject=.*str\(subject\)"):
        Recording({"a": Stream(np.zeros((9, 1)), 10.0)}, 0, subject)
    assert Recording({"a": Stream(np.zeros((9, 1)), 10.0)}, 0, np.int64(3)).subject == 3


def test_a_recording_can_be_looked_for_in_a_list():
    first, second = (
        Recording({"a": Stream(np.zeros((9, 1)), 10.0)}, 0, "A") for _ in range(2)
    )
    assert second in [first, second]
    assert second not in [first]
    assert first.streams["a"] != second.streams["a"]


@pytest.mark.parametrize("label", [None, -1, "walk"])
def test_no_label_is_a_label_and_a_name_is_one(label):
    recording = Recording({"a": Stream(np.zeros((9, 1)), 10.0)}, label, "A")
    assert recording.label == (-1 if label is None else label)
