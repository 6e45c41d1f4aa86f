"""Streams that tell the time, for the tests that cut them."""

import numpy as np

from keras_dcat.recordings import Recording, Stream


def clock(duration, rate, start=0.0):
    """A stream whose values are the time at which they were taken."""
    times = start + np.arange(round(duration * rate)) / rate
    return Stream(times[:, None], rate, start)


def two_clocks(
    durations=(10.0, 10.0), starts=(0.0, 0.0), rates=(50.0, 20.0), **options
):
    """A recording of two such streams, `a` and `b`."""
    options = {"label": 0, "subject": "A", "session": "one", **options}
    streams = {
        name: clock(*values)
        for name, *values in zip("ab", durations, rates, starts, strict=True)
    }
    return Recording(streams, **options)


def raw_samples(index):
    """Every sample that some window holds, one by one."""
    return {
        (name, int(sample))
        for name, starts in index.starts.items()
        for start in starts
        for sample in range(start, start + index.steps[name])
    }
