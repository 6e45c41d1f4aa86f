"""SisFall: falls and daily life, by two accelerometers and a gyroscope at the waist."""

import dataclasses
import numbers
import os
import pathlib
import re
from collections.abc import Iterable

import numpy as np

from keras_dcat.datasets.archive import Archive
from keras_dcat.datasets.inertial import inertial_streams
from keras_dcat.datasets.tables import read_table
from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.storage import stored_arrays

ACTIVITIES = {
    "D01": "walking slowly",
    "D02": "walking quickly",
    "D03": "jogging slowly",
    "D04": "jogging quickly",
    "D05": "up and down stairs slowly",
    "D06": "up and down stairs quickly",
    "D07": "sitting down on a chair and up slowly",
    "D08": "sitting down on a chair and up quickly",
    "D09": "sitting down on a low chair and up slowly",
    "D10": "sitting down on a low chair and up quickly",
    "D11": "trying to get up and collapsing into the chair",
    "D12": "lying down and sitting up slowly",
    "D13": "lying down and sitting up quickly",
    "D14": "turning from back to side and back",
    "D15": "bending at the knees and up slowly",
    "D16": "bending without the knees and up slowly",
    "D17": "getting into a car and out",
    "D18": "stumbling while walking",
    "D19": "jumping gently",
    "F01": "fall forward while walking, by a slip",
    "F02": "fall backward while walking, by a slip",
    "F03": "lateral fall while walking, by a slip",
    "F04": "fall forward while walking, by a trip",
    "F05": "fall forward while jogging, by a trip",
    "F06": "vertical fall while walking, by fainting",
    "F07": "fall while walking, by fainting, hands on a table",
    "F08": "fall forward while getting up",
    "F09": "lateral fall while getting up",
    "F10": "fall forward while sitting down",
    "F11": "fall backward while sitting down",
    "F12": "lateral fall while sitting down",
    "F13": "fall forward while sitting, by fainting or sleep",
    "F14": "fall backward while sitting, by fainting or sleep",
    "F15": "lateral fall while sitting, by fainting or sleep",
}
CLASS_NAMES = tuple(ACTIVITIES.values())
FALL_CLASS_NAMES = ("no fall", "fall")
RATE = 200.0
_CODES = tuple(ACTIVITIES)
_FIRST_FALL = _CODES.index("F01")
_SMALLER_RATE = 50.0
# Range and bits of ADXL345 and MMA8451Q in g, and of ITG3200 in degrees/s.
_RANGES = np.repeat([16.0, 2000.0, 8.0], 3)
_BITS = np.repeat([13, 16, 14], 3)
_UNITS = (2 * _RANGES / 2.0**_BITS).astype("float32")
_MOST = 2**15  # counts: no sensor has more than 16 bits
_MEMBER = re.compile(r"(?:^|/)(?:(S[AE]\d\d)/)?([DF]\d\d)_(S[AE]\d\d)_R(\d\d)\.txt$")
_KEYS = ("values", "offsets", "activity", "subject", "trial")
_REMEDY = (
    "Download SisFall_dataset.zip from http://sistemic.udea.edu.co/en/investigacion/"
    "proyectos/english-falls/; members are named SA01/D01_SA01_R01.txt."
)


def load_sisfall(path: str | os.PathLike) -> list[Recording]:
    """4,500 recordings of 19 daily activities and 15 falls by 38 people.

    One device sits at the waist, for 10 s to 3 min a recording. Adults (`SA01` to
    `SA23`, 19 to 30 years) do all; elderly people (`SE01` to `SE15`, 60 to 75 years)
    daily activities, and one of them, `SE06`, falls as well. Falls are acted, and not
    marked inside of their recordings: `label_falls` marks them. There is no official
    split; split by subject.

    All is held in memory: 0.6 GB at 200 Hz.

    Args:
        path: str or path of the publisher's zip, or of a folder of its members, at
            200 Hz. Or of a NumPy archive, `.npz`, of the same at 50 Hz: `values`
            `(samples, 9)`, the publisher's counts of all recordings one after the
            other, recording `i` in `offsets[i]:offsets[i + 1]`, and `activity` (such
            as `"D01"`), `subject` (`"SA01"`) and `trial` (from 1) `(recordings,)`.

    Returns:
        list of `Recording`, by subject, activity and trial, with labels that index
        `CLASS_NAMES`, subjects such as `"SA01"`, and the streams, float32

        - `accelerometer` `(time, 3)` in g, up to 16, `gyroscope` `(time, 3)` in
          degrees/s, and `imu` `(time, 6)`, the two side by side;
        - `accelerometer_2` `(time, 3)` in g, up to 8, another make.

        Five recordings of `SA15`, in their folder, are named after `SE15`, who has
        five of the same name. They are given as those of `SA15`. There are copies of
        the data in which D02 of `SA01` is a copy of its D01.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it holds no recording of the data set, or a damaged one, or if
            a NumPy archive has other keys or sizes.

    Reference:
        Sucerquia, López, Vargas-Bonilla, [SisFall: A Fall and Movement Dataset](
        https://doi.org/10.3390/s17010198), Sensors 2017, 17(1), 198. For research use.
    """
    path = pathlib.Path(path)
    if path.suffix == ".npz" and path.is_file():
        found, rate = _smaller(path), _SMALLER_RATE
    else:
        found, rate = _published(path), RATE
    return [
        _recording(counts, rate, *clip)
        for clip, counts in sorted(found, key=lambda each: each[0])
    ]


def label_falls(
    recordings: Iterable[Recording], seconds: float = 3.0, margin: float = 1.0
) -> list[Recording]:
    """The recordings of `load_sisfall`, labelled as fall or no fall.

    A fall is the time around the strongest acceleration of a recording of a fall.
    All other time, and all of a daily activity, is no fall; but what lies closely
    before and after a fall has no label, as nobody has marked where a fall begins.

    At its defaults a window of 2 s that is labelled a fall holds that moment, every
    fall has such a window if they start every second, and about 1 in 20 windows is one.

    Args:
        recordings: iterable of `Recording`, as `load_sisfall` gives them.
        seconds: float. How long a fall is, half of it before that moment.
        margin: float. Seconds before and after it without a label.

    Returns:
        list of `Recording` with the same streams, and labels that index
        `FALL_CLASS_NAMES`: `Intervals` for falls, 0 for daily activities. Windows of
        them have one label each, `index.step_labels` has one for each step.

    Raises:
        ValueError: if a label is not one of `load_sisfall`, if a fall has no
            `accelerometer`, or if `seconds` or `margin` is no length.

    Example:

    >>> from keras_dcat.datasets import sisfall
    >>> values = np.ones((750, 3), "float32")
    >>> values[400] = 9.0  # the ground
    >>> streams = {"accelerometer": Stream(values, rate=50.0)}
    >>> trip = sisfall.CLASS_NAMES.index("fall forward while walking, by a trip")
    >>> (fall,) = label_falls([Recording(streams, trip, "SA01")])
    >>> fall.label.starts.tolist(), fall.label.ends.tolist()
    ([0.0, 6.5, 10.5], [5.5, 9.5, 15.0])
    >>> fall.label.labels.tolist()
    [0, 1, 0]
    """
    if not (0 < seconds < np.inf and 0 <= margin < np.inf):
        raise ValueError(
            "A fall must last, and its margin be 0 s or more. "
            f"Received: seconds={seconds}, margin={margin}. "
            "Leave the defaults, 3 and 1 s."
        )
    return [
        dataclasses.replace(each, label=_fall_label(each, seconds / 2, margin))
        for each in recordings
    ]


def _fall_label(recording, half, margin):
    label = recording.label
    if not isinstance(label, numbers.Integral) or not 0 <= int(label) < len(
        CLASS_NAMES
    ):
        raise ValueError(
            "Falls are told by the labels of `load_sisfall`. "
            f"Received: {label!r} in session {recording.session!r}. "
            "Label the falls of what it has loaded, before anything else."
        )
    if label < _FIRST_FALL:
        return 0
    stream = recording.streams.get("accelerometer")
    if stream is None:
        raise ValueError(
            "Falls are found by the stream 'accelerometer'. "
            f"Received: {sorted(recording.streams)} in session "
            f"{recording.session!r}. Label them before streams are left out."
        )
    begin, end = stream.span
    peak = stream.times[np.argmax(np.linalg.norm(stream.values, axis=1))]
    starts = np.array([begin, peak - half, peak + half + margin])
    ends = np.array([peak - half - margin, peak + half, end])
    starts, ends = np.clip(starts, begin, end), np.clip(ends, begin, end)
    lasts = starts < ends
    return Intervals(starts[lasts], ends[lasts], np.array([0, 1, 0])[lasts])


def _recording(counts, rate, subject, activity, trial):
    values = counts * _UNITS
    return Recording(
        streams={
            **inertial_streams(values[:, :6], rate),
            "accelerometer_2": Stream(values[:, 6:], rate),
        },
        label=_CODES.index(activity),
        subject=subject,
        session=f"sisfall/{activity}_{subject}_R{trial:02d}",
    )


def _published(path):
    """What the publisher's members are, `(subject, activity, trial)`, and counts."""
    archive = Archive(path, _REMEDY)
    matches = [match for match in map(_MEMBER.search, archive.names()) if match]
    matches = [match for match in matches if match.group(2) in ACTIVITIES]
    if not matches:
        raise ValueError(
            "The archive must hold recordings of SisFall. "
            f"Received: {str(path)!r} without one. {_REMEDY}"
        )
    found = []
    with archive.reader() as read:
        for match in matches:
            folder, activity, subject, trial = match.groups()
            # What follows the semicolon of a line is a comment to NumPy: nothing.
            table = read_table(
                read, match.string, 9, _REMEDY, delimiter=",", comments=";"
            )
            if not (np.abs(table) <= _MOST).all():
                raise ValueError(
                    f"Counts of SisFall have at most 16 bits. Received: others in "
                    f"{match.string!r}. Fetch it again. {_REMEDY}"
                )
            clip = (folder or subject, activity, int(trial))
            found.append((clip, table.astype("float32")))
    return found


def _smaller(path):
    """The same of a NumPy archive."""
    try:
        stored = stored_arrays(path)
        arrays = {key: stored[key] for key in _KEYS}
        shapes = {key: values.shape for key, values in arrays.items()}
        fits = _are_recordings(**arrays)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        shapes, fits = error, False
    if not fits:
        raise ValueError(
            f"An archive of SisFall must have the arrays {_KEYS}, with counts, known "
            "activities, and one offset more than recordings, rising from 0 to the "
            f"number of samples. Received: {str(path)!r} with {shapes}. See `path` of "
            "`load_sisfall`."
        )
    values, offsets = arrays["values"], arrays["offsets"]
    clips = zip(
        *(arrays[key].tolist() for key in ("subject", "activity", "trial")), strict=True
    )
    found: dict[tuple, np.ndarray] = {}
    for number, clip in enumerate(clips):
        if clip in found and clip[:2] == (
            "SE15",
            "D17",
        ):  # the folder of SA15 was first
            found["SA15", *clip[1:]] = found[clip]
        counts = values[offsets[number] : offsets[number + 1]]
        found[clip] = counts.astype("float32")
    return list(found.items())


def _are_recordings(values, offsets, activity, subject, trial):
    recordings = activity.shape
    return (
        values.ndim == 2
        and values.shape[1] == 9
        and values.dtype == "int16"
        and activity.dtype.kind == subject.dtype.kind == "U"
        and trial.dtype.kind in "iu"
        and subject.shape == trial.shape == recordings
        and len(recordings) == 1
        and recordings[0] > 0
        and set(activity.tolist()) <= set(ACTIVITIES)
        and offsets.shape == (recordings[0] + 1,)
        and offsets.dtype.kind in "iu"
        and offsets[0] == 0
        and offsets[-1] == len(values)
        and bool((np.diff(offsets.astype("int64")) > 0).all())
    )
