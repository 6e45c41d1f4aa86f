import dataclasses
import pathlib
import re

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.datasets import load_sp_sw_har
from keras_dcat.recordings import ClockReport, Recording, Stream, mend, read_hdf5
from keras_dcat.windows import index_windows

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "sp_sw_har"
AS_THEY_ARE = {"max_jump": np.inf, "resets": "sort", "packets": "first"}


def numbered(times):
    """A stream whose values are all different."""
    return Stream(np.arange(float(len(times)))[:, None], timestamps=times)


def run_cures(message, stream):
    """What the calls that an error names make of the stream."""
    calls = re.findall(r"mend\(stream, \w+=[^)]*\)", message)
    known = {"mend": mend, "stream": stream, "np": np}
    return {call: eval(call, known) for call in calls}  # noqa: S307, that is the point


@settings(max_examples=100, deadline=None)
@given(times=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32)))
def test_as_they_are_what_pandas_keeps_is_kept_whatever_the_timestamps(times):
    stream = numbered(times)
    before = stream.times.copy()
    mended, report = mend(stream, **AS_THEY_ARE)
    frame = pd.DataFrame(
        {"time": np.array(times, "float64"), "value": range(len(times))}
    )
    frame = frame[np.isfinite(frame["time"])]
    fallen = frame[::-1] if is_written_backwards(frame["time"].to_numpy()) else frame
    expected = fallen.sort_values("time", kind="stable").drop_duplicates("time")
    np.testing.assert_array_equal(mended.times, expected["time"])
    np.testing.assert_array_equal(mended.values[:, 0], expected["value"])
    assert report.kept + report.not_finite + report.repeated == report.samples
    np.testing.assert_array_equal(stream.times, before)


def is_written_backwards(times):
    falls, rises = (times[1:] < times[:-1]).sum(), (times[1:] > times[:-1]).sum()
    return falls > 2 and falls > 9 * rises


@settings(max_examples=100, deadline=None)
@given(times=st.lists(st.floats(width=16, allow_nan=False, min_value=-4, max_value=4)))
def test_rows_that_are_written_again_change_nothing(times):
    times = np.unique(times)
    again = np.sort(np.concatenate([times, times[::2], times[::3]]))
    values = np.searchsorted(times, again).astype("float64")[:, None]
    mended, report = mend(Stream(values, timestamps=again))
    np.testing.assert_array_equal(mended.times, times)
    np.testing.assert_array_equal(mended.values[:, 0], np.arange(len(times)))
    assert report.repeated == len(again) - len(times)


def test_steps_backwards_are_counted_and_the_longest_gap_found():
    _, report = mend(Stream(np.zeros((5, 1)), timestamps=[0.0, 0.3, 0.1, 0.2, 2.0]))
    assert report.backwards == 1
    assert report.longest_gap == pytest.approx(1.7)
    assert "5 of 5 samples kept" in str(report)
    assert "longest step is 1.700 s" in str(report)


def test_all_that_was_wrong_is_in_the_report():
    sixteenths = [0, 4, 6, 6, np.nan, 17, 10, 21, 24, np.inf, 64, 104, 124, 1e6]
    values = np.arange(14)[:, None]
    values[3] = 2  # a row that is there twice
    stream = Stream(values, timestamps=np.array(sixteenths) / 16)
    mended, report = mend(stream, max_jump=2.5)  # as far as 64 is from 24 and 104
    kept = np.array([0, 4, 6, 10, 17, 21, 24, 64, 104, 124]) / 16
    np.testing.assert_array_equal(mended.times, kept)
    assert mended.values[:, 0].tolist() == [0, 1, 2, 6, 5, 7, 8, 10, 11, 12]
    assert dataclasses.asdict(report) == {
        "samples": 14,
        "kept": 10,
        "not_finite": 2,
        "repeated": 1,
        "jumps": 1,
        "backwards": 1,
        "wraps": 0,
        "resets": 0,
        "spread": 0,
        "rate": 4.0,  # of steps of 2, 3, 4, 4, 4, 7, 20, 40 and 40 sixteenths
        "jitter": 2 / 16,
        "gaps": 2,  # 20 are five times as long, and no more
        "longest_gap": 2.5,
    }
    assert {type(value) for value in vars(report).values()} == {int, float}


@pytest.mark.parametrize(
    ("times", "counts"),
    [([], (0, 0, 0)), ([5.0], (1, 1, 0)), ([0.0, 9.0], (2, 0, 2))],
)
def test_without_a_step_there_is_no_rate(times, counts):
    mended, report = mend(numbered(times), max_jump=1.0)
    assert (report.samples, report.kept, report.jumps) == counts
    assert len(mended) == report.kept
    assert (report.rate, report.jitter, report.longest_gap) == (0, 0, 0)


@pytest.mark.parametrize(("step", "gaps"), [(4.75, 0), (5.25, 1)])
def test_a_gap_is_longer_than_five_steps(step, gaps):
    _, report = mend(Stream(np.zeros((6, 1)), timestamps=[0, 1, 2, 3, 4, 4 + step]))
    assert report.gaps == gaps


def test_values_in_a_file_are_read_whole_to_be_sorted(tmp_path):
    values, path = np.arange(8.0).reshape(4, 2), tmp_path / "imu.h5"
    with h5py.File(path, "w") as file:
        file["imu"] = values
    stream = read_hdf5(path, "imu", time=[0.0, 0.2, np.nan, 0.1])
    mended, _ = mend(stream)
    np.testing.assert_array_equal(mended.values, values[[0, 3, 1]])


class Lazily:
    """Values that note which of them were asked for."""

    def __init__(self, values):
        self.values, self.read = values, set()
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, span):
        self.read |= set(range(*span.indices(len(self.values))))
        return self.values[span]


def test_values_are_read_only_where_times_repeat_and_stay_lazy():
    times = np.arange(1000) / 100
    times[[301, 801]] = times[[300, 800]]
    lazy = Lazily(np.arange(1000.0)[:, None])
    mended, report = mend(Stream(lazy, timestamps=times))
    assert lazy.read == {300, 301, 800, 801}
    assert mended.values is lazy
    assert report.spread == 4


def test_a_stream_that_has_a_rate_has_nothing_to_mend():
    stream = Stream(np.zeros((5, 1)), 50.0)
    assert mend(stream) == (stream, ClockReport(5, 5, rate=50.0))
    assert mend(stream, resets="split")[0] == [stream]


def test_a_stream_that_is_in_order_comes_back_as_it_is():
    for stream in (
        Stream(np.zeros((5, 1)), 50.0),
        Stream(np.zeros((3, 1)), timestamps=[0.0, 0.1, 0.3]),
        Stream(np.zeros((0, 1)), timestamps=[]),
    ):
        mended, report = mend(stream)
        assert mended is stream
        assert report.kept == report.samples == len(stream)


def test_a_clock_that_was_not_set_yet_is_left_out_as_asked():
    stream = numbered([0.0, 9.0, 9.1, 9.2, 1e9])
    mended, report = mend(stream, max_jump=1.0)
    assert mended.times.tolist() == [9.0, 9.1, 9.2]
    assert (report.jumps, report.kept) == (2, 3)
    assert mend(stream, max_jump=np.inf)[1].jumps == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_jump": -1.0}, r"max_jump=-1\.0.*seconds, or None"),
        ({"max_jump": 0.0}, r"max_jump=0\.0"),
        ({"max_backward": np.nan}, r"max_backward=nan"),
        ({"wraps": 0}, r"wraps=0.*seconds"),
        ({"wraps": np.inf}, r"wraps=inf.*4294\.967296"),
        ({"resets": "drop"}, r"'refuse', 'sort', 'split'.*resets='drop'"),
        ({"packets": "center"}, r"'centre'.*packets='center'"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    for stream in (numbered([0.0, 1.0]), Stream(np.zeros((5, 1)), 50.0)):
        with pytest.raises(ValueError, match=message):
            mend(stream, **options)


@pytest.mark.parametrize(
    ("start", "rate", "duration", "period", "what"),
    [
        (3000.0, 10.0, 4800.0, 2**32 / 1e6, "32 bits that wraps, in microseconds"),
        (3000.0, 10.0, 1300.0, 2**32 / 1e6, "32 bits"),  # the end before the beginning
        (50.0, 50.0, 300.0, 2**16 / 1e3, "16 bits that wraps, in milliseconds"),
        (0.0, 10.0, 627.6, 1.6, "counter of 4 bits"),
        (0.0, 200.0, 30.0, 256 / 200, "counter of 8 bits"),
        (86390.0, 20.0, 60.0, 86400.0, "midnight"),
        (1000.0, 10.0, 9000.0, 3600.0, "by an hour"),
    ],
)
def test_a_counter_that_wraps_is_named_and_the_cure_gives_the_true_times(
    start, rate, duration, period, what
):
    true = np.arange(round(duration * rate)) / rate
    stream = numbered((start + true) % period)
    with pytest.raises(ValueError, match=what) as caught:
        mend(stream)
    assert "after" in str(caught.value)
    cures = run_cures(str(caught.value), stream)
    mended, report = next(v for call, v in cures.items() if "wraps" in call)
    np.testing.assert_allclose(mended.times - mended.times[0], true, atol=1e-6)
    np.testing.assert_array_equal(mended.values, stream.values)
    assert report.wraps == int((start + true[-1]) // period)
    assert report.backwards == 0


def test_a_clock_that_is_set_back_is_refused_and_each_cure_does_what_it_says():
    true = np.arange(72_000) / 10
    stream = numbered(np.where(true > 4000, true - 3600, true))
    message = r"sample 40001 at 400\.\d+ s after 4000\.0 s.*set back by an hour"
    with pytest.raises(ValueError, match=message) as caught:
        mend(stream)
    cures = run_cures(str(caught.value), stream)
    runs, report = next(v for call, v in cures.items() if "split" in call)
    assert [len(run) for run in runs] == [40_001, 31_999]
    np.testing.assert_array_equal(runs[1].values[:, 0], np.arange(40_001, 72_000))
    assert report.resets == 1
    mended, _ = next(v for call, v in cures.items() if "wraps" in call)
    np.testing.assert_allclose(mended.times, true, atol=1e-9)


def test_a_restart_is_told_and_split():
    times = np.concatenate([np.arange(500), np.arange(700), np.arange(90)]) / 20
    with pytest.raises(ValueError, match=r"1 more such steps.*restart.*\"split\""):
        mend(numbered(times))
    runs, report = mend(numbered(times), resets="split")
    assert [len(run) for run in runs] == [500, 700, 90]
    assert all(run.rises for run in runs)
    assert (report.resets, report.backwards, report.kept) == (2, 0, 1290)
    assert mend(numbered(times), resets="sort", packets="first")[1].kept == 700


@pytest.mark.parametrize(("back", "rate"), [(1.5, 20.0), (0.4, 100.0)])
def test_a_clock_that_is_set_back_a_little_shows_the_same_times_twice(back, rate):
    true = np.arange(1000) / rate
    stream = numbered(np.where(true > 8, true - back - 0.3 / rate, true))
    with pytest.raises(ValueError, match="set back by"):
        mend(stream)
    assert mend(stream, max_backward=2.0)[1].backwards == 1


@pytest.mark.parametrize("size", [1, 5, 100])
@pytest.mark.parametrize("pause", [0.0, 9.0])
def test_packets_that_overtake_each_other_are_sorted(size, pause):
    times = np.arange(2000) / 100
    times += pause * (times // 10)
    order = np.arange(2000).reshape(-1, size)
    order[[3, 4]] = order[[4, 3]]
    mended, report = mend(numbered(times[order.ravel()]))
    np.testing.assert_array_equal(mended.times, times)
    assert report.backwards == 1


@pytest.mark.parametrize("spread", [0.5, 2.0, 20.0])
def test_times_that_vary_by_many_steps_are_no_clock_event(spread):
    times = np.arange(20_000) / 100
    times += np.random.default_rng(0).normal(0, spread / 100, len(times))
    _, report = mend(numbered(times))
    assert report.kept == 20_000
    assert report.backwards > 1000


def test_a_file_that_begins_with_the_last_is_turned_round_pauses_and_all():
    times = np.concatenate([np.arange(100), 1000 + np.arange(100)]) / 10.0
    mended, report = mend(Stream(times[::-1, None].copy(), timestamps=times[::-1]))
    np.testing.assert_array_equal(mended.times, times)
    np.testing.assert_array_equal(mended.values[:, 0], times)
    assert report.backwards == 199


def test_a_log_that_was_appended_twice_is_no_restart():
    times = np.arange(500) / 10
    stream = Stream(np.tile(times, 2)[:, None], timestamps=np.tile(times, 2))
    mended, report = mend(stream)
    np.testing.assert_array_equal(mended.times, times)
    assert (report.repeated, report.lost) == (500, 0.5)


@pytest.mark.parametrize("row", [0, 500, 1999])
def test_one_time_far_away_is_named_and_dropped_as_the_error_says(row):
    times = 1.66e9 + np.arange(2000) * 0.05
    times[row] = 0.0
    stream = numbered(times)
    with pytest.raises(ValueError, match=rf"sample {row} shows 0\.0 s") as caught:
        mend(stream)
    cures = run_cures(str(caught.value), stream)
    mended, report = cures["mend(stream, max_jump=3600)"]
    np.testing.assert_array_equal(mended.times, np.delete(times, row))
    assert report.jumps == 1
    assert mend(stream, max_jump=np.inf, resets="sort")[1].kept == 2000


@pytest.mark.parametrize(
    ("row", "shown", "named"), [(500, 0.0, 500), (500, 400.0, 500), (0, 300.0, 0)]
)
def test_one_sample_out_of_line_is_told_from_a_clock_that_was_set(row, shown, named):
    times = 200 + np.arange(1000) / 100
    times[row] = shown
    stream = numbered(times)
    with pytest.raises(ValueError, match=rf"sample {named} alone at {shown}") as caught:
        mend(stream)
    mended, report = next(iter(run_cures(str(caught.value), stream).values()))
    assert report.jumps == 1
    np.testing.assert_array_equal(mended.times, np.delete(times, row))


def test_a_clock_that_was_set_forward_left_a_gap():
    times = 1.66e9 + np.arange(1000) / 100
    times[400:] += 3600
    mended, report = mend(numbered(times))
    assert len(mended) == 1000
    assert report.gaps == 1
    assert report.longest_gap == pytest.approx(3600.01)


@pytest.mark.parametrize(
    ("factor", "unit"), [(1e3, "milli"), (1e6, "micro"), (1e9, "nano")]
)
def test_another_unit_is_named_with_its_factor(factor, unit):
    seconds = 1.66e9 + np.arange(200) / 100
    message = (
        rf"{unit}seconds since 1970 \(2022-08-08\).*multiply them by {1 / factor:g}"
    )
    with pytest.raises(ValueError, match=message):
        mend(numbered(seconds * factor))
    stream = numbered(seconds * factor)
    stream = Stream(stream.values, timestamps=stream.times * float(f"{1 / factor:g}"))
    np.testing.assert_allclose(mend(stream)[0].times, seconds, rtol=1e-12)


def test_times_that_were_not_known_are_dropped_together():
    times = 100 + np.arange(1000) / 100
    times[[5, 300, 700]] = 0.0  # what the logger writes then
    with pytest.raises(ValueError, match="sample 5 alone.* 2 more like it") as caught:
        mend(numbered(times))
    cures = run_cures(str(caught.value), numbered(times))
    mended, report = cures["mend(stream, max_jump=50)"]
    np.testing.assert_array_equal(mended.times, times[times > 0])
    assert report.jumps == 3


def test_a_period_that_is_too_short_is_refused_and_the_longer_one_right():
    true = np.arange(2000) / 100
    stream = numbered(np.arange(2000) % 160 / 100)
    with pytest.raises(
        ValueError, match=r"wraps=1\.5 for steps back of 1\.59.*=1\.6\."
    ):
        mend(stream, wraps=1.5)
    np.testing.assert_allclose(mend(stream, wraps=1.6)[0].times, true, atol=1e-9)


def test_samples_of_one_time_only_are_refused_with_the_rate_as_the_cure():
    for packets in ("refuse", "end"):
        with pytest.raises(ValueError, match=r"9 samples at 3\.0 s.*rate=…"):
            mend(numbered(np.full(9, 3.0)), packets=packets)


def packets_of(times, size, anchor):
    """The one time of each packet, for all of its samples."""
    packets = times.reshape(-1, size)
    shared = {"end": packets[:, -1], "start": packets[:, 0]}.get(
        anchor, packets.mean(axis=1)
    )
    return np.repeat(shared, size)


@pytest.mark.parametrize("anchor", ["end", "start", "centre"])
def test_samples_of_a_packet_are_refused_and_the_cure_gives_the_true_times(anchor):
    true = np.arange(6500) / 130
    values = np.sin(2 * np.pi * 3 * true)[:, None]
    stream = Stream(values, timestamps=packets_of(true, 10, anchor))
    with pytest.raises(
        ValueError, match="6500 samples of 6500 in 650 packets"
    ) as caught:
        mend(stream)
    assert f'packets="{anchor}"' in str(caught.value)
    mended, report = mend(stream, packets=anchor)
    np.testing.assert_allclose(mended.times, true, atol=1e-9)
    assert mended.values is values
    assert (report.kept, report.spread) == (6500, 6500)
    assert report.rate == pytest.approx(130)


def test_windows_of_packets_show_the_sine_that_was_sampled():
    true = np.arange(6500) / 130
    values = np.sin(2 * np.pi * 3 * true)[:, None]
    stream = Stream(values, timestamps=packets_of(true, 10, "end"))
    watch, _ = mend(stream, packets="end")
    recording = Recording({"watch": watch}, 0, "A")
    index = index_windows([recording], 2.0, 1.0, rates={"watch": 130.0})
    moments = index.times[:, None] + np.arange(260) / 130
    error = index.gather("watch")[..., 0] - np.sin(2 * np.pi * 3 * moments)
    assert np.abs(error).max() < 0.01  # a straight line between samples errs by 0.003


def test_rounded_times_are_spread_between_each_other():
    true = np.arange(3000) / 1500
    mended, report = mend(numbered(true.round(3)))
    np.testing.assert_allclose(mended.times, true, atol=1 / 1500)
    assert report.spread == 2000
    true = np.arange(6000) / 100
    rounded = np.array([float(f"{time:.3g}") for time in true])
    with pytest.raises(ValueError, match='packets="centre"'):
        mend(numbered(rounded))
    mended, report = mend(numbered(rounded), packets="centre")
    assert report.kept == 6000
    assert np.abs(mended.times - true).max() < 0.05
    assert np.median(np.abs(mended.times - true)) < 0.005


def test_a_packet_that_came_within_a_millisecond_is_one_too():
    true = np.arange(2000) / 100
    times = packets_of(true, 10, "end") + np.tile(np.arange(10), 200) * 1e-5
    with pytest.raises(ValueError, match="less than a millisecond apart"):
        mend(numbered(times))
    mended, _ = mend(numbered(times), packets="end")
    np.testing.assert_allclose(mended.times, true, atol=2e-4)
    assert mend(numbered(times), packets="first")[1].kept == 2000


@pytest.mark.skipif(not SHARED.exists(), reason="SP-SW-HAR is not on this machine")
def test_phone_and_watch_come_out_as_windows_of_the_same_moment():
    recordings = load_sp_sw_har(SHARED / "sp-sw-har-original.zip")
    mended = [
        recording.replaced(
            **{n: mend(s, packets="end")[0] for n, s in recording.streams.items()}
        )
        for recording in recordings
    ]
    rates = {"phone": 100.0, "watch": 100.0}
    index = index_windows(mended, 1.0, 0.5, rates=rates, purity=0.6)
    report = index.report
    assert (report.kept + sum(report.dropped.values()) == report.possible).all()
    assert len(index) > 3000
    assert report.pairing_error()[0] < 0.010  # one step of 100 Hz
    assert len(np.unique(index.subjects)) == 23
    # walking shakes both devices, sitting neither
    energy = {
        name: index.gather(name)[..., :3].std(axis=1).mean(axis=-1)
        for name in ("phone", "watch")
    }
    for values in energy.values():
        walking, seated = values[index.labels == 2], values[index.labels == 0]
        assert np.median(walking) > 2 * np.median(seated)
