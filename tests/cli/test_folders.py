import csv

import pytest

pytest.importorskip("pydantic")

from keras_dcat.cli.data import prepare
from keras_dcat.cli.experiment import read_experiment
from keras_dcat.cli.folders import (
    files_of,
    guessed_pattern,
    refuse_written,
    sorted_by,
    write_new,
)
from tests.cli.experiments import NAMES, write_sessions


@pytest.fixture
def folder(tmp_path):
    """Files of six people, two sensors and three classes, and no table of them."""
    own = tmp_path / "data"
    own.mkdir()
    write_sessions(own).unlink()
    return own


def names(template, people="123", labels=("sit", "walk"), streams=("cam", "imu")):
    return sorted(
        template.format(who=who, label=label, stream=stream)
        for who in people
        for label in labels
        for stream in streams
    )


@pytest.mark.parametrize(
    ("template", "pattern"),
    [
        ("{who}/{label}_{stream}.csv", "{subject}/{label}_{stream}.csv"),
        ("s{who}-{label}-{stream}.txt", "{subject}-{label}-{stream}.txt"),
        ("{stream}/{label}/p{who}_log.csv", "{stream}/{label}/{subject}_log.csv"),
        ("run_{stream}_{label}_{who}.csv", "run_{stream}_{label}_{subject}.csv"),
    ],
)
def test_how_files_are_named_is_guessed(template, pattern):
    assert guessed_pattern(names(template)) == pattern


def test_what_is_no_field_is_anything():
    files = [
        f"{n}-{name}" for n in range(2) for name in names("{who}-{label}_{stream}.csv")
    ]
    assert guessed_pattern(files).count("*") == 1
    assert guessed_pattern(["a.csv", "b_c.csv"]) == "{subject}_{label}_{stream}.csv"


def test_files_are_sorted_into_sessions(folder):
    found = sorted_by(folder, files_of(folder), "{subject}-{label}-*_{stream}.csv")
    assert len(found.sessions) == 36
    assert found.sessions["3-walk-1"] == {"subject": "3", "label": "walk"}
    assert found.files["3-walk-1"] == {
        "camera": "3-walk-1_camera.csv",
        "watch": "3-walk-1_watch.csv",
    }
    assert found.streams == ["watch", "camera"]  # 32 Hz and 16 Hz of two values
    assert found.subjects == list("012345")
    assert found.seconds == pytest.approx(4, abs=0.1)


def test_what_is_written_is_an_experiment_that_prepares(folder, tmp_path):
    found = sorted_by(folder, files_of(folder), "{subject}-{label}-*_{stream}.csv")
    path = tmp_path / "mine.yaml"
    assert write_new(found, path, "camera", "watch", 1.0, ["4", "5"]) == []
    plan = read_experiment(path)
    assert (plan.source, plan.target) == ("camera", "watch")
    assert (plan.windows.length, plan.windows.stride) == (1.0, 0.5)
    prepared = prepare(plan)
    assert prepared.class_names == NAMES
    assert len(prepared.recordings) == 36
    assert sorted(set(prepared.test.subjects.tolist())) == ["4", "5"]
    assert len(prepared.train) == 4 * 6 * 7
    with pytest.raises(ValueError, match="not written over.*mine.yaml.*sessions.csv"):
        refuse_written(folder, path)


def test_without_labels_it_says_where_they_go(folder, tmp_path):
    found = sorted_by(folder, files_of(folder), "{subject}-*_{stream}.csv")
    remarks = write_new(found, tmp_path / "a.yaml", "camera", "watch", 1.0, ["4"])
    assert len(remarks) == 1
    assert "Add a column `label` to sessions.csv" in remarks[0]
    with (folder / "sessions.csv").open(newline="") as file:
        assert csv.DictReader(file).fieldnames == [
            "session",
            "subject",
            "camera",
            "watch",
        ]


def test_a_session_without_a_sensor_is_left_out_and_told(folder, tmp_path):
    (folder / "0-sit-0_watch.csv").unlink()
    found = sorted_by(folder, files_of(folder), "{subject}-{label}-*_{stream}.csv")
    remarks = write_new(found, tmp_path / "a.yaml", "camera", "watch", 1.0, ["4"])
    assert remarks == ["1 session lacks one of the two sensors, and was left out."]
    assert len(prepare(read_experiment(tmp_path / "a.yaml")).recordings) == 35


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{subject}_{label}.csv", r"must have \{subject\} and \{stream\} once"),
        ("{subject}_{subject}_{stream}.csv", "once"),
        ("{person}_{stream}.csv", "once"),
        ("{subject}/{stream}.csv", r"the sensors \[\].*files '0-run-0_camera.csv'"),
        ("{subject}-*-*_{stream}.tsv", r"the sensors \['camera'\] and the subj"),
        ("{subject}-{label}-*_{stream}.*", "one file of each sensor"),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused(folder, pattern, message):
    (folder / "0-sit-0_camera.tsv").write_text("")
    with pytest.raises(ValueError, match=message):
        sorted_by(folder, files_of(folder), pattern)


def test_a_folder_without_a_table_is_refused(tmp_path):
    (tmp_path / "one.mp4").write_bytes(b"")
    (tmp_path / "sessions.csv").write_text("session,subject\n")
    with pytest.raises(ValueError, match=r"none that ends in \.csv.*keras-dcat keys"):
        files_of(tmp_path)


@pytest.mark.parametrize("test", [["9"], list("012345"), ["4", "x"]])
def test_who_tests_must_have_been_recorded_and_leave_somebody(folder, tmp_path, test):
    found = sorted_by(folder, files_of(folder), "{subject}-{label}-*_{stream}.csv")
    with pytest.raises(ValueError, match="leave somebody to train.*Choose from"):
        write_new(found, tmp_path / "a.yaml", "camera", "watch", 1.0, test)
    assert not (folder / "sessions.csv").exists()


def test_a_sensor_with_the_name_of_a_column_is_refused(folder):
    for path in folder.glob("*_watch.csv"):
        path.rename(path.with_name(path.name.replace("watch", "label")))
    with pytest.raises(ValueError, match=r"\['label'\].*Rename its files"):
        sorted_by(folder, files_of(folder), "{subject}-{label}-*_{stream}.csv")


def test_labels_in_the_files_are_those_of_the_target(folder, tmp_path):
    for path in folder.glob("*.csv"):
        head, *rows = path.read_text().splitlines()
        labels = ["sit" if n < len(rows) // 2 else "run" for n in range(len(rows))]
        lines = [f"{row},{label}" for row, label in zip(rows, labels, strict=True)]
        path.write_text("\n".join([f"{head},label", *lines]))
    found = sorted_by(folder, files_of(folder), "{subject}-*_{stream}.csv")
    path = tmp_path / "a.yaml"
    assert write_new(found, path, "camera", "watch", 1.0, ["4"]) == []
    prepared = prepare(read_experiment(path))
    assert prepared.class_names == ("run", "sit")
    # Of 7 windows in 4 s, that in the middle is half of each.
    assert prepared.train.labels.tolist() == [1, 1, 1, 0, 0, 0] * 30
