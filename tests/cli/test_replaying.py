import pathlib

import numpy as np
import pytest
import yaml

pytest.importorskip("pydantic")

from keras_dcat.cli.experiment import read_experiment
from keras_dcat.cli.replaying import artefact_of, replayed, sensors_of, smoothing_of
from keras_dcat.recordings import Recording, Stream
from keras_dcat.streaming import MedianSmoothing
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


def test_a_smoothing_is_said_in_a_word_and_a_number(plan):
    assert smoothing_of(plan, "0.3") == 0.3
    assert smoothing_of(plan, "median") == MedianSmoothing(5)
    assert smoothing_of(plan, "median:9") == MedianSmoothing(9)
    for wrong in ("mean", "median:4", "markov:x", ""):
        with pytest.raises(ValueError, match=f"'{wrong}'.*Take `median:5`"):
            smoothing_of(plan, wrong)


def test_a_markov_model_counts_the_changes_of_the_training(tmp_path):
    write_sessions(tmp_path, people=4, trials=1)
    table = tmp_path / "sessions.csv"
    rows = [row.split(",") for row in table.read_text().splitlines()]
    rows[0][2] = "labels"  # a file of labels, each with a change after 2 s
    for row in rows[1:]:
        (tmp_path / f"{row[0]}.lab.csv").write_text("what,from\nsit,0\nrun,2\n")
        row[2] = f"{row[0]}.lab.csv"
    table.write_text("\n".join(map(",".join, rows)))
    path = write_experiment(
        tmp_path, split={"test": ["p3"]}, windows={"length": 1.0, "stride": 0.5}
    )
    said = yaml.safe_load(path.read_text())
    said["data"]["labels"] = {"label": "what", "begin": "from"}
    path.write_text(yaml.safe_dump(said))
    markov = smoothing_of(read_experiment(path), "markov:3")
    assert (markov.delay, markov.weight) == (3, 0.5)
    # Sorted, run is first: it stays; of those who sit, one in four gets up.
    assert markov.transitions[0, 0] > 0.95
    assert 0.15 < markov.transitions[1, 0] < 0.4


def test_without_changes_in_the_training_a_markov_model_is_refused(plan):
    with pytest.raises(ValueError, match="no change.*MedianSmoothing"):
        smoothing_of(plan, "markov")
