import dataclasses
import pathlib
import warnings

import numpy as np
import pytest

pytest.importorskip("pydantic")

from keras_dcat.cli import checks
from keras_dcat.cli.checks import (
    cautions,
    done,
    prepare_checked,
    problems,
    warnings_told,
)
from keras_dcat.cli.data import Prepared
from keras_dcat.cli.experiment import Experiment
from keras_dcat.cli.sessions import Mended
from keras_dcat.recordings import ClockReport, Recording, Stream
from keras_dcat.windows import index_windows, split_by_subject

PEOPLE = "anna", "ben", "cleo"


def experiment(labelled=None, max_lost=0.05):
    tables = {name: {"columns": ["x"], "rate": 10} for name in ("camera", "watch")}
    data = {"recordings": "r.csv", "streams": tables, "max_lost": max_lost}
    return Experiment(
        data=data,
        source="camera",
        target="watch",
        windows={"length": 1, "stride": 1},
        split={"test": ["cleo"], "labelled": labelled},
        output="out",
    )


def prepared(*rows, names=("sit", "walk"), mended=(), unlabelled=()):
    """Of `(subject, label)`; the people in `unlabelled` have lost theirs since."""
    streams = {name: Stream(np.zeros((30, 1)), 10.0) for name in ("camera", "watch")}
    recordings = [
        Recording(streams, label, who, f"s{number}")
        for number, (who, label) in enumerate(rows)
    ]
    index = index_windows(recordings, 1.0, 1.0)
    index = index.without_labels(np.isin(index.subjects, unlabelled))
    train, test = split_by_subject(index, ["cleo"])
    test = test.subset(test.is_labelled)
    return Prepared(recordings, names, mended, train, None, test, index)


GOOD = [(who, label) for who in PEOPLE for label in (0, 1)]


def mended(session="s0", **changes):
    report = ClockReport(**{"samples": 1000, "kept": 1000, **changes})
    return Mended(session, "watch", pathlib.Path("w0.csv"), report)


def test_nothing_is_said_of_data_that_are_in_order():
    good = prepared(*GOOD, mended=[mended(kept=951, not_finite=49, gaps=3)])
    assert problems(experiment(), good) == []
    assert cautions(experiment(), good) == []


def test_a_stream_that_lost_too_much_is_named_with_counts_and_a_cure_that_works():
    own = prepared(
        *GOOD,
        mended=[
            mended("s0", kept=940, not_finite=60),
            mended("s1", kept=251, repeated=740, jumps=9, backwards=2),
        ],
    )
    (told,) = problems(experiment(), own)
    assert "at most" not in told
    for words in ("'s1'", "'watch'", "w0.csv", "251 of 1,000", "75% lost", "1 other"):
        assert words in told
    assert "740 repeated, 9 jumps, 2 steps back, sorted" in told
    allowed = float(told.rsplit("max_lost: ", 1)[1].rstrip("}`."))
    assert problems(experiment(max_lost=allowed), own) == []
    assert len(problems(experiment(max_lost=allowed - 0.02), own)) == 1


def test_shares_and_words_are_those_of_the_report():
    assert mended(kept=250).report.lost == 0.75
    assert mended(samples=0, kept=0).report.lost == 0.0
    assert done(mended(gaps=7)) == ""
    assert done(mended(not_finite=1234)) == "1,234 not finite"


@pytest.mark.parametrize(
    ("unlabelled", "labelled", "message"),
    [
        (["anna", "ben"], None, "labels of somebody who trains"),
        (["anna", "ben"], ["anna"], r"Name people in `split.labelled`"),
        (["cleo"], None, "A test needs labels"),
    ],
)
def test_a_side_without_any_label_stops_and_says_what_to_do(
    unlabelled, labelled, message
):
    own = prepared(*GOOD, unlabelled=unlabelled)
    (told,) = problems(experiment(labelled), own)
    assert message in told
    assert "Fill the `label` cells" in told or "whose `label` cells are filled" in told


def test_one_person_with_labels_is_enough():
    assert problems(experiment(), prepared(*GOOD, unlabelled=["ben"])) == []


def test_a_column_of_file_names_is_seen_through():
    rows = [(who, number) for number, who in enumerate(PEOPLE * 2)]
    names = [f"{number}.csv" for number in range(6)]
    first, *_ = told = cautions(experiment(), prepared(*rows, names=names))
    assert "6 of 6 classes have one recording each ('0.csv', '1.csv'" in first
    assert "Is `label` the column" in first
    assert not any("of one person only" in words for words in told)


def test_a_public_data_set_of_one_recording_a_class_is_no_such_column():
    rows = [(who, number) for number, who in enumerate(PEOPLE)]
    plan = experiment()
    data = plan.data.model_copy(update={"recordings": None, "dataset": "watch"})
    own = prepared(*rows, names=("a", "b", "c"))
    told = cautions(plan.model_copy(update={"data": data}), own)
    assert not any("one recording each" in words for words in told)


def test_a_class_that_nobody_who_trains_has_draws_a_warning():
    rows = [(who, 0) for who in PEOPLE * 2] + [("cleo", 1)] * 2
    told = cautions(experiment(), prepared(*rows))
    assert any(words.startswith("'walk': in the test, and nobody") for words in told)


def test_what_becomes_unknown_by_whose_labels_are_used_draws_a_warning():
    rows = [*GOOD, ("ben", 2), ("cleo", 2)]
    own = prepared(*rows, names=("sit", "walk", "run"))
    assert cautions(experiment(), own) == []
    own = dataclasses.replace(own, train=own.train.keep_labels_of(["anna"]))
    (told,) = cautions(experiment(["anna"]), own)
    assert told.startswith("'run': in the test, and nobody who trains")


def test_a_class_of_one_person_draws_a_warning_unless_there_is_one_person_only():
    rows = [*GOOD, ("anna", 2), ("anna", 2)]
    own = prepared(*rows, names=("sit", "walk", "run"))
    (told,) = cautions(experiment(), own)
    assert told.startswith("'run': of one person only")


@pytest.mark.parametrize("nothing", ["NaN", "none", "-1", "unlabelled"])
def test_a_word_for_no_label_is_asked_about(nothing):
    (told,) = cautions(experiment(), prepared(*GOOD, names=("sit", nothing)))
    assert told.startswith(f"{nothing!r} counts as a class")


def test_names_that_differ_in_writing_only_are_asked_about():
    (told,) = cautions(experiment(), prepared(*GOOD, names=("Sit down", "sit_down")))
    assert told.startswith("'Sit down', 'sit_down' count as different classes")


def test_whose_labels_are_used_and_who_has_none_draws_a_warning():
    own = prepared(*GOOD, unlabelled=["ben"])
    (told,) = cautions(experiment(["anna", "ben"]), own)
    assert told.startswith("'ben': named in `split.labelled`, without a label")


def test_warnings_of_the_package_are_told_in_words_alone():
    said = []
    with warnings_told(said.append):
        warnings.warn("Labels are elsewhere.", UserWarning, stacklevel=1)
    assert said == ["Labels are elsewhere."]
    with pytest.warns(UserWarning, match="after"):
        warnings.warn("after", UserWarning, stacklevel=1)
    assert len(said) == 1


def test_what_is_wrong_stops_a_training_and_is_told_to_who_only_looks(monkeypatch):
    lossy = mended("s7", kept=100, repeated=900)
    own, told = prepared(*GOOD, mended=[lossy]), []
    monkeypatch.setattr(checks, "prepare", lambda experiment: own)
    with pytest.raises(ValueError, match="session 's7'"):
        prepare_checked(experiment(), told.append, stops=True)
    assert told == []
    assert prepare_checked(experiment(), told.append, stops=False) is own
    assert [words[:30] for words in told] == ["A stream may lose 5% of its sa"]
