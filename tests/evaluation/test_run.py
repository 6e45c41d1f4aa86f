import dataclasses

import numpy as np
import pytest

from keras_dcat.evaluation import Run

RUN = Run(
    split="a",
    seed=0,
    source="camera",
    target="imu",
    method={"name": "DCAT"},
    labels=np.array([0, 1, 2, 2]),
    subjects=np.array(["anna", "anna", "bob", "bob"]),
    probabilities=np.eye(3)[[0, 1, 2, 0]],
    losses=np.array([1.0, 0.5]),
    seconds=2.0,
    environment={"keras": "3"},
)


def test_scores_are_those_of_the_most_likely_classes():
    assert RUN.predicted.tolist() == [0, 1, 2, 0]
    assert RUN.accuracy == 0.75
    assert RUN.macro_f1 == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": np.array([0, 1, 2])},
        {"labels": np.array([0, 1, 2, 3])},
        {"labels": np.array([0.0, 1.0, 2.0, 2.0])},
        {"subjects": np.array([["anna"] * 4])},
        {"probabilities": np.full((4, 3), np.nan)},
        {"probabilities": np.zeros((4,))},
        {"losses": np.array(1.0)},
        {"source": 3},
        {"source": [[1], "imu"]},
        {"seed": "0"},
        {"method": []},
        {"stretches": np.zeros(3, int)},
        {"stretches": np.zeros(4)},
    ],
    ids=str,
)
def test_a_file_whose_parts_do_not_fit_each_other_is_refused(changed, tmp_path):
    dataclasses.replace(RUN, **changed).save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"`Run\.save`.*run\.npz.*Delete it"):
        Run.load(tmp_path / "run.npz")


def changing(stretches):
    """Six windows with two changes; one window in the middle of a run is wrong."""
    labels, said = np.array([0, 0, 0, 1, 1, 1]), [0, 2, 0, 1, 1, 1]
    return dataclasses.replace(
        RUN,
        labels=labels,
        subjects=np.repeat("anna", 6),
        probabilities=np.eye(3)[said],
        stretches=stretches,
    )


def test_events_and_segments_are_counted_within_stretches():
    run = changing(np.zeros(6, int))
    # Class 0 is found and once said in vain, 1 is found, 2 is said in vain.
    assert run.event_f1 == pytest.approx((2 / 3 + 1 + 0) / 3)
    # No half of the three windows of class 0 matches all of them.
    assert run.segment_f1 == pytest.approx((0 + 1 + 0) / 3)


@pytest.mark.parametrize("stretches", [None, np.arange(6), np.repeat([0, 1], 3)])
def test_where_no_stretch_shows_a_change_there_are_no_events(stretches):
    run = changing(stretches)
    assert (run.event_f1, run.segment_f1) == (None, None)


def test_stretches_are_written_and_read_and_may_be_missing(tmp_path):
    for run in (changing(np.zeros(6, int)), changing(None)):
        run.save(tmp_path / "run.npz")
        again = Run.load(tmp_path / "run.npz")
        np.testing.assert_array_equal(again.stretches, run.stretches)
        assert again.event_f1 == run.event_f1
