"""From an experiment file to recordings, windows, and what models are built of."""

import csv
import dataclasses
import pathlib

from keras_dcat import datasets, encoders, evaluation, windows
from keras_dcat.cli.experiment import Encoder, Experiment
from keras_dcat.recordings import Recording, mend, read_csv
from keras_dcat.windows import augmentation as vary

_SKELETONS = {"utd_mhad": datasets.utd_mhad.PARENTS}
_OWN_COLUMNS = ("session", "subject", "label")


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What the commands work on.

    Attributes:
        recordings: list of `Recording`, in order and by one clock each.
        class_names: tuple of str.
        train: `WindowIndex` of all who are neither test nor validation.
        validation: `WindowIndex`, or `None`.
        test: `WindowIndex`.
        index: `WindowIndex` of all of these.
    """

    recordings: list[Recording]
    class_names: tuple[str, ...]
    train: windows.WindowIndex
    validation: windows.WindowIndex | None
    test: windows.WindowIndex
    index: windows.WindowIndex


def load(experiment: Experiment) -> tuple[list[Recording], tuple[str, ...]]:
    """The recordings of an experiment, with its two streams alone.

    Args:
        experiment: `Experiment`.

    Returns:
        `(recordings, class_names)`.

    Raises:
        ValueError: if they have no such streams, or a file makes no sense.
        FileNotFoundError: if there is no such file.
    """
    data = experiment.data
    if data.recordings is not None:
        recordings, names = _own_files(data)
    else:
        module = "uci_har" if data.dataset == "uci_hapt" else data.dataset
        named = "HAPT_CLASS_NAMES" if data.dataset == "uci_hapt" else "CLASS_NAMES"
        names = getattr(getattr(datasets, module), named)
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
    return kept, tuple(names)


def prepare(experiment: Experiment) -> Prepared:
    """Recordings, windows and splits.

    Args:
        experiment: `Experiment`.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if the split names nobody, or leaves nobody to train with.
    """
    recordings, names = load(experiment)
    rates = {
        name: table.rate
        for name, table in experiment.data.streams.items()
        if table.time is not None
    }
    cut = experiment.windows
    index = windows.index_windows(
        recordings, cut.length, cut.stride, rates={**rates, **cut.rates} or None
    )
    split, validation = experiment.split, None
    train, test = windows.split_by_subject(index, people(index, split.test))
    if split.validation:
        held_out = people(index, split.validation)
        train, validation = windows.split_by_subject(train, held_out)
    return Prepared(recordings, names, train, validation, test, index)


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
        evaluation.Training(budget.epochs, budget.batch_size, budget.learning_rate),
    )


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


def _own_files(data):
    """Recordings of a table, whose files are as seen from where it lies."""
    rows = _rows(data.recordings, (*_OWN_COLUMNS, *data.streams))
    names = tuple(sorted({row["label"] for row in rows}))
    recordings = []
    for row in rows:
        streams = {
            stream: _stream(data.recordings.parent / row[stream], table)
            for stream, table in data.streams.items()
        }
        label = names.index(row["label"])
        recordings.append(Recording(streams, label, row["subject"], row["session"]))
    return recordings, names


def _rows(path: pathlib.Path, columns):
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path} must be a table of text, in UTF-8, with commas between its cells. "
            f"Received: {error}. Save it as CSV (UTF-8)."
        ) from error
    missing = sorted(set(columns) - set(rows[0] if rows else ()))
    if missing:
        raise ValueError(
            f"{path} must have a row for each recording, and the columns "
            f"{', '.join(columns)}. Received: none of {missing}. Add them."
        )
    for number, row in enumerate(rows, start=2):
        empty = [name for name in columns if not (row[name] or "").strip()]
        if empty:
            raise ValueError(
                f"{path}, line {number}: every cell must be filled. "
                f"Received: nothing in {empty}. Fill them, or leave the row out."
            )
    return rows


def _stream(path, table):
    if table.time is None:
        return read_csv(path, table.columns, rate=table.rate)
    stream = read_csv(path, table.columns, time=table.time, time_unit=table.time_unit)
    return mend(stream)[0]
