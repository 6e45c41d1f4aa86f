"""How good the trials of a search were."""

import os
from typing import TYPE_CHECKING

from keras_dcat.plots.figure import figure_of, written

if TYPE_CHECKING:
    import keras_tuner
    import matplotlib.figure


def plot_search(
    tuner: "keras_tuner.Tuner", setting: str, *, path: str | os.PathLike | None = None
) -> "matplotlib.figure.Figure":
    """Scores of the trials of a search over one setting.

    Each trial is a point, and the best one is named. A range of two decades or more
    has a logarithmic axis.

    Args:
        tuner: tuner of KerasTuner that has searched.
        setting: str. Name of what was searched, such as `"transfer_weight"`.
        path: str or path of the PNG (or SVG, PDF) to write. Nothing is written unless
            given.

    Returns:
        the `matplotlib.figure.Figure`, which a notebook shows.

    Raises:
        ValueError: if no trial is complete, or none has such a setting.
        ImportError: if matplotlib is not installed.
    """
    trials = [
        trial for trial in tuner.oracle.trials.values() if trial.score is not None
    ]
    if not trials or setting not in trials[0].hyperparameters.values:
        known = sorted(trials[0].hyperparameters.values) if trials else []
        raise ValueError(
            "`setting` must be one of those of the search, which must have ended. "
            f"Received: {setting!r}, and {len(trials)} trials with {known}. "
            "Search first, and name what was searched."
        )
    trials.sort(key=lambda trial: trial.hyperparameters.get(setting))
    values = [trial.hyperparameters.get(setting) for trial in trials]
    scores = [trial.score for trial in trials]
    best = tuner.oracle.get_best_trials()[0]
    chosen = best.hyperparameters.get(setting)
    figure = figure_of(6, 4)
    axes = figure.subplots()
    axes.plot(values, scores, "o-", color="C0", linewidth=0.8)
    shown = f"{chosen:.3g}" if isinstance(chosen, float) else str(chosen)
    axes.plot([chosen], [best.score], "o", color="C1", label=f"best: {shown}")
    if isinstance(chosen, float) and min(values) > 0 and max(values) > 99 * min(values):
        axes.set_xscale("log")
    axes.set(xlabel=setting, ylabel=tuner.oracle.objective.name)
    axes.legend()
    return written(figure, path)
