"""A sensor that is really there, whose connection may be lost and comes back."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from keras_dcat.real_numbers import is_positive
from keras_dcat.streaming.classifier import StreamingClassifier
from keras_dcat.streaming.replay import Moment

_LONGEST = 30.0  # seconds between two tries


def listen(
    classifier: StreamingClassifier,
    connect: Callable[[], Iterable[tuple[Any, Any]]],
    *,
    lost: tuple[type[Exception], ...] = (OSError,),
    wait: float = 1.0,
    tell: Callable[[str], object] | None = None,
) -> Iterator[Moment]:
    """Feeds a sensor to a classifier, and reconnects.

    Behind a loss windows start anew, and so may the clock of the sensor. A connection
    that was never there is an error; one that was is tried again without end, each time
    after twice as long, half a minute at most.

    Args:
        classifier: `StreamingClassifier`. It begins anew.
        connect: function without arguments that connects to the sensor and returns an
            iterable of `(samples, timestamps)`, as `feed` takes them; timestamps None
            where there are none. A generator may close what it opened in a `finally`.
        lost: exceptions that say that the connection is gone. `OSError` has what a
            serial port and a socket raise.
        wait: float. Seconds before the first try to connect again.
        tell: function of a str that is called with what happens to the connection.

    Returns:
        iterator of `Moment`, without a truth; it ends where the sensor does.

    Raises:
        ValueError: if `wait` is not positive, or what comes does not fit the model.

    Example:

    >>> # for moment in listen(classifier, lambda: packets(port)):
    >>> #     for decision in moment.decisions: print(decision.label)
    """
    if not is_positive(wait):
        raise ValueError(
            "`wait` must be seconds, above 0. "
            f"Received: {wait=}. Leave it out for a second."
        )
    return _moments(classifier, connect, lost, wait, tell or (lambda words: None))


def _moments(classifier, connect, lost, wait, tell):
    classifier.reset()
    was_there, pause, at = False, wait, 0.0
    nothing = np.empty((0, *classifier.description.shape[1:]))
    while True:
        try:
            for samples, timestamps in connect():
                if pause != wait:
                    tell("connected again")
                was_there, pause = True, wait
                decisions = classifier.feed(samples, timestamps)
                at = at if classifier.time is None else classifier.time
                truths: list[str | None] = [None] * len(decisions)
                yield Moment(at, np.asarray(samples), decisions, truths)
        except lost as error:
            if not was_there:
                raise
            yield from _last(classifier, at, nothing)
            classifier.reset()
            tell(f"connection lost ({error}), next try in {pause:g} s")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST)
        else:
            yield from _last(classifier, at, nothing)
            return


def _last(classifier, at, nothing):
    """What still waited for samples, if anything."""
    if decisions := classifier.end():
        yield Moment(at, nothing, decisions, [None] * len(decisions))
