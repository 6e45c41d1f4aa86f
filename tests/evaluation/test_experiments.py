import csv
import sys

import pytest

from keras_dcat.evaluation import METHODS, Experiment, run_experiments
from keras_dcat.evaluation.foresight import Foresight
from tests.evaluation.studies import PAIR, study


def test_every_experiment_is_printed_and_reported(tmp_path, capsys):
    one = study(epochs=1)
    done = run_experiments(
        {"There": Experiment(one, [PAIR]), "And back": Experiment(one, [PAIR[::-1]])},
        tmp_path,
        seeds=[0, 1],
        title="Two sensors",
        about="Three classes.",
    )
    assert list(done) == ["There", "And back"]
    printed, tables = capsys.readouterr().out, (tmp_path / "report.md").read_text()
    for heading, pair in (("There", PAIR), ("And back", PAIR[::-1])):
        table = done[heading].table(pair)
        assert f"## {heading}\n\n### {' → '.join(pair)}\n\n{table}" in tables
        assert table in printed
        lead = done[heading].gain([pair], "D-CAT", "alone").signed
        assert (
            f"{table}\n\nOver all pairs, the lead of D-CAT over\n\n- alone: {lead}"
            in tables
        )
    assert tables.startswith("# Two sensors\n\nThree classes.\n")
    assert "Two sensors" in (tmp_path / "report.html").read_text()
    with (tmp_path / "report.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2 * 2 * len(METHODS)


@pytest.mark.slow
def test_the_report_of_what_is_done_is_there_when_the_next_experiment_fails(tmp_path):
    one = study(epochs=1)
    experiments = {
        "There": Experiment(one, [PAIR]),
        "Wrong": Experiment(one, [("radar", "imu")]),
    }
    with pytest.raises(ValueError, match="radar"):
        run_experiments(experiments, tmp_path, seeds=[0, 1])
    assert "There" in (tmp_path / "report.html").read_text()


def test_what_is_named_is_run_and_packed_and_read_from_there(tmp_path):
    one = study(epochs=1)
    experiments = {
        "There": Experiment(one, [PAIR]),
        "And back": Experiment(one, [PAIR[::-1]]),
        "Others": Experiment(one, [PAIR], {"mine": METHODS["alone"]}),
    }
    named = {"methods": ["alone"], "packed": tmp_path / "runs.npz", "seeds": [0, 1]}
    done = run_experiments(experiments, tmp_path / "first", **named)
    assert [(h, list(each.baselines)) for h, each in done.items()] == [
        ("There", ["alone"]),
        ("And back", ["alone"]),
    ]
    named["only"] = ["And back"]
    again = run_experiments(experiments, tmp_path / "second", **named)
    assert list(again) == ["And back"]
    assert not (tmp_path / "second" / "unimodal").exists()  # nothing was trained
    pair = PAIR[::-1]
    assert again["And back"].table(pair) == done["And back"].table(pair)


def test_what_was_foreseen_is_printed_of_those_with_a_transfer(
    tmp_path, capsys, monkeypatch
):
    module = sys.modules[Foresight.__module__]
    monkeypatch.setattr(module, "_verdict", lambda repetition, *pair: "help")
    one = study(epochs=1)
    experiments = {
        "There": Experiment(one, [PAIR]),
        "Alone": Experiment(one, [PAIR], {"mine": METHODS["alone"]}),
    }
    run_experiments(experiments, tmp_path, seeds=[0, 1], foresight=True)
    printed = capsys.readouterr().out
    assert "There\n| source → target | expected | found | gain |" in printed
    assert printed.count("of 1 pairs.") == 1
    assert printed.count("the lead of D-CAT") == 1


@pytest.mark.parametrize("argument", ["only", "methods"])
def test_what_is_named_must_be_there(argument, tmp_path):
    experiments = {"There": Experiment(study(epochs=1), [PAIR])}
    with pytest.raises(ValueError, match=f"`{argument}`.*'nowhere'.*Choose from"):
        run_experiments(experiments, tmp_path, **{argument: ["nowhere"]})
