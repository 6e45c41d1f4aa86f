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
    ],
    ids=str,
)
def test_a_file_whose_parts_do_not_fit_each_other_is_refused(changed, tmp_path):
    dataclasses.replace(RUN, **changed).save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"`Run\.save`.*run\.npz.*Delete it"):
        Run.load(tmp_path / "run.npz")
