import pytest

from keras_dcat.recordings import ClockReport


def test_a_report_shows_what_there_was_and_nothing_else():
    report = ClockReport(
        samples=14,
        kept=10,
        not_finite=2,
        repeated=1,
        jumps=1,
        backwards=1,
        spread=4,
        rate=4.0,
        jitter=0.125,
        gaps=2,
        longest_gap=2.5,
    )
    assert [line.strip() for line in str(report).splitlines()] == [
        "10 of 14 samples kept, 28.6 % lost",
        "2  dropped: time not finite",
        "1  dropped: repeated",
        "1  dropped: time far from all others",
        "1  steps backwards, sorted",
        "4  samples that shared a time, spread",
        "2  gaps; the longest step is 2.500 s",
        "4.00  Hz, steps vary by 125.0 ms",
    ]
    assert repr(report) == str(report)
    told = str(ClockReport(5, 5, wraps=3, resets=2, rate=50.0))
    assert "3  periods added" in told
    assert "2  steps back that were told" in told
    assert "dropped" not in told
    assert "lost" not in told


@pytest.mark.parametrize(
    ("samples", "kept", "lost"), [(8, 6, 0.25), (5, 5, 0), (0, 0, 0)]
)
def test_what_is_lost_is_the_share_that_is_not_left(samples, kept, lost):
    assert ClockReport(samples, kept).lost == lost


def test_a_rate_that_is_slow_is_told_as_if_times_were_milliseconds():
    assert "50.00  Hz if the times are milliseconds" in str(
        ClockReport(9, 9, rate=0.05)
    )
    assert "milliseconds" not in str(ClockReport(9, 9, rate=1.0))
