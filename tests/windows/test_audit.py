import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings import Recording
from keras_dcat.windows import index_windows
from keras_dcat.windows.audit import audit
from keras_dcat.windows.splits import split_by_session
from tests.streams import clock, raw_samples, two_clocks


def every_sample(duration=20.0, rate=10.0, length=1.0):
    """An index with a window of 10 samples from every sample on."""
    recording = Recording({"a": clock(duration, rate)}, 0, "A", "one")
    return index_windows([recording], length, stride=1 / rate)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 190), min_size=1, max_size=4),
    st.lists(st.integers(0, 190), min_size=1, max_size=4),
)
def test_the_audit_fails_exactly_if_one_sample_is_shared(train, test):
    index = every_sample()
    train, test = index.subset(train), index.subset(test)
    shared = raw_samples(train) & raw_samples(test)
    leak = pytest.raises(ValueError, match=r"windows of `train` share samples")
    with leak if shared else contextlib.nullcontext():
        audit(train, test, sessions=False, subjects=False)


@pytest.mark.parametrize("first_is_train", [True, False])
def test_one_shared_sample_is_found_and_the_next_one_is_not_shared(first_is_train):
    index = every_sample()  # windows of 10 samples
    for start, leaks in ((59, True), (60, False)):
        sides = index.subset([0, 50]), index.subset([start, 150])
        sides = sides if first_is_train else sides[::-1]
        assert len(raw_samples(sides[0]) & raw_samples(sides[1])) == leaks
        if not leaks:
            audit(*sides, sessions=False, subjects=False)
            continue
        where = "5" if first_is_train else "5.9"
        with pytest.raises(ValueError, match=rf"1 windows.*'a'.*one at {where} s\)"):
            audit(*sides, sessions=False, subjects=False)


def test_a_sample_of_one_stream_alone_is_a_leak():
    index = index_windows([two_clocks(rates=(10.6, 50.0))], length=1.0, stride=1.0)
    with pytest.raises(ValueError, match=r"of 'a' with `test`") as caught:
        audit(index.subset([6]), index.subset([7]), sessions=False, subjects=False)
    assert "'b'" not in str(caught.value)


def test_one_leak_among_a_hundred_thousand_windows_is_found():
    # compared in pairs, they would need 10¹⁰ comparisons
    recording = Recording({"a": clock(200_000.0, 10.0)}, 0, "A", "long")
    index = index_windows([recording], length=1.0, stride=1.0)
    train, test = np.arange(100_000), np.arange(100_000, 200_000)
    options = {"sessions": False, "subjects": False}
    audit(index.subset(train), index.subset(test), **options)
    test[777] = 31_415
    with pytest.raises(ValueError, match=r"1 windows of `train`.*long at 31415 s"):
        audit(index.subset(train), index.subset(test), **options)


def test_shared_sessions_and_subjects_are_named_unless_they_are_allowed():
    days = [
        two_clocks(subject=subject, session=day)
        for subject, day in [("A", "mon"), ("A", "tue"), ("B", "mon"), ("C", "wed")]
    ]
    index = index_windows(days, length=2.0, stride=1.0)
    a_mon, a_tue, b_mon, c_wed = (
        index.subset((index.subjects == day.subject) & (index.sessions == day.session))
        for day in days
    )
    audit(a_mon, b_mon, c_wed)  # two subjects' Mondays are two sessions
    with pytest.raises(ValueError, match=r"`test` and `others\[1\]` share 1 subjects"):
        audit(b_mon, a_mon, c_wed, a_tue)
    audit(b_mon, a_mon, c_wed, a_tue, subjects=False)
    early, late = a_mon.subset([0, 1]), a_mon.subset([5, 6])
    with pytest.raises(
        ValueError,
        match=r"samples, sessions\. .*1 sessions \(such as \('A', 'mon'\)\).*allow it",
    ):
        audit(early, late, subjects=False)
    audit(early, late, sessions=False, subjects=False)


def test_all_leaks_are_told_at_once():
    index = every_sample()
    with pytest.raises(ValueError, match=r"3 windows.*; .*1 sessions.*; .*1 subjects"):
        audit(index.subset([0, 3, 5, 70]), index.subset([8]))


def test_splits_of_two_indexes_must_not_share_a_session():
    mon, tue = two_clocks(session="mon"), two_clocks(session="tue")
    one = index_windows([mon], length=2.0, stride=1.0)
    other = index_windows([tue, mon], length=2.0, stride=1.0)
    options = {"sessions": False, "subjects": False}
    with pytest.raises(ValueError, match=r"\('A', 'mon'\).*Split one index"):
        audit(one, other, **options)
    audit(one, split_by_session(other, ["mon"])[0], **options)
