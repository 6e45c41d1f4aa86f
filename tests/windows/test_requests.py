import numpy as np
import pytest

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows
from tests.streams import clock, two_clocks


def timestamped(times, value=None):
    """A stream whose values are its own times."""
    times = np.asarray(times, "float64")
    values = times[:, None] if value is None else np.full((len(times), 1), value)
    return Stream(values, timestamps=times)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0.0, "stride": 1.0}, r"length=0\.0.*1 to 10 s"),
        ({"length": 1.0, "stride": -1.0}, r"stride=-1\.0"),
        (
            {"length": 11.0, "stride": 1.0},
            r"(?s)length=11\.0.*too short.*shorter window",
        ),
    ],
)
def test_windows_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        index_windows([two_clocks()], **options)


def test_recordings_that_differ_in_rate_are_refused_with_the_remedy():
    recordings = [two_clocks(), two_clocks(rates=(50.0, 25.0), session="two")]
    with pytest.raises(ValueError, match=r"'b': 20\.0.*'b': 25\.0.*'two'.*rates="):
        index_windows(recordings, 1.0, 1.0)


def test_recordings_with_other_streams_are_refused():
    one = Recording({"a": clock(10.0, 50.0)}, 0, "A", "one")
    for recordings in ([one, two_clocks()], [two_clocks(), one]):
        with pytest.raises(ValueError, match=r"must have the same streams"):
            index_windows(recordings, 1.0, 1.0)


def test_no_recordings_are_refused():
    with pytest.raises(ValueError, match=r"Received: none"):
        index_windows([], 1.0, 1.0)


def test_timestamps_need_a_rate():
    recording = Recording({"a": timestamped([0.0, 1.0, 2.0])}, 0, "A")
    with pytest.raises(ValueError, match=r"none for \['a'\].*rates=\{'a': 50\}"):
        index_windows([recording], 1.0, 1.0)
    with pytest.raises(ValueError, match=r"\['c'\].*Choose from \['a'\]"):
        index_windows([recording], 1.0, 1.0, rates={"c": 50.0})


@pytest.mark.parametrize(
    "options",
    [
        {"purity": 1.5},
        {"max_gap": -1.0},
        {"max_missing": 1.0},
        {"label": "first"},
        {"short": "keep"},
        {"unlabelled": True},
        {"between_labels": "mixed"},
        {"overlaps": "drop"},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    name = next(iter(options))
    with pytest.raises(ValueError, match=rf"{name}=.*default"):
        index_windows([two_clocks()], 2.0, 1.0, **options)


def test_recordings_that_differ_in_channels_are_refused_with_the_remedy():
    recordings = [
        Recording({"imu": Stream(np.ones((100, channels)), 50.0)}, 0, "A", session)
        for channels, session in [(3, "one"), (1, "two")]
    ]
    with pytest.raises(
        ValueError, match=r"\(3,\) of 'imu' in 'one'.*\(1,\) in 'two'.*same columns"
    ):
        index_windows(recordings, 1.0, 1.0)


def test_a_stream_without_a_sample_may_have_any_channels():
    recordings = [
        Recording({"imu": Stream(np.ones((steps, channels)), 50.0)}, 0, "A")
        for steps, channels in [(0, 1), (100, 3)]
    ]
    assert index_windows(recordings, 1.0, 1.0).shape("imu") == (50, 3)


@pytest.mark.parametrize("rate", [0, -5, float("inf")])
def test_rates_that_make_no_sense_are_refused(rate):
    with pytest.raises(ValueError, match=rf"rates=\{{'a': {rate}\}}.*in Hz"):
        index_windows([two_clocks()], 1.0, 1.0, rates={"a": rate})


def test_subjects_of_two_kinds_are_refused():
    recordings = [two_clocks(subject=1), two_clocks(subject="B")]
    with pytest.raises(ValueError, match=r"1 and 'B'.*str\(subject\)"):
        index_windows(recordings, 1.0, 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 1.0}, r"\['length'\] beside it.*Leave"),
        ({"rates": {"a": 50.0}}, r"\['rates'\] beside it"),
        ({"short": "pad"}, r"\['short'\] beside it"),
        ({"clips": {"a": 64}}, r"clips for \['a'\], and \['a', 'b'\] in 'one'"),
        ({"clips": {"a": 64, "b": 0}}, r"\{'b': 0\}.*whole number"),
        ({"clips": None}, r"length=None.*`clips` instead"),
    ],
)
def test_options_that_do_not_go_with_clips_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        index_windows([two_clocks()], **{"clips": {"a": 64, "b": 32}, **options})


def test_a_stride_below_a_sample_is_refused_with_one_that_works():
    with pytest.raises(
        ValueError, match=r"'a' has a sample every 0\.02 s.*window: 2\."
    ):
        index_windows([two_clocks()], 4.0, 1e-7)
    assert len(index_windows([two_clocks()], 4.0, 2.0)) == 4
    assert len(index_windows([two_clocks()], 9.0, 0.02)) == 51


def test_values_of_streams_are_numbers():
    stream = Stream(np.array([["a"], ["b"]] * 50), 50.0)
    with pytest.raises(ValueError, match=r"<U1 in 'a' of 's'.*astype"):
        index_windows([Recording({"a": stream}, 0, "A", "s")], 1.0, 1.0)


def test_values_that_are_complex_are_refused():
    waves = Stream(np.exp(1j * np.arange(100.0))[:, None], 50.0)
    with pytest.raises(ValueError, match=r"complex128 in 'a'.*np\.abs\(values\)"):
        index_windows([Recording({"a": waves}, 0, "A")], 1.0, 1.0)


def test_a_recording_without_any_stream_is_refused():
    with pytest.raises(ValueError, match="none in session 'empty'"):
        index_windows([Recording({}, 0, "A", "empty")], 1.0, 1.0)
