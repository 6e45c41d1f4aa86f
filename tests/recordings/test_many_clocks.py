import warnings

import numpy as np
import pytest

from keras_dcat.recordings import (
    Recording,
    Stream,
    corrected,
    estimate_offset,
    estimate_offsets,
)


def session(name, seed, late=0.0, seconds=60, alike=True):
    rng = np.random.default_rng(seed)
    motion = rng.normal(size=(seconds * 50, 3)).cumsum(axis=0)
    other = motion if alike else rng.normal(size=motion.shape).cumsum(axis=0)
    streams = {"camera": Stream(motion, 50.0), "watch": Stream(other, 50.0, start=late)}
    return Recording(streams, 0, "A", name)


def test_each_recording_is_estimated_as_by_itself():
    sessions = [session(f"day {n}", n, late) for n, late in enumerate((0.7, -0.3))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = estimate_offsets(iter(sessions), "camera", "watch")
    alone = [
        estimate_offset(each.streams["camera"], each.streams["watch"])
        for each in sessions
    ]
    assert found == alone
    assert [round(each.offset, 2) for each in found] == [0.7, -0.3]


def test_one_warning_names_those_in_doubt_and_its_advice_works():
    sessions = [session("good", 0, 0.5)]
    sessions += [session(f"bad {n}", n, alike=False) for n in range(1, 8)]
    sessions += [session("short", 9, seconds=4)]
    with pytest.warns(UserWarning, match="Offsets are to be believed") as caught:
        found = estimate_offsets(sessions, "camera", "watch")
    (message,) = [str(each.message) for each in caught]
    assert caught[0].filename == __file__
    doubted = sum(not each.is_believed for each in found)
    assert f"{doubted} of 9 below ('bad 1', " in message
    assert "more), 1 of them too short" in message
    assert "median of those that are believed, +0.500 s" in message
    assert found[-1].confidence == 0.0
    for each, estimate in zip(sessions, found, strict=True):
        if not estimate.is_believed:
            assert estimate.corrected(each.streams["watch"]) is each.streams["watch"]
    recording = sessions[1]
    assert 'corrected(recording.streams["watch"], offset=' in message
    assert corrected(recording.streams["watch"], offset=0.5).start == -0.5
    assert "join(recordings)" in message


def test_without_a_name_a_recording_has_its_number():
    sessions = [session("", 1, seconds=3)]
    with pytest.warns(UserWarning, match=r"1 of 1 below \(recording 0\)"):
        estimate_offsets(sessions, "camera", "watch")


def test_what_is_broken_is_told_with_its_recording():
    good, bad = session("mon", 0), session("tue", 1)
    values = np.array(bad.streams["watch"].values)
    values[100] = np.nan
    with pytest.raises(ValueError, match=r"In 'tue': The values.*must be finite"):
        estimate_offsets(
            [good, bad.replaced(watch=Stream(values, 50.0))], "camera", "watch"
        )
    with pytest.raises(ValueError, match=r"\['camera', 'watch'\] in 'mon'.*\['imu'\]"):
        estimate_offsets([good], "camera", "imu")
    with pytest.raises(ValueError, match=r"max_offset=-1"):
        estimate_offsets([], "camera", "watch", max_offset=-1)


def test_progress_is_shown_on_a_terminal_only(capsys, monkeypatch):
    sessions = [session("mon", 0, seconds=20)] * 2
    estimate_offsets(sessions, "camera", "watch")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    estimate_offsets(sessions, "camera", "watch")
    assert capsys.readouterr().err.endswith("\r2/2 clocks compared\n")
    estimate_offsets(sessions, "camera", "watch", verbose=0)
    assert capsys.readouterr().err == ""
