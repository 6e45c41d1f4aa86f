"""Whether an artefact does what the model does, asked in a process of its own."""

import dataclasses
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

from keras_dcat.evaluation import Interval, paired_bootstrap
from keras_dcat.export import runner
from keras_dcat.export.description import Description
from keras_dcat.metrics import f1_per_class, macro_f1

# Share of windows that get the same label, and macro F1 that quantization may cost.
MIN_AGREEMENT, MAX_F1_DROP = 0.999, 0.01
TIMEOUT = 600  # seconds
# What an artefact must run without.
_FOREIGN = {"saved_model": {"keras_dcat"}}
# What else there is, where one format does not have what a model does.
_INSTEAD = {
    "saved_model": "Export another format, as formats=['litert', 'onnx'] does",
    "onnx": "Export another format, as formats=['saved_model', 'litert'] does",
    "litert": "Give recurrent layers unroll=True, or export formats=['onnx']",
    "litert_int8": "Give recurrent layers unroll=True, or export formats=['onnx']",
    "micro": "Build the target of layers that TensorFlow Lite Micro has, as "
    "keras_dcat.encoders.imu does, or export formats=['litert']",
}
_LONGEST_REASON = 200  # characters of what another program says


@dataclasses.dataclass(frozen=True)
class Check:
    """Result of the check of an artefact.

    Attributes:
        format: str.
        kilobytes: float. Size on disk.
        milliseconds: float. Median of 50 windows one by one, on this machine.
        agreement: float. Share of windows that get the label that the model gives; of
            several labels, the share of these.
        macro_f1: float. On the windows' own labels; on the model's, if they have none.
            Of several labels, the mean of each one's F1.
        macro_f1_drop: float. By how much that is less than the model's.
        largest_difference: float. Between two probabilities.
        f1_drop_interval: `Interval` of `macro_f1_drop`, over people; `None` of one
            person, and of formats that compute what the model does.
        arena_kilobytes: float. Memory that the interpreter of microcontrollers needs;
            `None` of other formats.
    """

    format: str
    kilobytes: float
    milliseconds: float
    agreement: float
    macro_f1: float
    macro_f1_drop: float
    largest_difference: float
    f1_drop_interval: Interval | None = None
    arena_kilobytes: float | None = None


def check(
    path: pathlib.Path,
    name: str,
    windows: np.ndarray,
    expected: np.ndarray,
    labels: np.ndarray | None,
    description: Description,
    variables,
    is_exact: bool,
    subjects: np.ndarray | None = None,
) -> Check:
    """Runs an artefact in a fresh process, and compares.

    Args:
        path: path of the artefact.
        name: str. Name of its format.
        windows: float32 array `(windows, …)`.
        expected: float array `(windows, outputs)`, what the model says of them.
        labels: int array `(windows,)`, −1 for none; of a multi-label target `(windows,
            labels)`; or `None`.
        description: `Description`.
        variables: names of the variables of the target.
        is_exact: bool. Whether labels must agree; or else macro F1, nearly.
        subjects: array `(windows,)`. Who each window is of.

    Returns:
        `Check`.

    Raises:
        RuntimeError: if it cannot be run without this package, holds other variables
            than the target's, or differs by more than it may.
    """
    found = _run(name, path, windows)
    _check_alone(name, found, variables)
    probabilities = found["probabilities"]
    if probabilities.shape != expected.shape or not np.isfinite(probabilities).all():
        raise failed(
            name,
            f"probabilities of shape {probabilities.shape}, finite: "
            f"{bool(np.isfinite(probabilities).all())}, not {expected.shape}",
        )
    predicted, wanted = (
        description.decisions(description.probabilities(outputs))
        for outputs in (probabilities, expected)
    )
    if len(found["labels"]):
        named = np.asarray(description.class_names)[predicted]
        if not np.array_equal(named, found["labels"]):
            raise failed(name, "labels that are not those of the largest probability")
    truth = wanted if labels is None or not (labels >= 0).any() else labels
    scores = [mean_f1(truth, each, description) for each in (wanted, predicted)]
    result = Check(
        format=name,
        kilobytes=_size(path) / 1000,
        milliseconds=1000 * float(found["latency"]),
        agreement=float(np.mean(predicted == wanted)),
        macro_f1=scores[1],
        macro_f1_drop=scores[0] - scores[1],
        largest_difference=float(np.abs(probabilities - expected).max()),
        f1_drop_interval=(
            None if is_exact else _interval(truth, wanted, predicted, subjects)
        ),
        arena_kilobytes=int(found["arena"]) / 1000 if "arena" in found else None,
    )
    if is_exact and result.agreement < MIN_AGREEMENT:
        raise failed(
            name, f"other labels than the model's: {result.agreement:.1%} agree"
        )
    if not is_exact and result.macro_f1_drop > MAX_F1_DROP:
        raise failed(
            name,
            f"a macro F1 of {scores[1]:.3f}, where the model has {scores[0]:.3f}",
            "Calibrate with windows of more people, or leave the format out",
        )
    return result


def _interval(truth, wanted, predicted, subjects):
    if subjects is None or len(np.unique(subjects)) < 2:
        return None
    return paired_bootstrap(truth, [wanted], [predicted], subjects)


def mean_f1(truth: np.ndarray, decisions: np.ndarray, description) -> float:
    """Macro F1 over classes; of a multi-label target, the mean F1 of its labels.

    Args:
        truth: int array `(windows,)` or `(windows, labels)`, −1 for none.
        decisions: int array of the same shape.
        description: `Description`.

    Returns:
        float, NaN where no label is present or said.
    """
    if not description.is_multilabel:
        known = truth >= 0
        return macro_f1(truth[known], decisions[known], len(description.class_names))
    scores = [
        f1_per_class(own, said, 2)[1]
        for own, said in zip(truth.T, decisions.T, strict=True)
    ]
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")


def failed(name: str, reason: str, cure: str | None = None) -> RuntimeError:
    """The error of an export that cannot be written, run, or relied on.

    Args:
        name: str. Name of the format.
        reason: str. What was found instead.
        cure: str. What to do; another format, unless given.

    Returns:
        `RuntimeError`.

    Example:

    >>> str(failed("onnx", "no answer within 600 s")).split(". ")[1]
    'Received: no answer within 600 s'
    """
    return RuntimeError(
        f"The {name} export must do what the model does. Received: {reason}. "
        f"{cure or _INSTEAD[name]}; nothing has been left on disk."
    )


def last_words(text: str) -> str:
    """The last line of what another program said of its failure, cut to its end.

    Args:
        text: str. A traceback, or the message of an error.

    Returns:
        str without a full stop.

    Example:

    >>> last_words("Traceback (most recent call last):\\n …\\nValueError: too long.")
    'ValueError: too long'
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colours
    # Keras lists the arguments of a layer behind what went wrong in it.
    lines = text.split("Arguments received by")[0].split("\n")
    lines = [" ".join(line.split()) for line in lines if line.strip(" .\t\r")]
    last = lines[-1].rstrip(". ") if lines else ""
    return last if len(last) <= _LONGEST_REASON else f"…{last[-_LONGEST_REASON:]}"


def _run(name, path, windows):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "windows.npy", windows)
        # Isolated: neither the working directory nor PYTHONPATH is looked at.
        command = [sys.executable, "-I", runner.__file__, str(path.resolve())]
        command += [str(folder / "windows.npy"), str(folder / "results.npz")]
        command += ["micro"] if name == "micro" else []
        try:
            finished = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise failed(name, f"no answer within {TIMEOUT} s") from None
        if finished.returncode < 0:
            raise failed(name, f"a crash (signal {-finished.returncode}) in running it")
        if finished.returncode:
            raise failed(name, f"an error in running it: {last_words(finished.stderr)}")
        with np.load(folder / "results.npz", allow_pickle=False) as results:
            return dict(results)


def _check_alone(name, found, variables):
    foreign = _FOREIGN.get(name, {"keras_dcat", "keras"}) & set(
        found["modules"].tolist()
    )
    if foreign:
        raise failed(name, f"a model that needs {sorted(foreign)}")
    others = set(found["variables"].tolist()) - set(variables)
    if others:
        raise failed(name, f"variables that are not the target's: {sorted(others)[:3]}")


def _size(path):
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
