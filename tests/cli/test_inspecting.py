import dataclasses

import pytest

pytest.importorskip("pydantic")

from keras_dcat.cli.inspecting import clocks_table, windows_table
from tests.cli.test_checks import GOOD, experiment, mended, prepared


def rows(table):
    return [line.split() for line in table.splitlines()]


def test_windows_are_counted_by_class_and_side_and_so_are_those_without_a_label():
    own = prepared(*GOOD, unlabelled=["ben", "cleo"])
    assert rows(windows_table(experiment(), own)) == [
        ["windows", "train", "test"],
        ["sit", "3", "0"],
        ["walk", "3", "0"],
        ["no", "label", "6", "6"],
    ]
    plan = experiment()
    split = plan.split.model_copy(update={"validation": ["ben"]})
    own = dataclasses.replace(own, validation=own.train.subset([]))
    table = windows_table(plan.model_copy(update={"split": split}), own)
    assert rows(table)[3] == ["no", "label", "6", "6", "6"]


def test_without_a_name_of_a_class_there_is_a_table_too():
    own = prepared(*GOOD, names=(), unlabelled=["anna", "ben", "cleo"])
    assert rows(windows_table(experiment(), own))[1:] == [["no", "label", "12", "6"]]


def test_timestamps_are_told_worst_first_and_those_in_order_are_counted():
    own = prepared(
        *GOOD,
        mended=[
            mended("fine", rate=50.0),
            mended("gap", rate=50.0, gaps=2),
            mended("lossy", kept=251, repeated=749, rate=99.96),
        ],
    )
    assert [" ".join(row) for row in rows(clocks_table(own))] == [
        "session stream samples kept lost rate gaps done",
        "lossy watch 1,000 251 74.9% 99.96 Hz 0 749 repeated",
        "gap watch 1,000 1,000 0.0% 50 Hz 2 gaps only",
        "1 stream came in order and without gaps",
    ]


def test_of_many_streams_the_worst_are_told():
    many = [mended(f"s{n}", kept=1000 - n, not_finite=n) for n in range(1, 100)]
    table = rows(clocks_table(prepared(*GOOD, mended=many)))
    assert table[1][0] == "s99"
    assert table[-1] == "… and 59 streams of which less was lost".split()


def test_without_timestamps_there_is_nothing_to_tell():
    assert clocks_table(prepared(*GOOD)) == ""
