import numpy as np
import pytest

from keras_dcat.recordings import ClockEstimate, Stream


@pytest.fixture
def stream():
    return Stream(np.zeros((1001, 1)), timestamps=100 + np.arange(1001) / 10)


def test_an_estimate_shows_itself_with_its_uncertainty():
    estimate = ClockEstimate(0.7, 1.4e-5, 0.973, 0.012, 3e-5)
    shown = "+0.700 s (uncertain by 12 ms), +14 ppm (30 ppm), confidence 0.97"
    assert str(estimate) == repr(estimate) == shown


@pytest.mark.parametrize(
    ("offset", "uncertainty", "moved"),
    [(0.5, 0.24, 0.5), (0.5, 0.26, 0), (-0.5, 0.2, -0.5)],
)
def test_an_offset_is_taken_away_beyond_twice_its_uncertainty(
    stream, offset, uncertainty, moved
):
    estimate = ClockEstimate(offset, uncertainty=uncertainty)
    mended = estimate.corrected(stream)
    np.testing.assert_allclose(mended.times, stream.times - moved)
    assert (mended is stream) == (moved == 0)
    always = estimate.corrected(stream, always=True)
    np.testing.assert_allclose(always.times, stream.times - offset)


def test_what_is_not_believed_is_not_corrected_unless_asked_for(stream):
    estimate = ClockEstimate(0.5, confidence=0.94)
    assert not estimate.is_believed
    assert estimate.corrected(stream) is stream
    assert estimate.corrected(stream, always=True).times[0] == 99.5
    assert ClockEstimate(0.5, confidence=0.95).corrected(stream).times[0] == 99.5


def test_a_drift_within_its_uncertainty_leaves_the_offset_of_the_middle(stream):
    # 0.5 s at the first sample and 100 ppm after: 0.505 s in the middle, at 50 s
    options = {"middle": 50.0, "uncertainty": 0.01}
    unsure = ClockEstimate(0.5, 1e-4, drift_uncertainty=1e-4, **options)
    np.testing.assert_allclose(unsure.corrected(stream).times, stream.times - 0.505)
    sure = ClockEstimate(0.5, 1e-4, drift_uncertainty=1e-5, **options)
    expected = 99.5 + (stream.times - 100) / (1 + 1e-4)
    np.testing.assert_allclose(sure.corrected(stream).times, expected)


def test_a_drift_alone_turns_the_clock_about_the_middle(stream):
    estimate = ClockEstimate(
        -0.04, 1e-3, uncertainty=0.1, drift_uncertainty=1e-4, middle=50.0
    )
    mended = estimate.corrected(stream)
    assert mended.times[500] == pytest.approx(stream.times[500], abs=1e-3)
    np.testing.assert_allclose(np.diff(mended.times), 0.1 / 1.001)
