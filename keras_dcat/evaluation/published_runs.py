"""The runs of a comparison in one small file, to be published beside its tables."""

import json
import os
import pathlib
from typing import Any

import numpy as np

from keras_dcat.evaluation.run import Run
from keras_dcat.storage import JSON_ERRORS, is_bomb, stored_arrays, written_whole


def export_runs(folder: str | os.PathLike, path: str | os.PathLike) -> int:
    """Writes all runs of a folder to one file, without what no table needs.

    The file has the predicted class of every test window and its probability. F1,
    accuracy, calibration error and their intervals follow from these exactly. With 27
    classes it is a twentieth of the folder.

    Args:
        folder: that of a comparison: `path` of `compare` or of `run_experiments`.
        path: str or path of the file, which ends in `.npz`. What was there is replaced:
            `import_runs` into the folder first, to have both.

    Returns:
        int. How many runs are in the file.

    Raises:
        ValueError: if there is no run in the folder, a damaged one, or one of several
            labels, or if the file would have another ending.
    """
    files = sorted((pathlib.Path(folder) / "runs").glob("*.npz"))
    path = pathlib.Path(path)
    if not files or path.suffix != ".npz":
        raise ValueError(
            "Runs must be in a folder that `compare` has written, and their file must "
            f"end in .npz. Received: {len(files)} runs in {os.fspath(folder)!r}, and "
            f"{path.name!r}. Pass what `compare` got as its `path`, and such a name."
        )
    runs = [Run.load(file) for file in files]
    several = [
        file.name for file, run in zip(files, runs, strict=True) if run.labels.ndim > 1
    ]
    if several:
        raise ValueError(
            "Runs that are published must be of one class for each window. "
            f"Received: {several[0]!r}, of several labels. "
            "Publish the folder itself, or the CSV of `write_report`."
        )
    about = [_about(*each) for each in zip(files, runs, strict=True)]
    columns = {
        "labels": [run.labels.astype("uint16") for run in runs],
        "subjects": [run.subjects for run in runs],
        "predicted": [run.predicted.astype("uint16") for run in runs],
        "confidence": [run.probabilities.max(axis=-1) for run in runs],
        "losses": [run.losses for run in runs],
        "stretches": [_stretches(run) for run in runs],
    }
    with written_whole(path) as part:
        joined: dict[str, Any] = {
            name: np.concatenate(parts) for name, parts in columns.items()
        }
        np.savez_compressed(part, about=json.dumps(about), **joined)
    return len(runs)


def import_runs(path: str | os.PathLike, folder: str | os.PathLike) -> int:
    """Puts the runs of a file where a comparison looks for them.

    A comparison of the same windows, models and settings then reads them instead of
    training: its tables are there in seconds, and seeds or methods can be added to it.

    Args:
        path: str or path of a file that `export_runs` has written.
        folder: that of a comparison, `path` of `compare` or of `run_experiments`. What
            has been run there stays as it is.

    Returns:
        int. How many runs were not there before. Where the probability of the predicted
        class is `p`, the other classes share `1 - p`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is another one, or damaged. Nothing is then written.
    """
    try:
        arrays = stored_arrays(path)
        about = json.loads(str(arrays["about"]))
        size = sum(each["windows"] * each["classes"] * 4 for each in about)
        if is_bomb(size, os.path.getsize(path)):
            raise ValueError(f"probabilities of {size} bytes")
        runs = dict(_unpacked(arrays, about))
    except JSON_ERRORS as error:
        raise ValueError(
            "Packed runs must be a file that `export_runs` has written. "
            f"Received: {os.fspath(path)!r} ({type(error).__name__} {error}). "
            "Fetch it again."
        ) from error
    added = 0
    for name, run in runs.items():
        file = pathlib.Path(folder) / "runs" / name
        if not file.exists():
            with written_whole(file) as part:
                run.save(part)
            added += 1
    return added


_TOLD = ("split", "seed", "source", "target", "method", "seconds", "environment")


def _about(file, run):
    """What is told of a run beside its numbers, and how many of these are its own."""
    return {
        "name": file.name,
        "windows": len(run.labels),
        "classes": run.probabilities.shape[1],
        "epochs": len(run.losses),
        "training_f1": run.training_f1,
        "has_stretches": run.stretches is not None,
        **{name: getattr(run, name) for name in _TOLD},
    }


def _stretches(run):
    """Those of a run; zeros that nobody reads where it has none."""
    none = np.zeros(len(run.labels), int)
    return none if run.stretches is None else run.stretches


def _unpacked(arrays, about):
    """Yields names of files and their runs."""
    windows = [each["windows"] for each in about]
    labels, subjects, predicted, confidence = (
        _parts(arrays[name], windows)
        for name in ("labels", "subjects", "predicted", "confidence")
    )
    losses = _parts(arrays["losses"], [each["epochs"] for each in about])
    # Older files have none.
    stretches = _parts(arrays.get("stretches", np.zeros(sum(windows), int)), windows)
    for number, each in enumerate(about):
        name, source, classes = each["name"], each["source"], each["classes"]
        if pathlib.PurePath(name).name != name or not name.endswith(".npz"):
            raise ValueError(f"{name!r} is not the name of a run")
        top = confidence[number][:, None]
        is_top = np.arange(classes) == predicted[number][:, None]
        # Where classes are all but equally probable, rounding changes no prediction.
        rest = np.minimum((1 - top) / max(classes - 1, 1), np.nextafter(top, 0))
        run = Run(
            **{key: each[key] for key in _TOLD if key != "source"},
            source=tuple(source) if isinstance(source, list) else source,
            labels=labels[number].astype(int),
            subjects=subjects[number],
            probabilities=np.where(is_top, top, rest),
            losses=losses[number],
            training_f1=each.get("training_f1"),  # older files have none
            stretches=stretches[number] if each.get("has_stretches") else None,
        )
        run.check()
        if not np.array_equal(run.predicted, predicted[number]):
            raise ValueError(f"predictions of {name!r} are not its most likely classes")
        yield name, run


def _parts(joined, counts):
    """One array for each run."""
    if len(joined) != sum(counts) or min(counts, default=0) < 0:
        raise ValueError(f"{len(joined)} numbers for {counts}")
    return np.split(joined, np.cumsum(counts)[:-1])
