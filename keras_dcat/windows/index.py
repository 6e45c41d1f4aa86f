"""Which windows exist: where each starts in every stream."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from keras_dcat.recordings import Recording


@dataclasses.dataclass(frozen=True)
class WindowIndex:
    """Windows of several recordings, as positions; no window is copied.

    Window `i` of stream `name` is
    `samples[name][starts[name][i] : starts[name][i] + steps[name]]`, and shows the
    same span of time in every stream. Make one with `index_windows`.

    Attributes:
        samples: dict from stream to array `(all samples, channels…)`, the
            recordings one after the other.
        starts: dict from stream to int array `(windows,)`.
        steps: dict from stream to int, samples in a window.
        labels: int array `(windows,)`.
        subjects: array `(windows,)`.
        sessions: array `(windows,)`, from which recording a window is.
    """

    samples: dict[str, np.ndarray]
    starts: dict[str, np.ndarray]
    steps: dict[str, int]
    labels: np.ndarray
    subjects: np.ndarray
    sessions: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def shape(self, stream: str) -> tuple[int, ...]:
        """Shape of one window.

        Args:
            stream: str. Name of the stream.

        Returns:
            tuple `(steps, channels…)`, as `keras.Input` takes it.
        """
        return (self.steps[stream], *self.samples[stream].shape[1:])

    def subset(self, chosen: np.ndarray) -> "WindowIndex":
        """The windows that `chosen`, a mask or positions, picks out.

        Args:
            chosen: bool array `(windows,)` or int array.

        Returns:
            `WindowIndex` on the same samples.
        """
        return dataclasses.replace(
            self,
            starts={name: starts[chosen] for name, starts in self.starts.items()},
            labels=self.labels[chosen],
            subjects=self.subjects[chosen],
            sessions=self.sessions[chosen],
        )

    def gather(self, stream: str, windows=slice(None)) -> np.ndarray:
        """Windows of one stream as one array.

        Args:
            stream: str. Name of the stream.
            windows: positions of the windows, all by default.

        Returns:
            array `(windows, steps, channels…)`.
        """
        starts = self.starts[stream][windows]
        return self.samples[stream][starts[:, None] + np.arange(self.steps[stream])]

    def moments(self, stream: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance per channel, over the windows of this index alone.

        Args:
            stream: str. Name of the stream.

        Returns:
            `(mean, variance)`, arrays `(channels…)`. A variance of 0 (a channel
            that never moves) is given as 1.
        """
        used = np.zeros(len(self.samples[stream]), bool)
        for step in range(self.steps[stream]):
            used[self.starts[stream] + step] = True
        samples = self.samples[stream][used].astype("float64")
        variance = samples.var(axis=0)
        return samples.mean(axis=0), np.where(variance > 0, variance, 1.0)


def index_windows(
    recordings: Iterable[Recording], length: float, stride: float
) -> WindowIndex:
    """Cuts recordings into windows that show the same moment in every stream.

    Windows start every `stride` seconds from the moment when all streams have
    begun, and end before the first of them ends. None crosses a recording.

    Args:
        recordings: list of `Recording` with the same streams at the same rates.
        length: float. Length of a window in seconds.
        stride: float. Seconds from the start of one window to the next.

    Returns:
        `WindowIndex`. A recording shorter than a window has none in it.

    Raises:
        ValueError: if `length` or `stride` is not positive, if the recordings
            differ in streams or rates, or if all are too short.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> streams = {"imu": Stream(np.zeros((250, 6)), 50), "pose": Stream(
    ...     np.zeros((100, 60)), 20)}
    >>> index = index_windows([Recording(streams, 0, "A")], length=2, stride=1)
    >>> len(index), index.gather("imu").shape, index.gather("pose").shape
    (4, (4, 100, 6), (4, 40, 60))
    """
    for name, seconds in (("length", length), ("stride", stride)):
        if not 0 < seconds < np.inf:
            raise ValueError(
                f"`{name}` must be a positive number of seconds. "
                f"Received: {name}={seconds}. Activities take 1 to 10 s."
            )
    recordings = list(recordings)
    rates = _common_rates(recordings)
    steps = {name: max(1, round(length * rate)) for name, rate in rates.items()}
    starts = {name: [] for name in rates}
    offsets = dict.fromkeys(rates, 0)
    counts = []
    for recording in recordings:
        times = _start_times(recording, length, stride)
        counts.append(len(times))
        for name, stream in recording.streams.items():
            first = np.rint((times - stream.start) * stream.rate).astype(int)
            last_possible = len(stream.values) - steps[name]
            starts[name].append(offsets[name] + np.minimum(first, last_possible))
            offsets[name] += len(stream.values)
    if not sum(counts):
        longest = max(_overlap(recording)[1] for recording in recordings)
        raise ValueError(
            "At least one recording must be as long as a window. "
            f"Received: length={length} s and recordings of at most {longest:.2f} s. "
            "Choose a shorter window."
        )
    return WindowIndex(
        samples={
            name: np.concatenate([r.streams[name].values for r in recordings])
            for name in rates
        },
        starts={name: np.concatenate(parts) for name, parts in starts.items()},
        steps=steps,
        labels=np.repeat([r.label for r in recordings], counts),
        subjects=np.repeat([r.subject for r in recordings], counts),
        sessions=np.repeat([r.session for r in recordings], counts),
    )


def _common_rates(recordings):
    if not recordings:
        raise ValueError(
            "`recordings` must hold at least one recording. Received: none. "
            "Check the path and the subjects you asked for."
        )
    rates = {name: s.rate for name, s in recordings[0].streams.items()}
    for recording in recordings:
        found = {name: s.rate for name, s in recording.streams.items()}
        if found != rates:
            raise ValueError(
                "All recordings must have the same streams at the same rates. "
                f"Received: {rates} in {recordings[0].session!r} and {found} in "
                f"{recording.session!r}. "
                "Bring them to one rate: recording.resampled(name=rate)."
            )
    return rates


def _overlap(recording):
    """When all streams run: start and duration in seconds."""
    streams = recording.streams.values()
    start = max(s.start for s in streams)
    return start, min(s.start + s.duration for s in streams) - start


def _start_times(recording, length, stride):
    start, duration = _overlap(recording)
    # 1 µs: a window that ends with the recording is not lost to rounding
    count = max(0, int(np.floor((duration - length + 1e-6) / stride)) + 1)
    return start + np.arange(count) * stride
