import itertools

import numpy as np
import pytest

from keras_dcat.streaming import listen
from tests.streaming.test_classifier import offline, samples


class Sensor:
    """Sends what it has in chunks, and breaks off where it is told to."""

    def __init__(self, values, breaks=(), error=OSError, down=0, clock=True):
        self.values, self.breaks, self.error = values, list(breaks), error
        self.down, self.clock = down, clock
        self.at = self.tries = 0
        self.open = False

    def __call__(self):
        self.tries += 1
        if self.down and self.breaks and self.at >= self.breaks[0]:
            self.down -= 1
            raise self.error("not there")
        return self._chunks()

    def _chunks(self):
        self.open = True
        try:
            begin = self.at
            while self.at < len(self.values):
                if self.breaks and self.at >= self.breaks[0] and self.at > begin:
                    self.breaks.pop(0)
                    raise self.error("unplugged")
                part = self.values[self.at : self.at + 10]
                times = (self.at - begin + np.arange(len(part))) / 20
                self.at += len(part)
                yield part, times if self.clock else None
        finally:
            self.open = False


@pytest.fixture
def slept(monkeypatch):
    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)
    return pauses


@pytest.mark.parametrize("clock", [True, False])
def test_without_a_loss_it_says_what_a_training_would_cut(classifier, slept, clock):
    values = samples(300)
    moments = list(listen(classifier(20.0), Sensor(values, clock=clock)))
    times, expected = offline(values)
    found = [d for moment in moments for d in moment.decisions]
    np.testing.assert_allclose([d.time for d in found], times, atol=1e-9)
    np.testing.assert_allclose([d.probabilities for d in found], expected, atol=1e-5)
    sent = np.concatenate([moment.samples for moment in moments])
    np.testing.assert_array_equal(sent, values)
    assert moments[-1].time == pytest.approx(299 / 20)
    assert {truth for moment in moments for truth in moment.truths} == {None}
    assert slept == []


@pytest.mark.parametrize("clock", [True, False])
def test_behind_a_loss_windows_start_anew(classifier, slept, clock):
    values, told = samples(300), []
    sensor = Sensor(values, breaks=[150], clock=clock)
    moments = list(listen(classifier(20.0), sensor, tell=told.append))
    found = [d.probabilities for moment in moments for d in moment.decisions]
    expected = [offline(part)[1] for part in (values[:150], values[150:])]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)
    assert slept == [1.0]
    assert told == ["connection lost (unplugged), next try in 1 s", "connected again"]
    assert not sensor.open


def test_it_tries_again_after_twice_as_long_and_half_a_minute_at_most(
    classifier, slept, monkeypatch
):
    sensor = Sensor(samples(300), breaks=[100, 200])

    class Away(Sensor):
        def __call__(self):
            if self.at == 100 and len(slept) < 8:
                raise OSError("not there")
            return super().__call__()

    sensor.__class__ = Away
    moments = list(listen(classifier(20.0), sensor, wait=0.5))
    assert slept == [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5]
    assert sum(len(moment.samples) for moment in moments) == 300


def test_a_connection_that_was_never_there_is_an_error(classifier, slept):
    def connect():
        raise FileNotFoundError("/dev/ttyACM7")

    with pytest.raises(FileNotFoundError, match="ttyACM7"):
        next(listen(classifier(20.0), connect))
    assert slept == []


def test_another_error_than_a_loss_ends_it(classifier, slept):
    for error, lost in ((KeyError, (OSError,)), (OSError, (KeyError,))):
        sensor = Sensor(samples(300), breaks=[100], error=error)
        moments = listen(classifier(20.0), sensor, lost=lost)
        with pytest.raises(error, match="unplugged"):
            list(moments)
    sensor = Sensor(samples(300), breaks=[100], error=KeyError)
    assert list(listen(classifier(20.0), sensor, lost=(KeyError,)))


def test_who_stops_listening_closes_the_connection(classifier):
    sensor = Sensor(samples(300))
    moments = listen(classifier(20.0), sensor)
    assert len(list(itertools.islice(moments, 3))) == 3
    assert sensor.open
    moments.close()
    assert not sensor.open


def test_what_does_not_fit_is_no_loss(classifier, slept):
    with pytest.raises(ValueError, match="Feed the stream 'imu'"):
        list(listen(classifier(20.0), Sensor(samples(30)[:, :2])))
    with pytest.raises(ValueError, match="wait=0. Leave it out"):
        listen(classifier(20.0), Sensor(samples(30)), wait=0)
