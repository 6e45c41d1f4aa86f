"""A search that can be killed at any moment."""

import json
import pathlib
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_dcat import tuning, windows
from keras_dcat.cli.data import Prepared, study
from keras_dcat.cli.experiment import Experiment
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.extras import require
from keras_dcat.storage import JSON_ERRORS, seal, written_whole

keras_tuner: Any = require("keras_tuner", extra="tuner")


class WholeSearch(keras_tuner.RandomSearch):
    """A random search, by one process, that goes on from the last trial that is done.

    KerasTuner tells the state of a search in several files, and writes each in place:
    one that was killed meanwhile cannot be read, or has lost the trial that ran. So
    after each trial all of them are kept in one file, which is replaced as a whole, and
    put back at the start. The trial that ran is run again.

    Args:
        *args: of `keras_tuner.RandomSearch`.
        directory: path of the folder.
        project_name: str. Name of the folder in it that is this search's.
        **kwargs: of `keras_tuner.RandomSearch`.

    Raises:
        ValueError: if what was kept is damaged.
    """

    def __init__(self, *args, directory: pathlib.Path, project_name: str, **kwargs):
        self._folder = pathlib.Path(directory) / project_name
        self._kept = self._folder.with_name(f"{self._folder.name}.json")
        self._put_back()
        super().__init__(
            *args, directory=str(directory), project_name=project_name, **kwargs
        )

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        files = {
            path.relative_to(self._folder).as_posix(): path.read_text("utf-8")
            for path in self._folder.rglob("*.json")
        }
        with written_whole(self._kept) as part:
            content = {"files": files, "sha256": seal(files)}
            part.write_text(json.dumps(content), "utf-8")

    def _put_back(self):
        files = self._read() if self._kept.exists() else {}
        trials = {pathlib.PurePosixPath(name).parts[0] for name in files}
        if self._folder.exists():
            for path in self._folder.iterdir():
                if path.is_dir() and path.name not in trials:
                    shutil.rmtree(path)
                elif path.suffix == ".json" and path.name not in files:
                    path.unlink()
        for name, text in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def _read(self):
        try:
            content = json.loads(self._kept.read_bytes())
            if content["sha256"] != seal(content["files"]):
                raise ValueError("its SHA-256 is another")
        except JSON_ERRORS as error:
            raise ValueError(
                "What a search has kept must be as it was written. "
                f"Received: {str(self._kept)!r} ({type(error).__name__} {error}). "
                "Delete it; the search begins anew."
            ) from error
        return content["files"]


def with_pairs(hypermodel, index, pair, batch_size: int):
    """Gives a search its pairs, of whose source it runs each window once.

    Args:
        hypermodel: `DCATHyperModel`, whose `data` is set.
        index: `WindowIndex`.
        pair: `(source, target)`, two names of streams.
        batch_size: int.
    """
    source, target = pair
    known = hypermodel.cache_source(index.gather(source), verbose=0)

    def pairs(hp, model):
        """Anew for each trial: the orders are those of the first in all of them."""
        batches = windows.pair_dataset(
            index, known, target, batch_size, shuffle=True, seed=0
        )
        return {"x": batches}

    hypermodel.data = pairs


def fixed(experiment: Experiment):
    """What a search does not look for, as the experiment says it.

    Args:
        experiment: `Experiment`.

    Returns:
        `keras_tuner.HyperParameters`.
    """
    said = experiment.transfer.model_dump(exclude={"loss_weights"})
    said |= experiment.transfer.loss_weights
    hyperparameters = keras_tuner.HyperParameters()
    for name, value in said.items():
        if name not in experiment.search and value is not None:
            hyperparameters.Fixed(name, value)
    return hyperparameters


def searched(
    experiment: Experiment,
    prepared: Prepared,
    models: list[keras.Model],
    trials: int,
    epochs: int | None,
    on_trial_end: Callable[[], object],
) -> WholeSearch:
    """Searches the settings that an experiment names.

    Args:
        experiment: `Experiment`.
        prepared: `Prepared`, with validation.
        models: source and target, of which only the architectures are used: a new
            source is trained that does not know the validation subjects.
        trials: int. How many settings are tried.
        epochs: int. Of each trial; the experiment's unless given.
        on_trial_end: function that is called after each trial.

    Returns:
        `WholeSearch` that has ended.

    Raises:
        ValueError: if what was kept is damaged, or the models cannot be compared by the
            recipe.
    """
    pair, budget = (experiment.source, experiment.target), experiment.training
    seed, epochs = budget.seeds[0], epochs or budget.epochs
    repetition = Repetition(study(experiment, prepared), "test", seed)
    keras.utils.set_random_seed(seed)
    source, target = map(keras.models.clone_model, models)
    known = repetition.windows(pair[0], repetition.labelled(1.0), budget.batch_size)
    repetition.study.training.fit(source, known)
    hypermodel = tuning.DCATHyperModel(
        source,
        lambda hp: keras.models.clone_model(target),
        experiment.search,
        jit_compile=False,
        seed=seed,
    )
    with_pairs(hypermodel, prepared.train, pair, budget.batch_size)
    # A search of other windows, models or settings does not go on from this one.
    asked = {
        "seed": seed,
        "epochs": epochs,
        "search": experiment.search,
        "transfer": experiment.transfer.model_dump(),
    }
    tuner = WholeSearch(
        hypermodel,
        tuning.MACRO_F1,
        max_trials=trials,
        hyperparameters=fixed(experiment),
        seed=seed,
        directory=experiment.output,
        project_name=f"search/{repetition.study.fingerprint('test', pair, asked)}",
    )
    held_out: Any = prepared.validation
    ended = keras.callbacks.LambdaCallback(on_train_end=lambda logs: on_trial_end())
    tuner.search(
        validation_data=(held_out.gather(pair[1]), held_out.labels),
        epochs=epochs,
        shuffle=False,
        callbacks=[ended],
        verbose=0,
    )
    return tuner


def told_best(tuner: WholeSearch, names: Sequence[str]) -> str:
    """The best settings that a search has found, in one line.

    Args:
        tuner: `WholeSearch` that has ended.
        names: sequence of str, the settings that it looked for.

    Returns:
        str.
    """
    best = tuner.oracle.get_best_trials()[0]
    values = [best.hyperparameters.get(name) for name in names]
    short = [f"{each:.3g}" if isinstance(each, float) else each for each in values]
    found = ", ".join(f"{n} = {x}" for n, x in zip(names, short, strict=True))
    return f"{found}: macro F1 {best.score:.3f} of the validation subjects"
