import json
import types

import keras
import keras_tuner
import pytest

from keras_dcat.cli.experiment import read_experiment
from keras_dcat.cli.searching import WholeSearch, fixed, told_best
from tests.cli.experiments import write_experiment


class Guess(keras_tuner.HyperModel):
    """What is judged by its setting, and dies at a given trial."""

    def __init__(self, dies_at=None):
        super().__init__()
        self.trials = []
        self.dies_at = dies_at

    def build(self, hp):
        hp.Float("x", 0.0, 1.0)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp, model, **options):
        if len(self.trials) == self.dies_at:
            raise KeyboardInterrupt
        self.trials.append(hp.get("x"))
        return hp.get("x")


def searched(folder, guess, trials=3):
    tuner = WholeSearch(
        guess,
        keras_tuner.Objective("default_objective", "min"),
        max_trials=trials,
        seed=1,
        directory=folder,
        project_name="a",
    )
    tuner.search(verbose=0)
    return sorted(
        (t.trial_id, t.hyperparameters.get("x"), t.score)
        for t in tuner.oracle.get_best_trials(9)
    )


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("expected"), Guess())


@pytest.mark.parametrize("dies_at", [0, 2])
@pytest.mark.parametrize("damage", ["none", "oracle.json", "trial.json", "tuner0.json"])
def test_a_search_goes_on_whatever_of_its_files_is_half_written(
    tmp_path, expected, dies_at, damage
):
    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        searched(folder, Guess(dies_at))
    for path in folder.rglob(damage):
        path.write_text(path.read_text()[:-1])
    again = Guess()
    assert searched(folder, again) == expected
    assert len(again.trials) == 3 - dies_at


def test_a_search_that_is_done_is_read_and_may_become_longer(tmp_path, expected):
    folder = tmp_path / "done"
    assert searched(folder, Guess()) == expected
    again = Guess()
    assert searched(folder, again) == expected
    assert again.trials == []
    assert searched(folder, again, trials=4)[:3] == expected
    assert len(again.trials) == 1
    kept = json.loads((folder / "a.json").read_text())["files"]
    assert {name for name in kept if "/" not in name} == {"oracle.json", "tuner0.json"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content.replace(b"score", b"scare"),
        lambda content: b"[]",
        lambda content: b"\xff",
    ],
)
def test_what_was_kept_and_is_damaged_is_refused_by_name(tmp_path, damage):
    searched(tmp_path, Guess(), trials=1)
    kept = tmp_path / "a.json"
    kept.write_bytes(damage(kept.read_bytes()))
    with pytest.raises(ValueError, match=r"as it was written.*a\.json.*Delete it"):
        searched(tmp_path, Guess(), trials=1)
    kept.unlink()
    assert len(searched(tmp_path, Guess(), trials=1)) == 1


def test_what_is_not_searched_is_as_the_transfer_of_the_file_says(tmp_path):
    transfer = {"recipe": "paper", "gate": "soft", "loss_weights": {"fused": 2.0}}
    path = write_experiment(tmp_path, transfer=transfer, search=["gate"])
    assert fixed(read_experiment(path)).values == {"recipe": "paper", "fused": 2.0}
    path = write_experiment(tmp_path)
    assert fixed(read_experiment(path)).values == {"recipe": "extended"}


def test_the_best_is_told_in_one_line():
    hp = keras_tuner.HyperParameters()
    hp.Fixed("transfer_weight", 0.12345)
    hp.Fixed("gate", "soft")
    best = types.SimpleNamespace(hyperparameters=hp, score=0.75)
    oracle = types.SimpleNamespace(get_best_trials=lambda: [best])
    tuner = types.SimpleNamespace(oracle=oracle)
    assert told_best(tuner, ["transfer_weight", "gate"]) == (
        "transfer_weight = 0.123, gate = soft: macro F1 0.750 of the validation "
        "subjects"
    )
