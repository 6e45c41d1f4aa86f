"""From an experiment file to recordings, windows, and what models are built of."""

import dataclasses
from typing import NamedTuple

from keras_dcat import datasets, encoders, evaluation, windows
from keras_dcat.cli.experiment import Encoder, Experiment
from keras_dcat.cli.sessions import Mended, read_sessions
from keras_dcat.recordings import Recording
from keras_dcat.windows import augmentation as vary

_SKELETONS = {"utd_mhad": datasets.utd_mhad.PARENTS}


class Loaded(NamedTuple):
    """What an experiment is about.

    Attributes:
        recordings: list of `Recording`, with the experiment's two streams alone.
        class_names: tuple of str.
        mended: tuple of `Mended`, of these streams, where they have timestamps.
    """

    recordings: list[Recording]
    class_names: tuple[str, ...]
    mended: tuple[Mended, ...]


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What the commands work on.

    Attributes:
        recordings: list of `Recording`, in order and by one clock each.
        class_names: tuple of str.
        mended: tuple of `Mended`.
        train: `WindowIndex` of all who are neither test nor validation, of whom only
            some may have labels.
        validation: `WindowIndex` with labels, or `None`.
        test: `WindowIndex` with labels.
        index: `WindowIndex` of all windows, also of those that could only have judged
            and have no label to judge by.
    """

    recordings: list[Recording]
    class_names: tuple[str, ...]
    mended: tuple[Mended, ...]
    train: windows.WindowIndex
    validation: windows.WindowIndex | None
    test: windows.WindowIndex
    index: windows.WindowIndex


def load(experiment: Experiment) -> Loaded:
    """The recordings of an experiment, with its two streams alone.

    Args:
        experiment: `Experiment`.

    Returns:
        `Loaded`.

    Raises:
        ValueError: if they have no such streams, or a file makes no sense.
        FileNotFoundError: if there is no such file.
    """
    data, mended = experiment.data, ()
    if data.recordings is not None:
        recordings, names, mended = read_sessions(data)
    else:
        module = "uci_har" if data.dataset == "uci_hapt" else data.dataset
        named = "HAPT_CLASS_NAMES" if data.dataset == "uci_hapt" else "CLASS_NAMES"
        names = getattr(getattr(datasets, str(module)), named)
        read = getattr(datasets, f"load_{data.dataset}")
        recordings = read() if data.path is None else read(data.path)
    asked = (experiment.source, experiment.target)
    unknown = sorted(set(asked) - set(recordings[0].streams))
    if unknown:
        raise ValueError(
            f"`source` and `target` must be streams of the data. Received: {unknown}. "
            f"Choose from {sorted(recordings[0].streams)}."
        )
    kept = [
        dataclasses.replace(each, streams={name: each.streams[name] for name in asked})
        for each in recordings
    ]
    told = tuple(each for each in mended if each.stream in asked)
    return Loaded(kept, tuple(names), told)


def prepare(experiment: Experiment) -> Prepared:
    """Recordings, windows and splits.

    Args:
        experiment: `Experiment`.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if the split names nobody, or leaves nobody to train with.
    """
    loaded = load(experiment)
    asked = (experiment.source, experiment.target)
    rates = {
        name: files.rate_of_windows
        for name, files in experiment.data.streams.items()
        if files.rate_of_windows is not None and name in asked
    }
    cut = experiment.windows
    index = windows.index_windows(
        loaded.recordings,
        cut.length,
        cut.stride,
        rates={**rates, **cut.rates} or None,
        class_names=loaded.class_names or None,
        **cut.given(),
    )
    split, validation = experiment.split, None
    _check_windows_of([*split.test, *split.validation], loaded.recordings, index)
    train, test = windows.split_by_subject(index, people(index, split.test))
    if split.validation:
        held_out = people(index, split.validation)
        train, validation = windows.split_by_subject(train, held_out)
        validation = validation.subset(validation.is_labelled)
    if split.labelled is not None:
        train = _labelled_by(train, split.labelled)
    test = test.subset(test.is_labelled)
    return Prepared(*loaded, train, validation, test, index)


def _check_windows_of(named, recordings, index):
    """Refuses people who judge, and were recorded, but have no window."""
    left = set(map(str, index.subjects.tolist()))
    there = {str(each.subject) for each in recordings}
    without = [who for who in named if str(who) in there - left]
    if without:
        raise ValueError(
            "Who tests or validates must have windows. "
            f"Received: {without}, of whom none is left, and of all people\n"
            f"{index.report}\n"
            "Mend what they were dropped for, or name others in `split`."
        )


def _labelled_by(train, named):
    known = people(train, named)
    there = set(train.subjects.tolist())
    if unknown := [who for who in known if who not in there]:
        raise ValueError(
            "`split.labelled` must name people who train. "
            f"Received: {unknown}, of whom there is no window. "
            f"Choose from {sorted(there)}."
        )
    return train.keep_labels_of(known)


def people(index: windows.WindowIndex, named) -> list:
    """Subjects as the data have them, who are numbers there, or words.

    Args:
        index: `WindowIndex`.
        named: list of int or str.

    Returns:
        list, in which who is not there stays as named.
    """
    known = {str(who): who for who in index.subjects.tolist()}
    return [known.get(str(who), who) for who in named]


def study(experiment: Experiment, prepared: Prepared) -> evaluation.Study:
    """What is compared, without the subjects held out for validation.

    Args:
        experiment: `Experiment`.
        prepared: `Prepared`.

    Returns:
        `Study` with the one split `"test"`.
    """
    budget = experiment.training
    return evaluation.Study(
        {"test": (prepared.train, prepared.test)},
        {
            stream: _modality(experiment, stream, prepared)
            for stream in (experiment.source, experiment.target)
        },
        prepared.class_names,
        evaluation.Training(
            budget.epochs, budget.min_steps, budget.batch_size, budget.learning_rate
        ),
    )


def methods(experiment: Experiment) -> dict[str, evaluation.Method]:
    """The target alone, and taught as the experiment says.

    Args:
        experiment: `Experiment`.

    Returns:
        dict from a label to a method, with the labels of `evaluation.METHODS`.

    Raises:
        ValueError: if no loss is left to teach.
    """
    taught = evaluation.DCAT(**experiment.transfer.model_dump())
    return evaluation.METHODS | {"D-CAT": taught}


def _modality(experiment, stream, prepared):
    own = experiment.encoders.get(stream, Encoder())
    shape = prepared.train.shape(stream)
    kind = own.kind or _kind(stream, shape, experiment.data.dataset)
    chosen = own.model_dump(include={"dropout", "size"}, exclude_none=True)
    if kind == "skeleton":
        chosen["parents"] = _SKELETONS.get(experiment.data.dataset)
    if kind == "audio":
        chosen["sampling_rate"] = round(shape[0] / experiment.windows.length)

    def build(train, **options):
        if kind in ("imu", "skeleton"):
            options["normalization"] = windows.normalization_layer(train, stream)
        return getattr(encoders, kind)(
            train.shape(stream),
            len(prepared.class_names),
            key_dim=experiment.training.key_dim,
            **{**chosen, **options},
        )

    return evaluation.Modality(build, vary.Scaling(0.1) if kind == "imu" else None)


def _kind(stream, shape, dataset):
    if len(shape) == 4:
        return "video"
    if shape[-1] == 1 and shape[0] > 2000:
        return "audio"
    return "skeleton" if stream == "skeleton" and dataset in _SKELETONS else "imu"
