"""What is asked of `index_windows`, and whether recordings can give it."""

import numbers
from typing import NamedTuple

import numpy as np

from keras_dcat.real_numbers import is_number, is_positive

_CHOICES = {
    "label": ("majority", "end"),
    "short": ("drop", "pad"),
    "unlabelled": ("keep", "drop"),
    "between_labels": ("drop", "keep"),
    "overlaps": ("refuse", "mixed"),
}


class Options(NamedTuple):
    """The options of `index_windows`, which says what each is."""

    length: float | None
    stride: float | None
    rates: dict | None
    clips: dict | None
    label: str
    purity: float
    max_gap: float
    max_missing: float
    short: str
    unlabelled: str
    between_labels: str
    overlaps: str


def check_options(options):
    """Refuses options of `index_windows` that make no sense.

    Args:
        options: `Options`.

    Raises:
        ValueError: if one does not.
    """
    _check_lengths(options)
    for name, choices in _CHOICES.items():
        value = getattr(options, name)
        if value not in choices:
            raise ValueError(
                f"`{name}` must be one of {choices}. "
                f"Received: {name}={value!r}. Use {choices[0]!r}, the default."
            )
    purity, max_gap = options.purity, options.max_gap
    are_numbers = is_number(purity) and is_number(max_gap)
    if not are_numbers or not 0 <= purity <= 1 or not max_gap >= 0:
        raise ValueError(
            "`purity` must be a share, and `max_gap` at least 0 s. "
            f"Received: purity={purity!r}, max_gap={max_gap!r}. "
            "Leave the defaults, 0.8 and 0.25 s, unless you know your sensors."
        )
    missing = options.max_missing
    if not is_number(missing) or not 0 <= missing < 1:
        raise ValueError(
            "`max_missing` must be a share below 1: nothing is made of nothing. "
            f"Received: max_missing={missing!r}. Leave the default, 0, or "
            "allow a tenth: 0.1."
        )


def _check_lengths(options):
    given = {"length": options.length, "stride": options.stride}
    if options.clips is not None:
        others = {"rates": options.rates or None, **given}
        others = {name: value for name, value in others.items() if value is not None}
        if others or options.short != "drop":
            raise ValueError(
                "`clips` makes one window of each recording, whose length, stride and "
                f"rates follow from it. Received: {[*others] or ['short']} beside it. "
                "Leave these out, or leave out `clips`."
            )
        wrong = {n: steps for n, steps in options.clips.items() if not _is_count(steps)}
        if wrong:
            raise ValueError(
                "`clips` must say how many steps a window has in each stream. "
                f"Received: {wrong}. Give a whole number: clips={{'imu': 64}}."
            )
        return
    for name, seconds in given.items():
        if not is_positive(seconds):
            raise ValueError(
                f"`{name}` must be a positive number of seconds. "
                f"Received: {name}={seconds!r}. Activities take 1 to 10 s; for one "
                "window a clip, of any length, give `clips` instead."
            )


def _is_count(steps):
    return isinstance(steps, numbers.Integral) and int(steps) > 0


def common_rates(recordings, options):
    """The rate of every stream's windows, checked to be the same in all recordings.

    Args:
        recordings: list of `Recording`.
        options: `Options`.

    Returns:
        dict from a stream's name to its rate in Hz. Of clips, to their steps.

    Raises:
        ValueError: if recordings differ in streams, channels or rates, or if no
            rate can be had.
    """
    rates = options.rates or {}
    if not recordings:
        raise ValueError(
            "`recordings` must hold at least one recording. Received: none. "
            "Check the path and the subjects you asked for."
        )
    first = recordings[0]
    if not first.streams:
        raise ValueError(
            "A recording must have at least one stream. "
            f"Received: none in session {first.session!r}. "
            "Give each sensor a name: Recording({'imu': Stream(…)}, …)."
        )
    unknown = set(rates) - set(first.streams)
    if unknown:
        raise ValueError(
            "`rates` must name streams of the recordings. "
            f"Received: {sorted(unknown)}. Choose from {sorted(first.streams)}."
        )
    wrong = {name: rate for name, rate in rates.items() if not is_positive(rate)}
    if wrong:
        raise ValueError(
            "Rates must be positive numbers of samples per second. "
            f"Received: rates={wrong}. Give them in Hz."
        )
    subjects = {isinstance(each.subject, str): each.subject for each in recordings}
    if len(subjects) > 1:
        raise ValueError(
            "The subjects of all recordings must be ints, or all of them str. "
            f"Received: {subjects[False]!r} and {subjects[True]!r}. "
            "Give all of them names: str(subject)."
        )
    if options.clips is not None:
        _check_clips(recordings, options.clips)
        _check_values(recordings)
        return dict(options.clips)
    own = {name: stream.rate for name, stream in first.streams.items()}
    for recording in recordings:
        found = {name: stream.rate for name, stream in recording.streams.items()}
        differ = found.keys() ^ own.keys() or any(
            found[name] != own[name] for name in own if name not in rates
        )
        if differ:
            raise ValueError(
                "All recordings must have the same streams at the same rates. "
                f"Received: {own} in {first.session!r} and {found} in "
                f"{recording.session!r}. Bring them to one rate: rates={{name: rate}}."
            )
    _check_values(recordings)
    common = {**own, **rates}
    clocked = sorted(name for name, rate in common.items() if rate is None)
    if clocked:
        raise ValueError(
            "Streams with timestamps need a rate for their windows. "
            f"Received: none for {clocked}. "
            f"Choose one near their own, such as rates={{{clocked[0]!r}: 50}}."
        )
    fastest = max(common, key=common.__getitem__)
    if options.stride * common[fastest] < 1 - 1e-9:
        raise ValueError(
            "`stride` must be at least one sample of the fastest stream. Received: "
            f"stride={options.stride} s, where {fastest!r} has a sample every "
            f"{1 / common[fastest]:.6g} s. Choose a longer one, such as half a window: "
            f"{options.length / 2:g}."
        )
    return common


def _check_clips(recordings, clips):
    for recording in recordings:
        if recording.streams.keys() != clips.keys():
            raise ValueError(
                "`clips` must give the steps of every stream, and all recordings must "
                f"have the same. Received: clips for {sorted(clips)}, and "
                f"{sorted(recording.streams)} in {recording.session!r}. Leave out a "
                "stream by dataclasses.replace(recording, streams={…})."
            )


def _check_values(recordings):
    """That a stream has numbers, of the same channels wherever it has a sample."""
    found: dict[str, tuple] = {}
    for recording in recordings:
        for name, stream in recording.streams.items():
            channels = np.shape(stream.values)[1:]
            if stream.values.dtype.kind not in "biuf":
                cure = "Convert them: values.astype('float32')"
                if stream.values.dtype.kind == "c":
                    cure = "Give what matters of them: np.abs(values), or values.real"
                raise ValueError(
                    "Values of a stream must be real numbers. "
                    f"Received: {stream.values.dtype} in {name!r} of "
                    f"{recording.session!r}. {cure}."
                )
            if len(stream):
                first, session = found.setdefault(name, (channels, recording.session))
                if channels != first:
                    raise ValueError(
                        "All recordings must have the same channels in a stream. "
                        f"Received: {first} of {name!r} in {session!r}, and "
                        f"{channels} in {recording.session!r}. "
                        "Choose the same columns, or one size of frames."
                    )
