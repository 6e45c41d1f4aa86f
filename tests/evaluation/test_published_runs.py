import dataclasses
import json

import numpy as np
import pytest

from keras_dcat.evaluation import (
    METHODS,
    Run,
    Training,
    compare,
    export_runs,
    import_runs,
)
from keras_dcat.storage import stored_arrays
from tests.evaluation.studies import PAIR, study


def run(seed=0, windows=30, classes=5, source=("camera", "watch"), epochs=3):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), windows).astype("float32")
    return Run(
        split="without anna",
        seed=seed,
        source=source,
        target="imu",
        method={"name": "DCAT", "edition": 3},
        labels=rng.integers(0, classes, windows),
        subjects=rng.choice(["anna", "bob"], windows),
        probabilities=probabilities,
        losses=rng.random(epochs),
        seconds=2.5,
        environment={"keras": "3"},
        stretches=None if source is None else np.arange(windows) // 10,
    )


@pytest.fixture
def folder(tmp_path):
    """Runs of several sizes, as `compare` leaves them."""
    kept = tmp_path / "first" / "runs"
    kept.mkdir(parents=True)
    run(0).save(kept / "a.npz")
    run(1, windows=7, classes=2, source="camera").save(kept / "b.npz")
    run(2, source=None, epochs=1).save(kept / "c.npz")
    return kept.parent


def test_what_tables_need_comes_back_to_the_last_digit(folder, tmp_path):
    assert export_runs(folder, tmp_path / "runs.npz") == 3
    assert import_runs(tmp_path / "runs.npz", tmp_path / "second") == 3
    for name in "abc":
        before, after = (
            Run.load(tmp_path / where / "runs" / f"{name}.npz")
            for where in ("first", "second")
        )
        for field in dataclasses.fields(Run):
            if field.name != "probabilities":
                was, now = (getattr(each, field.name) for each in (before, after))
                assert np.array_equal(was, now), field.name
        assert np.array_equal(before.predicted, after.predicted)
        assert before.macro_f1 == after.macro_f1
        assert before.calibration_error == after.calibration_error
        assert before.event_f1 == after.event_f1
        assert before.shows_events == (name != "c")
        assert after.probabilities.sum(axis=-1) == pytest.approx(1)


def test_a_file_of_before_there_were_stretches_is_read(folder, tmp_path):
    export_runs(folder, tmp_path / "runs.npz")
    arrays = dict(stored_arrays(tmp_path / "runs.npz"))
    del arrays["stretches"]
    about = json.loads(str(arrays["about"]))
    for each in about:
        del each["has_stretches"]
    np.savez(tmp_path / "old.npz", **{**arrays, "about": json.dumps(about)})
    assert import_runs(tmp_path / "old.npz", tmp_path / "second") == 3
    assert Run.load(tmp_path / "second" / "runs" / "a.npz").stretches is None


def test_what_was_all_but_undecided_is_predicted_alike(folder, tmp_path):
    barely = np.full((3, 7), 1 / 7, "float32")
    barely[1, 6] = np.nextafter(barely[1, 6], 1, dtype="float32")
    undecided = run(3, windows=3, classes=7)
    undecided = dataclasses.replace(undecided, probabilities=barely)
    undecided.save(folder / "runs" / "d.npz")
    export_runs(folder, tmp_path / "runs.npz")
    import_runs(tmp_path / "runs.npz", tmp_path / "second")
    again = Run.load(tmp_path / "second" / "runs" / "d.npz")
    assert again.predicted.tolist() == [0, 6, 0]


def test_packed_runs_are_small(folder, tmp_path):
    runs = folder / "runs"
    for seed in range(20):
        run(seed, windows=100, classes=27).save(runs / f"{seed}.npz")
    export_runs(folder, tmp_path / "runs.npz")
    size = sum(file.stat().st_size for file in runs.iterdir())
    assert (tmp_path / "runs.npz").stat().st_size < size / 15


def test_a_run_that_is_there_stays(folder, tmp_path):
    export_runs(folder, tmp_path / "runs.npz")
    (folder / "runs" / "b.npz").unlink()
    before = (folder / "runs" / "a.npz").read_bytes()
    assert import_runs(tmp_path / "runs.npz", folder) == 1
    assert (folder / "runs" / "a.npz").read_bytes() == before
    assert import_runs(tmp_path / "runs.npz", folder) == 0


def test_a_comparison_takes_them_for_its_own(tmp_path, monkeypatch):
    methods = {"alone": METHODS["alone"]}
    first = compare(study(), [PAIR], methods, [0], tmp_path / "a", verbose=0)
    export_runs(tmp_path / "a", tmp_path / "runs.npz")
    import_runs(tmp_path / "runs.npz", tmp_path / "b")
    monkeypatch.delattr(Training, "fit")  # nothing may be trained
    again = compare(study(), [PAIR], methods, [0], tmp_path / "b", verbose=0)
    assert again.table(PAIR) == first.table(PAIR)


def test_without_runs_or_its_ending_nothing_is_packed(folder, tmp_path):
    with pytest.raises(ValueError, match=r"0 runs in .*Pass what `compare`"):
        export_runs(tmp_path, tmp_path / "runs.npz")
    with pytest.raises(ValueError, match=r"3 runs.*'runs\.zip'"):
        export_runs(folder, tmp_path / "runs.zip")
    assert not list(tmp_path.glob("runs.*"))


def told(about, **changed):
    return json.dumps([about[0] | changed, *about[1:]])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda arrays, about: {"about": told(about, name="../a.npz")},
        lambda arrays, about: {"about": told(about, name="a.txt")},
        lambda arrays, about: {"about": told(about, windows=29)},
        lambda arrays, about: {"about": told(about, seed="0")},
        lambda arrays, about: {"about": told(about, classes=2)},
        lambda arrays, about: {"about": told(about, classes=10**12)},
        lambda arrays, about: {"about": told(about, windows=-7)},
        lambda arrays, about: {"about": "[{}]"},
        lambda arrays, about: {"about": "["},
        lambda arrays, about: {"predicted": arrays["predicted"] + 5},
        lambda arrays, about: {"confidence": arrays["confidence"] * 0},
        lambda arrays, about: {"losses": arrays["losses"][1:]},
    ],
)
def test_a_damaged_file_is_refused_as_a_whole(spoil, folder, tmp_path):
    path = tmp_path / "runs.npz"
    export_runs(folder, path)
    arrays = stored_arrays(path)
    np.savez(path, **arrays | spoil(arrays, json.loads(str(arrays["about"]))))
    with pytest.raises(ValueError, match=r"`export_runs`.*runs\.npz.*Fetch it again"):
        import_runs(path, tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_another_file_and_none_are_told_apart(folder, tmp_path):
    with pytest.raises(ValueError, match="`export_runs`"):
        import_runs(folder / "runs" / "a.npz", tmp_path / "second")
    with pytest.raises(FileNotFoundError):
        import_runs(tmp_path / "none.npz", tmp_path / "second")
