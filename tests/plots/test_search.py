from types import SimpleNamespace

import pytest

from keras_dcat import plots


def searched(scores, weights):
    """What a tuner has of its trials, as far as a plot looks at it."""
    trials = {
        str(number): SimpleNamespace(
            score=score,
            hyperparameters=SimpleNamespace(
                values={"transfer_weight": weight}, get={"transfer_weight": weight}.get
            ),
        )
        for number, (score, weight) in enumerate(zip(scores, weights, strict=True))
    }
    done = [trial for trial in trials.values() if trial.score is not None]
    done.sort(key=lambda trial: -trial.score)
    objective = SimpleNamespace(name="val_macro_f1")
    oracle = SimpleNamespace(
        trials=trials, objective=objective, get_best_trials=lambda: done
    )
    return SimpleNamespace(oracle=oracle)


def test_a_search_is_drawn_over_one_of_its_settings(tmp_path):
    tuner = searched([0.6, 0.8, None], [0.001, 1.0, 10.0])
    plots.plot_search(tuner, "transfer_weight", path=tmp_path / "search.svg")
    drawn = (tmp_path / "search.svg").read_text()
    for words in ("best: 1", "transfer_weight", "val_macro_f1"):
        assert f"<!-- {words} -->" in drawn


@pytest.mark.parametrize(
    ("largest", "scale"), [(0.1, "log"), (0.09, "linear")], ids=["two decades", "less"]
)
def test_a_range_of_two_decades_has_a_logarithmic_axis(largest, scale):
    tuner = searched([0.6, 0.8], [0.001, largest])
    figure = plots.plot_search(tuner, "transfer_weight")
    assert figure.axes[0].get_xscale() == scale


@pytest.mark.parametrize("setting", ["dropout", "transfer_weight"])
def test_a_search_without_such_a_setting_or_an_end_is_refused(setting):
    scores = [0.5] if setting == "dropout" else [None]
    with pytest.raises(ValueError, match=f"'{setting}'.*Search first"):
        plots.plot_search(searched(scores, [0.1]), setting)
