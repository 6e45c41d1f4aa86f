import numpy as np
import pytest

from keras_dcat.evaluation import ordered_pairs
from keras_dcat.evaluation.stream_pairs import arrow, named, source_of, sources_of
from keras_dcat.transfer.losses.statistics import SourceStatistics


def test_every_modality_teaches_every_other():
    assert ordered_pairs("abc") == [
        ("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")
    ]  # fmt: skip


def test_every_two_modalities_teach_every_other():
    assert ordered_pairs("abc", num_sources=2) == [
        (("a", "b"), "c"), (("a", "c"), "b"), (("b", "c"), "a")
    ]  # fmt: skip
    assert ordered_pairs("ab", num_sources=2) == []


@pytest.mark.parametrize(
    ("source", "name"), [("video", "video"), (("video", "depth"), "video + depth")]
)
def test_a_source_is_named_after_all_its_streams(source, name):
    assert named(source) == name
    assert arrow((source, "imu")) == f"{name} → imu"


def test_the_statistics_of_a_source_are_one_source():
    known = SourceStatistics(np.zeros((2, 3)), ())
    assert sources_of(known) == (known,)
    assert sources_of((known, "imu")) == (known, "imu")


@pytest.mark.parametrize("source", ["video", ("video", "depth")])
def test_sources_and_what_stands_for_them_are_each_others_inverse(source):
    assert source_of(sources_of(source)) == source


def test_nothing_stands_for_no_source():
    assert source_of(()) is None
