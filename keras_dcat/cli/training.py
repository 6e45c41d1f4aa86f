"""The three models that `train` makes: the source, the target alone, and taught."""

from collections.abc import Iterator

import keras

from keras_dcat import metrics
from keras_dcat.cli.data import Prepared, methods, study
from keras_dcat.cli.experiment import Experiment
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.storage import written_whole


def train_all(
    experiment: Experiment, prepared: Prepared, seed: int
) -> Iterator[tuple[str, keras.Model, float]]:
    """Trains the models one after the other, and writes those that are used later.

    Args:
        experiment: `Experiment`, to whose `output` they are written.
        prepared: `Prepared`.
        seed: int.

    Returns:
        iterator of `(name, model, macro F1)` of `"source"`, `"alone"` and `"D-CAT"`, F1
        on the windows of the test subjects.

    Raises:
        ValueError: if no loss is left to teach.
    """
    taught = methods(experiment)["D-CAT"]
    repetition = Repetition(
        study(experiment, prepared), "test", seed, experiment.output
    )
    source, target = experiment.source, experiment.target
    for name, stream, file in (
        ("source", source, "source.keras"),
        ("alone", target, None),
        ("D-CAT", target, "target.keras"),
    ):
        if name == "D-CAT":
            model, _ = taught.train(repetition, (source,), target)
        else:
            model, _ = repetition.unimodal(stream)
        predicted = repetition.predict(model, stream)
        labels, size = prepared.test.labels, len(prepared.class_names)
        if file:
            with written_whole(experiment.output / file) as part:
                model.save(part)
        yield name, model, metrics.macro_f1(labels, predicted, size)
