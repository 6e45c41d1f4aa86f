"""What an exported target says of samples as they come."""

import os
import pathlib
import threading
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from keras_dcat.export import Description, runner
from keras_dcat.export.description import joined
from keras_dcat.real_numbers import is_number, is_positive
from keras_dcat.recordings.at_rate import nearest_step
from keras_dcat.shown import counted, shown_as_printed, told
from keras_dcat.streaming.live_resampling import EvenSamples, EvenTimes
from keras_dcat.streaming.samples import checked_samples, numbers
from keras_dcat.streaming.sensor_clock import Clock, SensorClock
from keras_dcat.streaming.silence import Silence
from keras_dcat.streaming.smoothing import (
    MarkovSmoothing,
    MedianSmoothing,
    WeightedSmoothing,
)
from keras_dcat.streaming.tail import Tail


@shown_as_printed
class Decision(NamedTuple):
    """Class and probabilities of a window.

    Attributes:
        time: float. When the window starts, in seconds of the timestamps, or since the
            first sample.
        label: str. The most probable class; of a multi-label target, all labels above
            0.5, as `walk + talk`, or `–` where none is.
        probabilities: float array `(classes,)`, both of one sigmoid unit.
        labels: tuple of str. The same, name by name.
    """

    time: float
    label: str
    probabilities: np.ndarray
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        classes = counted(len(self.probabilities), "class", "classes")
        return (
            f"<Decision {told(self.label)} at {self.time:.13g} s, probability "
            f"{np.max(self.probabilities):.2f}, {classes}>"
        )


@shown_as_printed
class StreamingClassifier:
    """Classifies live samples, window by window.

    Samples are resampled and cut as for the training, whatever the size of the chunks
    in which they come. Memory is bounded by the length of a window. After a gap windows
    start anew, for none may bridge it. The attribute `description` is the `Description`
    of the artefact; `latency` says by how many seconds a decision is later than the
    end of its window, for what samples at another rate, or with timestamps, wait for:
    ten steps of the lower rate and, with timestamps, seven of the sensor. Threads may
    share one: it takes in chunk after chunk, each as a whole, in the order in which
    they come, as if they were of one stream.

    Args:
        artefact: path of a SavedModel, `.tflite` or `.onnx` that `export_target` has
            written. It needs no Keras but for what reads the format.
        rate: float. Samples per second that come in, in Hz; that of the training unless
            given. With timestamps, about how many there are, which the first 33 tell
            unless it is given: it decides, as in the training, what is filtered out.
        max_gap: float. Seconds between two timestamps from which on they are a gap; ten
            windows at most, for what is bridged is made up.
        time_unit: float. Seconds per unit of timestamps: 0.001 for milliseconds.
        wraps: float. Period of a counter that wraps, in seconds: `2**32 * 1e-6` for 32
            bits of microseconds. None for clocks that go on.
        packets: str. Which of its samples the one time of a packet is that of: `"end"`,
            `"start"` or `"centre"`. Samples are spread by `rate`, and follow the times
            of packets slowly, as these come late or two at once. `"refuse"` where each
            sample has a time of its own.
        smoothing: float from 0 to below 1, the share that the windows before have in
            what is said of one, in all; or `MedianSmoothing` or `MarkovSmoothing`, by
            which a decision also waits for windows behind it.

    Raises:
        ValueError: if there is no description in the artefact, or an option makes no
            sense.
        ImportError: if what reads the format is not installed.

    Example:

    >>> # classifier = StreamingClassifier("watch/target.tflite")
    >>> # for decision in classifier.feed(samples, timestamps): print(decision.label)
    """

    def __init__(
        self,
        artefact: str | os.PathLike,
        rate: float | None = None,
        *,
        max_gap: float = 0.25,
        time_unit: float = 1.0,
        wraps: float | None = None,
        packets: str = "refuse",
        smoothing: float | MedianSmoothing | MarkovSmoothing = 0.0,
    ):
        path = pathlib.Path(artefact)
        self.description = Description.of(path)
        self._given_rate = rate
        rate = self.description.rate if rate is None else rate
        if not (is_positive(rate) and is_number(max_gap) and max_gap > 0):
            raise ValueError(
                "`rate` and `max_gap` must be above 0. "
                f"Received: {rate=}, {max_gap=}. Leave out what you do not know."
            )
        if max_gap > 10 * self.description.length:
            raise ValueError(
                "`max_gap` must not be longer than ten windows. "
                f"Received: max_gap={max_gap}, windows of {self.description.length} s. "
                "Leave the default, 0.25 s, or take the one of `index_windows`."
            )
        self.rate = float(rate)
        self.max_gap = max_gap
        if isinstance(smoothing, MedianSmoothing | MarkovSmoothing):
            self.smoothing: Any = smoothing
        else:
            self.smoothing = WeightedSmoothing(smoothing)
        self._check_smoothing()
        if self.description.stride * self.description.rate < 0.5:
            raise ValueError(
                "Windows must start a sample apart at least. "
                f"Received: {str(path)!r} with a stride of {self.description.stride} s "
                f"at {self.description.rate} Hz. Export the model anew."
            )
        self._clock = SensorClock(
            self._given_rate,
            self.description.rate,
            max_gap,
            time_unit=time_unit,
            wraps=wraps,
            packets=packets,
        )
        # The owner must live as long as what it runs.
        self._run, _, self._owner = _loaded(path)
        # What runs an artefact takes one window at a time.
        self._lock = threading.RLock()
        self.reset()

    def __str__(self) -> str:
        return (
            f"<StreamingClassifier samples at {self.rate:.6g} Hz, decisions "
            f"{self.smoothing.delay} windows late\n  {self.description}>"
        )

    def reset(self) -> None:
        """Forgets all samples, as after a gap."""
        with self._lock:
            self._has_timestamps: bool | None = None
            self._count = 0  # of samples without timestamps
            self._stands = Clock()  # of the sensor, behind the last sample
            self._silence = Silence(
                self.description.length, self.description.stride, self.max_gap
            )
            self._own_rate = self._given_rate  # of samples with timestamps
            self._begin(None)

    @property
    def latency(self) -> float:
        """Seconds by which a decision is later than the end of its window, at most.

        Of samples with timestamps, once it is known how many come in a second. What a
        smoothing waits for is part of it: its `delay` times the stride.
        """
        return self._even.latency + self.smoothing.delay * self.description.stride

    @property
    def time(self) -> float | None:
        """When the last sample was taken, in seconds; None before the first.

        By the timestamps or, without any, since the first sample.
        """
        if self._has_timestamps:
            return self._stands.last
        return (self._count - 1) / self.rate if self._count else None

    def feed(
        self, samples: npt.ArrayLike, timestamps: npt.ArrayLike | None = None
    ) -> list[Decision]:
        """Takes samples, and says what they complete.

        Args:
            samples: array `(samples, channels…)`, as many as there are.
            timestamps: float array `(samples,)`, in units of `time_unit`, rising from
                sample to sample and from chunk to chunk; of packets also one number for
                all of the chunk; or never any.

        Returns:
            list of `Decision`, one for each window that is complete now.

        Raises:
            ValueError: if samples do not fit the model, are not finite, or if
                timestamps do not rise, or are of another unit. Nothing of this chunk
                has been taken in then.

        A warning says why, where a window's worth of samples comes to no decision.
        """
        with self._lock:
            samples = self._checked(samples, timestamps is not None)
            if timestamps is not None:
                timestamps = numbers(timestamps, "timestamps")
                last = self._stands.last
                timestamps, self._stands = self._clock.read(
                    len(samples), timestamps, self._stands
                )
                decisions = self._fed(samples, timestamps, last)
            else:
                decisions = self._fed(samples, None, None)
        if reason := self._silence.reason():
            warnings.warn(reason, stacklevel=2)
        return decisions

    def _fed(self, samples, timestamps, last):
        if not len(samples):
            return []
        self._has_timestamps = timestamps is not None
        if timestamps is None:
            self._count += len(samples)
            if self._start is None:
                self._begin(0.0)
            return self._decided(self._even.add(samples))
        before = -np.inf if last is None else last
        with np.errstate(over="ignore"):  # a gap without end is one, too
            begins = np.diff(timestamps, prepend=before) > self.max_gap
        decisions = []
        for part in np.split(np.arange(len(samples)), np.flatnonzero(begins)):
            if not len(part):
                continue
            if begins[part[0]]:
                decisions += self.end()
                self._begin(timestamps[part[0]])
            even = self._even.add(samples[part], timestamps[part])
            self._own_rate = self._even.own_rate  # it holds behind a gap, too
            found = self._decided(even)
            decisions += found
            if found:
                self._silence.broken()
            else:
                self._silence.heard(
                    len(part),
                    timestamps[part[-1]] - self._start,
                    self._own_rate or self.description.rate,
                    self.latency,
                    is_new=bool(begins[part[0]]),
                )
        return decisions

    def end(self) -> list[Decision]:
        """Says what still waits for later samples, of which there will be none.

        A filter that brings samples to a lower rate looks at those that follow.

        Returns:
            list of `Decision`.
        """
        with self._lock:
            waiting, decisions = self._even.end(), []
            if len(waiting):
                decisions = self._decided(waiting, until=self._even.seconds)
            return decisions + self._told(self._running.end())

    def _begin(self, start):
        """Starts anew: the first sample is at `start`."""
        self._start = start
        self._even: Any  # `EvenTimes` or `EvenSamples`
        if self._has_timestamps:
            self._even = EvenTimes(self.description.rate, self._own_rate)
        else:
            self._even = EvenSamples(self.rate, self.description.rate)
        self._tail = Tail()
        self._windows = 0
        self._running = self.smoothing.running()
        self._waiting: list[float] = []  # when the windows start that are not told

    def _decided(self, samples, until=None):
        """What is said of the windows that samples at the model's rate complete.

        They end no later than the samples do: `until`, where no more will come.
        """
        description, tail = self.description, self._tail
        tail.append(samples)
        steps, rate = description.shape[0], description.rate
        windows, times = [], []
        while True:
            at = self._windows * description.stride
            first = int(nearest_step(at * rate))
            seconds = tail.end / rate if until is None else until
            is_over = at + description.length <= seconds + _TINY
            if first + steps > tail.end or not is_over:
                break
            windows.append(tail[first : first + steps])
            times.append(float(self._start + at))
            self._windows += 1
        decisions = []
        if windows:
            outputs, _ = self._run(np.stack(windows).astype("float32"))
            probabilities = description.probabilities(outputs)
            self._waiting += times
            for own in probabilities:
                decisions += self._told(self._running.add(own))
        tail.forget(before=int(nearest_step(self._windows * description.stride * rate)))
        return decisions

    def _told(self, smoothed):
        """Decisions about the windows that have waited longest."""
        times = [self._waiting.pop(0) for _ in smoothed]
        return list(map(self._decision, times, smoothed))

    def _decision(self, time, probabilities):
        decision = self.description.decisions(probabilities[None])[0]
        labels = self.description.names_of(decision)
        return Decision(time, joined(labels), probabilities, labels)

    def _check_smoothing(self):
        if not isinstance(self.smoothing, MarkovSmoothing):
            return
        names = self.description.class_names
        if self.description.is_multilabel or len(self.smoothing.prior) != len(names):
            raise ValueError(
                "`MarkovSmoothing` is of one class of several, the same as the "
                f"artefact's. Received: {len(self.smoothing.prior)} classes, and the "
                f"{self.description.task} artefact of {list(names)}. Smooth several "
                "labels by MedianSmoothing(5)."
            )

    def _checked(self, samples, has_timestamps):
        samples = checked_samples(samples, self.description)
        if len(samples) and self._has_timestamps not in (None, has_timestamps):
            raise ValueError(
                "Either all samples must have timestamps, or none. "
                f"Received: timestamps {'now' if has_timestamps else 'before'} only. "
                "Call `reset` to begin anew."
            )
        if has_timestamps and self.max_gap * self.rate <= 1:
            raise ValueError(
                "`max_gap` must be longer than a step of the sensor. "
                f"Received: max_gap={self.max_gap} s at {self.rate:g} Hz. "
                "Make the classifier with the one of `index_windows`."
            )
        return samples


def _loaded(path):
    """What runs an artefact, which may be damaged although it says what it is."""
    try:
        return runner.load(path)
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # of each reader of a format its own
        found = " ".join(str(error).split())[:200]
        raise ValueError(
            "An artefact must be what `export_target` has written, as a whole. "
            f"Received: {str(path)!r}, which cannot be loaded ({found}). Export the "
            "model anew."
        ) from error


_TINY = 1e-6  # seconds: times are rounded
