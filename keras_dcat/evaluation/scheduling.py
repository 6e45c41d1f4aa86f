"""Work that several processes share, handed out by KerasTuner's chief."""

import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_dcat.extras import require

SCHEDULERS = ("keras_tuner",)


def share_out(
    units: Mapping[str, Callable[[], object]],
    is_done: Callable[[], bool],
    verbose: int = 1,
) -> None:
    """Has every unit of work done once, by whichever process is free.

    KerasTuner says who is who, by the variables of the environment that its own
    searches take: `KERASTUNER_TUNER_ID` (`chief`, or another name for each worker),
    `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT` (of the chief). The chief hands
    units out and does none. Without these variables this process does all.

    All processes return when everything is done. A worker that dies takes its unit with
    it: the others do the rest, and wait until it is started again under its name.

    Args:
        units: dict from a name to a function that does this unit. The same names in
            the same order in every process.
        is_done: function that tells whether all is done, by whomever.
        verbose: 0 for no progress bar.

    Raises:
        ImportError: if KerasTuner is missing.
        Exception: what a unit raises, in the process that did it.
    """
    keras_tuner: Any = require("keras_tuner", "tuner")
    progress = keras.utils.Progbar(len(units), unit_name="unit", verbose=verbose)

    class InOrder(keras_tuner.Oracle):
        """Every unit once."""

        def populate_space(self, trial_id):
            unit = list(units)[int(trial_id)]
            return {
                "status": keras_tuner.engine.trial.TrialStatus.RUNNING,
                "values": {"unit": unit},
            }

        def end_trial(self, trial):
            super().end_trial(trial)
            progress.add(1)

    class Worker(keras_tuner.engine.base_tuner.BaseTuner):
        """Does what it is given."""

        def run_trial(self, trial):
            began = time.monotonic()
            try:
                units[trial.hyperparameters.get("unit")]()
            except Exception as error:
                raise keras_tuner.errors.FatalError(f"{error}") from error
            return time.monotonic() - began

    if is_done():
        return
    space = keras_tuner.HyperParameters()
    space.Choice("unit", list(units))
    with tempfile.TemporaryDirectory() as folder:  # what is done is kept elsewhere
        oracle = InOrder(max_trials=len(units), hyperparameters=space)
        oracle.verbose = 0  # no table for each unit
        worker = Worker(oracle, directory=folder)
        while worker.oracle.get_space().space[0].values != list(units):
            print("The chief hands out other work. This process waits for its own.")
            time.sleep(10)
        try:
            worker.search()
        except keras_tuner.errors.FatalError as error:
            raise error.__cause__ from None
    while not is_done():  # others are at their last units
        time.sleep(1)
