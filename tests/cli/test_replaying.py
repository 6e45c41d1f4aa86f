import pathlib

import numpy as np
import pytest

pytest.importorskip("pydantic")

from keras_dcat.cli.experiment import read_experiment
from keras_dcat.cli.replaying import artefact_of, replayed, sensors_of
from keras_dcat.recordings import Recording, Stream
from tests.cli.experiments import write_experiment, write_sessions


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    write_sessions(folder)
    return read_experiment(write_experiment(folder))


def test_all_of_the_test_are_replayed_or_one_session(plan):
    assert {each.subject for each in replayed(plan)} == {"p4", "p5"}
    assert [each.session for each in replayed(plan, "1-sit-0")] == ["1-sit-0"]


def test_a_session_that_is_not_there_is_refused_with_who_says_which_are(plan):
    with pytest.raises(ValueError, match="no recording of x.*`inspect` says"):
        replayed(plan, "x")


def test_an_artefact_that_is_not_there_says_what_is_first(plan, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"target\.tflite is not.*keras-dcat"):
        artefact_of(plan, None)
    with pytest.raises(FileNotFoundError, match=r"other\.onnx is not there"):
        artefact_of(plan, tmp_path / "other.onnx")
    there = pathlib.Path(__file__)
    assert artefact_of(plan, there) == there


def test_both_sensors_are_drawn_the_target_first_with_their_columns(plan):
    (recording,) = replayed(plan, "1-sit-0")
    target, source = sensors_of(plan, recording)
    assert (target.name, target.channels) == ("watch", ("x", "y"))
    assert (source.name, source.channels) == ("camera", ("x", "y"))


def test_a_source_of_pictures_is_not_drawn(plan):
    streams = {
        "watch": Stream(np.zeros((9, 5)), 10.0),
        "camera": Stream(np.zeros((9, 8, 8, 3)), 10.0),
    }
    (target,) = sensors_of(plan, Recording(streams, 0, "p4"))
    assert target.channels == ("1", "2", "3", "4", "5")
