import numpy as np
import pytest

from keras_dcat.recordings import Stream
from keras_dcat.recordings.matching import best_match


@pytest.mark.parametrize(("offset", "drift"), [(0.6, 0.0), (-1.3, 3e-4)])
def test_two_courses_match_at_the_offset_and_the_drift_put_on_them(offset, drift):
    rng = np.random.default_rng(0)
    course = np.convolve(rng.normal(size=20_000), np.hanning(15), "same")
    times = np.arange(10_000) / 50
    true = (times - offset) / (1 + drift)  # what it was when the clock showed `times`
    own = Stream(np.interp(times, np.arange(20_000) / 50, course)[:, None], 50.0)
    shifted = np.interp(true + 5, np.arange(20_000) / 50 + 5, course)
    late, gained, confidence = best_match(
        own, Stream(shifted[:, None], 50.0), 5.0, 2.0, 1e-3
    )
    assert late == pytest.approx(offset, abs=0.01)
    assert gained == pytest.approx(drift, abs=3e-5)
    assert confidence > 0.95
