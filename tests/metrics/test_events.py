import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.metrics import event_counts, event_f1, segment_f1


def runs(labels, stretches):
    """`(label, set of windows)` of each run, by walking along."""
    found, before = [], None
    for place, now in enumerate(zip(labels, stretches, strict=True)):
        if now[0] < 0:
            before = None
            continue
        if now != before:
            found.append((now[0], set()))
        found[-1][1].add(place)
        before = now
    return found


def most_matched(true, said, overlap):
    """The most pairs that find each other, by trying all."""
    fits = [[len(a & b) / len(a | b) > overlap for b in said] for a in true]
    if len(true) > len(said):
        fits = list(map(list, zip(*fits, strict=True)))
        true, said = said, true
    orders = itertools.permutations(range(len(said)), len(true))
    return max(
        (sum(fits[i][j] for i, j in enumerate(order)) for order in orders), default=0
    )


LABELS = st.lists(st.integers(-1, 1), min_size=1, max_size=10)


@settings(max_examples=150)
@given(
    labels=LABELS,
    said=st.lists(st.integers(0, 1), min_size=10, max_size=10),
    border=st.integers(0, 10),
    overlap=st.sampled_from([0.0, 0.25, 0.5]),
)
def test_as_many_events_are_found_as_can_be(labels, said, border, overlap):
    said = said[: len(labels)]
    stretches = [int(n >= border) for n in range(len(labels))]
    known = [s if label >= 0 else -1 for label, s in zip(labels, said, strict=True)]
    found = event_counts(labels, said, 2, stretches=stretches, overlap=overlap)
    for label in (0, 1):
        true, own = (
            [places for each, places in runs(row, stretches) if each == label]
            for row in (labels, known)
        )
        hits = most_matched(true, own, overlap)
        assert found[label].tolist() == [hits, len(true) - hits, len(own) - hits]


def test_one_window_that_is_wrong_is_one_event_too_many_and_two_segments():
    labels = np.repeat([0, 1], 50)
    said = labels.copy()
    said[25] = 1
    assert event_counts(labels, said, 2).tolist() == [[1, 0, 1], [1, 0, 1]]
    assert event_f1(labels, said, 2) == pytest.approx(2 / 3)
    assert np.mean(said == labels) == 0.99


def test_a_segment_must_begin_and_end_about_where_it_does_and_an_event_need_not():
    labels = np.repeat([0, 1, 0], 10)
    said = np.zeros(30, int)
    said[18:24] = 1
    assert event_f1(labels, said, 2, background=0) == 1
    assert segment_f1(labels, said, 2, background=0) == 0  # 2 windows of 14
    assert segment_f1(labels, said, 2, background=0, overlap=0.1) == 1


def test_scores_are_taken_for_their_largest():
    scores = np.eye(3)[[0, 0, 2, 2]] * 0.5 + 0.1
    assert event_counts([0, 0, 1, 2], scores, 3).tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
    ]


def test_of_several_labels_each_has_its_own_events():
    labels = np.array([[1, 0], [1, 1], [0, 1], [-1, 1], [0, 0]])
    said = np.array([[0.9, 0.1], [0.9, 0.9], [0.1, 0.1], [0.9, 0.9], [0.1, 0.9]])
    found = event_counts(labels, said, 2, multi_label=True)
    # The second: one event of three windows, of which two runs are said.
    assert found.tolist() == [[1, 0, 0], [1, 0, 1]]
    assert event_f1(labels, said, 2, multi_label=True) == pytest.approx((1 + 2 / 3) / 2)


def test_where_nothing_happens_there_is_no_f1():
    assert np.isnan(event_f1([0, 0], [0, 0], 2, background=0))
    assert np.isnan(segment_f1([-1, -1], [0, 1], 2))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0, 1], [0, 1, 1], 2), {}, r"labels \(2, 1\), predictions \(3, 1\)"),
        (([0, 1], [0, 1], 2), {"stretches": [0]}, r"stretches \(1,\).*same windows"),
        (([0, 1], [0, 1], 2), {"overlap": 1.0}, "overlap=1.0. Take 0.5"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        event_counts(*arguments, **options)
