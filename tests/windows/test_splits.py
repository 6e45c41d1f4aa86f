import warnings

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows
from keras_dcat.windows.audit import audit
from keras_dcat.windows.splits import (
    group_folds,
    leave_one_subject_out,
    split_at_random,
    split_by_session,
    split_by_subject,
    split_by_time,
)
from tests.streams import raw_samples, two_clocks


@pytest.fixture
def index():
    stream = Stream(np.zeros((500, 1)), 50.0)
    recordings = [Recording({"a": stream}, 0, subject) for subject in (3, 1, 2, 3)]
    return index_windows(recordings, length=2.0, stride=1.0)


@st.composite
def indexes(draw, subjects=("A", "B", "C"), sessions=4):
    """Windows of random recordings, of which each subject has at least one."""
    rates = draw(st.tuples(st.floats(5, 60), st.floats(5, 60)))
    length = draw(st.floats(0.5, 2.0))
    recordings = [
        two_clocks(
            durations=draw(st.tuples(st.floats(2.5, 12), st.floats(2.5, 12))),
            starts=(draw(st.floats(0, 100)),) * 2,
            rates=rates,
            subject=subject,
            session=f"day {day}",
        )
        for subject in subjects
        for day in range(draw(st.integers(1, sessions)))
    ]
    return index_windows(recordings, length, stride=draw(st.floats(0.2, 1.5)))


def sessions_of(index):
    return set(zip(index.subjects, index.sessions, strict=True))


def test_every_window_is_on_one_side_and_no_subject_on_both(index):
    train, test = split_by_subject(index, test_subjects=[3])
    assert len(train) + len(test) == len(index)
    assert set(train.subjects) == {1, 2}
    assert set(test.subjects) == {3}
    used = [set(side.starts["a"]) for side in (train, test)]
    assert used[0] | used[1] == set(index.starts["a"])


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        ([9], r"Received: \[9\].*Choose from \[1, 2, 3\]"),
        ([], r"test_subjects=\[\].*at least one"),
        ([1, 2, 3], r"test_subjects=\[1, 2, 3\].*at least one"),
    ],
)
def test_a_split_that_leaves_a_side_empty_is_refused(index, subjects, message):
    with pytest.raises(ValueError, match=message):
        split_by_subject(index, subjects)


@settings(max_examples=25, deadline=None)
@given(indexes(), st.integers(0, 5))
def test_splits_of_whole_subjects_share_nothing(index, seed):
    splits = [split_by_subject(index, ["B"])]
    splits += [sides for _, *sides in leave_one_subject_out(index)]
    splits += group_folds(index, 3, seed=seed)
    for train, test in splits:
        audit(train, test)
        assert not raw_samples(train) & raw_samples(test)
        assert not set(train.subjects) & set(test.subjects)
        assert len(train) + len(test) == len(index)


@settings(max_examples=25, deadline=None)
@given(indexes(), st.integers(0, 5))
def test_splits_of_whole_sessions_share_subjects_at_most(index, seed):
    splits = group_folds(index, 3, by="session", seed=seed)
    if len(set(index.sessions)) > 1:
        splits.append(split_by_session(index, ["day 0"]))
    for train, test in splits:
        audit(train, test, subjects=False)
        assert not raw_samples(train) & raw_samples(test)
        assert not sessions_of(train) & sessions_of(test)
        assert len(train) + len(test) == len(index)


def test_the_sessions_asked_for_are_tested_and_unknown_ones_refused():
    recordings = [two_clocks(session=day) for day in ("mon", "tue", "wed")]
    index = index_windows(recordings, length=2.0, stride=1.0)
    train, test = split_by_session(index, ["tue"])
    assert set(test.sessions) == {"tue"}
    assert set(train.sessions) == {"mon", "wed"}
    with pytest.raises(ValueError, match=r"\['sun'\].*\['mon', 'tue', 'wed'\]"):
        split_by_session(index, ["sun"])
    with pytest.raises(
        ValueError, match=r"have sessions.*test_sessions=\[\].*at least"
    ):
        split_by_session(index, [])


def test_every_subject_is_left_out_once_in_order(index):
    left_out = [
        (who, set(test.subjects)) for who, _, test in leave_one_subject_out(index)
    ]
    assert left_out == [(1, {1}), (2, {2}), (3, {3})]


def test_a_single_subject_cannot_be_left_out():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    with pytest.raises(ValueError, match=r"\['A'\] of \['A'\].*at least one"):
        next(leave_one_subject_out(index))


def make_groups(sizes):
    """One subject for each size, with that many windows."""
    streams = [{"a": Stream(np.zeros((size, 1)), 1.0)} for size in sizes]
    recordings = [Recording(each, 0, n, str(n)) for n, each in enumerate(streams)]
    return index_windows(recordings, length=1.0, stride=1.0)


def test_folds_test_every_window_once():
    index = make_groups([7, 1, 4, 12, 3])
    splits = group_folds(index, 3, seed=1)
    assert len(splits) == 3
    tested = np.concatenate([test.starts["a"] for _, test in splits])
    np.testing.assert_array_equal(np.sort(tested), np.sort(index.starts["a"]))


def test_folds_of_equal_groups_are_equal_and_chosen_by_the_seed():
    index = make_groups([5] * 12)

    def tested(seed):
        return [
            frozenset(test.subjects) for _, test in group_folds(index, 4, seed=seed)
        ]

    assert {len(subjects) for subjects in tested(0)} == {3}
    assert tested(0) == tested(0)
    assert set(tested(0)) != set(tested(1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, r"folds=1, subjects: 3.*fewer folds"),
        ({"folds": 4}, r"folds=4, subjects: 3.*add subjects"),
        ({"folds": 2, "by": "label"}, r"by='label'.*'subject' or 'session'"),
    ],
)
def test_folds_that_cannot_be_are_refused(index, options, message):
    with pytest.raises(ValueError, match=message):
        group_folds(index, **options)


@settings(max_examples=40, deadline=None)
@given(indexes(), st.floats(0.05, 0.9), st.one_of(st.just(0.0), st.floats(0, 3)))
def test_the_end_of_each_session_is_tested_a_guard_after_training(index, share, guard):
    try:
        train, test = split_by_time(index, share, guard)
    except ValueError:  # sessions may be too short for both sides
        reject()
    audit(train, test, sessions=False, subjects=False)
    assert not raw_samples(train) & raw_samples(test)
    for subject, session in sessions_of(index):
        begun, learnt, tested = (
            side.times[(side.subjects == subject) & (side.sessions == session)]
            for side in (index, train, test)
        )
        border = begun.max() + index.length
        border -= share * (border - begun.min())
        np.testing.assert_array_equal(tested, begun[begun >= border - 1e-6])
        first = min(tested, default=np.inf)
        assert max(learnt, default=-np.inf) + index.length + guard <= first + 1e-6
        # nothing is lost that is a sample or more before the guard
        early = begun + index.length + guard <= first - 1 / 5
        np.testing.assert_array_equal(learnt[: early.sum()], begun[early])
        if len(learnt) and len(tested):
            chosen = (index.subjects == subject) & (index.sessions == session)
            for name in ("a", "b"):
                values = index.subset(chosen).gather(name)[..., 0]
                last = values[np.isin(begun, learnt)].max()
                next_one = values[np.isin(begun, tested)].min()
                step = np.diff(values[0]).max(initial=0)
                assert next_one - last > max(0, guard - step / 2 - 1e-6)


def test_windows_that_touch_the_guard_are_lost_and_no_others():
    recordings = [two_clocks(session=day) for day in ("mon", "tue")]
    index = index_windows(recordings, length=1.0, stride=0.5)
    train, test = split_by_time(index, test_share=0.2, guard=0.0)
    # 19 windows of each session start at 0, 0.5, …, 9; those at 7.5 are on both
    assert (len(train), len(test), len(index)) == (2 * 15, 2 * 3, 2 * 19)
    train, test = split_by_time(index, test_share=0.2, guard=1.0)
    assert np.unique(train.times).tolist() == np.arange(0, 6.1, 0.5).tolist()
    assert np.unique(test.times).tolist() == [8.0, 8.5, 9.0]


def test_a_sample_that_rounding_puts_into_two_windows_is_not_on_both_sides():
    # 1 s at 10.6 Hz is 11 samples, 1.04 s
    index = index_windows([two_clocks(rates=(10.6, 50.0))], length=1.0, stride=1.0)
    train, test = split_by_time(index, test_share=0.3, guard=0.0)
    assert index.starts["a"][6] + index.steps["a"] > index.starts["a"][7]
    assert train.times.tolist() == [0, 1, 2, 3, 4, 5]
    assert test.times.tolist() == [7, 8, 9]


def test_a_session_too_short_for_a_test_window_is_all_for_training():
    short = two_clocks(durations=(2.5, 2.5), session="short")
    index = index_windows([short, two_clocks()], length=2.0, stride=0.5)
    train, test = split_by_time(index, test_share=0.4, guard=0.0)
    assert (train.sessions == "short").sum() == 2
    assert set(test.sessions) == {"one"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test_share": 0.0, "guard": 1.0}, r"test_share=0\.0.*Try 0\.2"),
        ({"test_share": 20, "guard": 1.0}, r"test_share=20.*Try 0\.2"),
        ({"test_share": 0.2, "guard": -1.0}, r"guard=-1\.0.*length of a window"),
        ({"test_share": 0.2, "guard": np.nan}, r"guard=nan"),
        ({"test_share": 0.2, "guard": 8.0}, r"0 for training and 1 for.*the guard"),
        ({"test_share": 0.1, "guard": 0.0}, r"9 for training and 0 for testing"),
    ],
)
def test_a_split_by_time_that_cannot_be_is_refused(options, message):
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    with pytest.raises(ValueError, match=message):
        split_by_time(index, **options)


def test_recordings_without_a_session_of_their_own_cannot_be_put_in_order(index):
    with pytest.raises(ValueError, match=r"4 recordings of 3 sessions.*session='mon"):
        split_by_time(index, 0.2, 0.0)


@settings(max_examples=25, deadline=None)
@given(indexes(), st.floats(0.2, 0.8), st.integers(0, 9))
def test_a_random_split_warns_exactly_where_windows_overlap(index, share, seed):
    held = [raw_samples(index.subset([window])) for window in range(len(index))]
    overlapping = [
        any(one & other for other in held[:n] + held[n + 1 :])
        for n, one in enumerate(held)
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train, test = split_at_random(index, share, seed=seed)
    assert len(test) == round(share * len(index))
    assert len(train) == len(index) - len(test)
    if any(overlapping):
        (warning,) = caught
        assert warning.category is UserWarning
        assert warning.filename == __file__
        assert f"{sum(overlapping)} of {len(index)} windows" in str(warning.message)
    else:
        assert not caught
        audit(train, test, sessions=False, subjects=False)


def test_a_random_split_of_overlapping_windows_fails_the_audit():
    index = index_windows([two_clocks()], length=2.0, stride=0.5)
    with pytest.warns(UserWarning, match=r"at random.*17 of 17 .*Use `split_by_sub"):
        train, test = split_at_random(index, 0.3)
    with pytest.raises(ValueError, match=r"windows of `train` share samples of 'a'"):
        audit(train, test, sessions=False, subjects=False)


def test_a_seed_decides_a_random_split():
    index = make_groups([100])
    tests = [split_at_random(index, 0.3, seed=n)[1].times.tolist() for n in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


@pytest.mark.parametrize(
    ("share", "message"), [(1.0, r"test_share=1\.0"), (0.001, r"9 for.*and 0 for test")]
)
def test_a_random_split_without_a_side_is_refused(share, message):
    with pytest.raises(ValueError, match=message):
        split_at_random(make_groups([9]), share)
