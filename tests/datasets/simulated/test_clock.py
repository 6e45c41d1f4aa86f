import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.datasets.simulated import Clock


def test_a_clock_shows_its_offset_at_first_and_gains_its_drift():
    clock = Clock(offset=-0.7, drift=2e-3)
    assert clock.shown(0.0) == -0.7
    assert clock.shown(100.0) - clock.shown(0.0) == pytest.approx(100.2)


@settings(deadline=None, max_examples=50)
@given(offset=st.floats(-10, 10), drift=st.floats(-0.1, 0.1), time=st.floats(-1e4, 1e4))
def test_the_true_time_of_what_is_shown_is_the_time(offset, drift, time):
    clock = Clock(offset, drift)
    assert clock.true(clock.shown(time)) == pytest.approx(time, abs=1e-9)
