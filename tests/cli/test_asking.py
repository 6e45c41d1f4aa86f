import pytest

pytest.importorskip("click")
pytest.importorskip("pydantic")

from click.testing import CliRunner

from keras_dcat.cli.data import prepare
from keras_dcat.cli.experiment import read_experiment
from keras_dcat_command import main
from tests.cli.experiments import write_sessions


def asked(tmp_path, answers, *more):
    """What `new` prints over a folder of files of six people."""
    folder = tmp_path / "data"
    if not folder.exists():
        folder.mkdir()
        write_sessions(folder).unlink()
    command = ["new", str(folder), "--experiment", str(tmp_path / "mine.yaml")]
    return CliRunner().invoke(main, [*command, *more], input="\n".join(answers) + "\n")


def test_five_answers_make_an_experiment_that_is_ready_to_train(tmp_path):
    done = asked(tmp_path, ["", "camera", "", "1", "p9, 5"])
    assert done.exit_code == 1
    assert "Choose from ['0', '1', '2', '3', '4', '5']" in done.output
    done = asked(tmp_path, ["", "camera", "", "1", "4, 5"])
    assert done.exit_code == 0, done.output
    assert (
        "watch: columns x, y; time in 'ms', in units of 0.001 s, 32 Hz" in done.output
    )
    assert done.output.count("?") == 5
    plan = read_experiment(tmp_path / "mine.yaml")
    assert (plan.source, plan.target) == ("camera", "watch")
    prepared = prepare(plan)
    assert min(len(prepared.train), len(prepared.test)) > 0
    assert f"keras-dcat inspect {tmp_path / 'mine.yaml'}" in done.output


def test_return_takes_what_stands_in_brackets(tmp_path):
    done = asked(tmp_path, [""] * 5)
    assert done.exit_code == 0, done.output
    assert prepare(read_experiment(tmp_path / "mine.yaml")).test.subjects.tolist()


def test_a_second_time_nothing_is_asked_or_written_over(tmp_path):
    asked(tmp_path, [""] * 5)
    kept = (tmp_path / "mine.yaml").read_bytes()
    done = asked(tmp_path, ["", "camera", "", "1", "4"])
    assert done.exit_code == 1
    assert "?" not in done.output
    assert "not written over" in done.output
    assert (tmp_path / "mine.yaml").read_bytes() == kept
