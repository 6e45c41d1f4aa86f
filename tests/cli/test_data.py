import numpy as np
import pytest

pytest.importorskip("pydantic")

from keras_dcat.cli.data import load, methods, prepare, study
from keras_dcat.cli.experiment import read_experiment
from keras_dcat.evaluation import DCAT, METHODS
from tests.cli.experiments import NAMES, write_experiment, write_sessions

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def folder(tmp_path):
    write_sessions(tmp_path)
    return tmp_path


def test_files_become_windows_of_those_who_train_decide_and_test(folder):
    plan = read_experiment(write_experiment(folder))
    prepared = prepare(plan)
    assert prepared.class_names == NAMES
    assert set(prepared.train.subjects) == {"p0", "p1", "p2"}
    assert set(prepared.validation.subjects) == {"p3"}
    assert set(prepared.test.subjects) == {"p4", "p5"}
    assert prepared.train.shape("camera") == (16, 2)
    assert prepared.train.shape("watch") == (32, 2)
    assert np.bincount(prepared.test.labels).min() > 0


def test_without_validation_they_train(folder):
    plan = read_experiment(write_experiment(folder, split={"test": ["p4"]}))
    prepared = prepare(plan)
    assert prepared.validation is None
    assert len(set(prepared.train.subjects)) == 5


def test_the_models_are_those_that_the_file_asks_for(folder):
    plan = read_experiment(write_experiment(folder))
    own = study(plan, prepare(plan))
    train, _ = own.splits["test"]
    model = own.modalities["watch"].build(train)
    assert model.input_shape == (None, 32, 2)
    assert model.output_shape == (None, 3)
    assert own.training.epochs == 1


@pytest.mark.parametrize(
    ("transfer", "method"),
    [
        ({}, METHODS["D-CAT"]),
        ({"recipe": "paper"}, DCAT("paper")),
        (
            {"transfer_weight": 0.3, "gate": "soft", "loss_weights": {"fused": 1}},
            DCAT(transfer_weight=0.3, gate="soft", loss_weights={"fused": 1.0}),
        ),
    ],
)
def test_the_target_is_taught_as_the_file_says(folder, transfer, method):
    plan = read_experiment(write_experiment(folder, transfer=transfer))
    assert methods(plan) == {"alone": METHODS["alone"], "D-CAT": method}


@pytest.mark.parametrize(
    ("asked", "rates"), [({}, {0.2, 0.4, 0.5}), ({"dropout": 0}, {0})]
)
def test_dropout_is_the_encoders_own_unless_given(folder, asked, rates):
    encoders = {"watch": {"size": "tiny", **asked}}
    plan = read_experiment(write_experiment(folder, encoders=encoders))
    own = study(plan, prepare(plan))
    model = own.modalities["watch"].build(own.splits["test"][0])
    assert {layer.rate for layer in model.layers if hasattr(layer, "rate")} == rates


def test_sound_is_heard_at_its_rate(folder):
    changes = {"encoders": {"watch": {"kind": "audio", "size": "tiny"}}}
    seconds = np.arange(4000) / 1000
    for path in folder.glob("*_watch.csv"):
        np.savetxt(path, np.sin(seconds), header="x", comments="")
    tables = {
        "camera": {"columns": ["x", "y"], "rate": 16},
        "watch": {"columns": ["x"], "rate": 1000},
    }
    table = {"recordings": str(folder / "sessions.csv"), "streams": tables}
    plan = read_experiment(write_experiment(folder, data=table, **changes))
    own = study(plan, prepare(plan))
    model = own.modalities["watch"].build(own.splits["test"][0])
    assert model.input_shape == (None, 1000, 1)
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "lidar"}, r"\['lidar'\].*\['camera', 'watch'\]"),
        ({"split": {"test": ["nobody"]}}, "nobody"),
    ],
)
def test_names_that_the_data_do_not_have_are_refused(folder, changes, message):
    plan = read_experiment(write_experiment(folder, **changes))
    with pytest.raises(ValueError, match=message):
        prepare(plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("subject", "who", 1), r"none of \['subject'\]"),
        (lambda text: "", "a row for each recording"),
        (
            lambda text: text.replace(",p0,", ",,", 1),
            r"line 2: .*nothing in \['subject'\]",
        ),
    ],
)
def test_a_table_that_lacks_something_is_refused(folder, change, message):
    path = folder / "sessions.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=message):
        load(read_experiment(write_experiment(folder)))


def test_labels_of_some_who_train_are_used_alone(folder):
    split = {"test": ["p4", "p5"], "validation": ["p3"], "labelled": ["p1"]}
    prepared = prepare(read_experiment(write_experiment(folder, split=split)))
    train = prepared.train
    assert set(train.subjects) == {"p0", "p1", "p2"}
    assert set(train.subjects[train.is_labelled]) == {"p1"}
    assert prepared.test.is_labelled.all()
    assert prepared.validation.is_labelled.all()
    assert prepared.index.is_labelled.all()


def test_labels_of_nobody_who_trains_are_refused(folder):
    split = {"test": ["p4"], "labelled": ["p1", "zoe"]}
    plan = read_experiment(write_experiment(folder, split=split))
    with pytest.raises(ValueError, match=r"\['zoe'\].*Choose from \['p0', 'p1'"):
        prepare(plan)


def test_people_without_labels_train_and_do_not_test(folder):
    path = folder / "sessions.csv"
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        session, who, _, *files = line.split(",")
        if who in ("p1", "p2", "p5"):
            lines[number] = ",".join([session, who, "", *files])
    path.write_text("\n".join(lines))
    prepared = prepare(read_experiment(write_experiment(folder)))
    train, test = prepared.train, prepared.test
    assert prepared.class_names == NAMES
    assert set(train.subjects) == {"p0", "p1", "p2"}
    assert set(train.subjects[~train.is_labelled]) == {"p1", "p2"}
    assert set(test.subjects) == {"p4"}
    assert set(prepared.index.subjects) == {f"p{n}" for n in range(6)}


def test_options_of_windows_reach_them(folder):
    cut = {"length": 9.0, "stride": 1.0, "short": "pad"}
    prepared = prepare(read_experiment(write_experiment(folder, windows=cut)))
    assert prepared.index.real_share == pytest.approx(4 / 9)


def test_a_file_that_is_not_there_is_named(folder):
    (folder / "0-sit-0_watch.csv").unlink()
    with pytest.raises(FileNotFoundError, match="0-sit-0_watch"):
        load(read_experiment(write_experiment(folder)))


def test_people_are_found_whether_they_are_numbers_or_words(folder):
    table = folder / "sessions.csv"
    numbered = table.read_text().replace(",p", ",")
    (folder / "numbered.csv").write_text(numbered)
    plan = read_experiment(write_experiment(folder, split={"test": [4, "5"]}))
    data = plan.data.model_copy(update={"recordings": folder / "numbered.csv"})
    prepared = prepare(plan.model_copy(update={"data": data}))
    assert set(prepared.test.subjects) == {"4", "5"}
    assert len(prepared.index) == len(prepared.train) + len(prepared.test)


def test_people_who_test_and_have_no_window_are_told_with_the_report(folder):
    times = np.r_[0:16, 900:916] / 16  # two runs of a second, and a pause
    rows = np.column_stack([1000 * times, np.ones((32, 2))])
    for path in folder.glob("4-*_watch.csv"):
        np.savetxt(path, rows, "%.3f", ",", header="ms,x,y", comments="")
    experiment = write_experiment(folder, windows={"length": 1.5, "stride": 1.0})
    with pytest.raises(
        ValueError,
        match=r"(?s)\['p4'\], of whom none is left.*dropped: gap.*in `split`",
    ):
        prepare(read_experiment(experiment))


def test_a_stream_that_is_not_asked_for_changes_nothing(folder):
    path = folder / "sessions.csv"
    head, *rows = path.read_text().splitlines()
    (folder / "third.csv").write_text("t,x\n0,1\n1,2\n2,3\n")
    rows = [f"{row},third.csv" for row in rows]
    path.write_text("\n".join([f"{head},third", *rows]))
    plan = read_experiment(write_experiment(folder))
    third = {"columns": ["x"], "time": "t", "rate": 1}
    tables = {
        name: files.model_dump(exclude_unset=True)
        for name, files in plan.data.streams.items()
    }
    data = {"recordings": str(path), "streams": {**tables, "third": third}}
    with_third = prepare(read_experiment(write_experiment(folder, data=data)))
    assert set(with_third.index.rates) == {"camera", "watch"}
    np.testing.assert_array_equal(with_third.index.times, prepare(plan).index.times)
