import contextlib
import dataclasses
import os
import pathlib
import re
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pydantic")
pytest.importorskip("yaml")

from keras_dcat.cli.experiment import (
    ExperimentError,
    Setting,
    Transfer,
    read_experiment,
)
from keras_dcat.evaluation import DCAT

GOOD = """\
data:
  dataset: watch
source: imu
target: accelerometer
windows: {length: 4.0, stride: 2}
split:
  test: [2, anna]
  validation:
    - 3
encoders:
  imu: {size: tiny}
output: out
"""


def written(tmp_path, text):
    path = tmp_path / "plan.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_what_is_not_said_has_a_default(tmp_path):
    plan = read_experiment(written(tmp_path, GOOD))
    assert plan.windows.stride == 2.0
    assert plan.split.test == [2, "anna"]
    assert plan.encoders["imu"].dropout is None
    assert plan.training.seeds == [0, 1, 2]
    assert plan.transfer.recipe == "extended"
    assert plan.transfer.transfer_weight is plan.transfer.gate is None
    assert plan.search == ["transfer_weight"]
    assert plan.output == pathlib.Path("out")


def test_the_example_is_one():
    path = pathlib.Path(__file__).parents[2] / "examples" / "watch.yaml"
    assert read_experiment(path).source == "imu"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            "length: 4.0",
            "length: -4",
            5,
            r"`windows.length` must be greater.*-4",
        ),
        ("length: 4.0", "length: .inf", 5, r"`windows.length` must be a finite number"),
        (
            "stride: 2",
            "stride: soon",
            5,
            r"`windows.stride` must be .*soon",
        ),
        ("stride: 2", "strde: 2", 5, r"`windows.strde` is not known here"),
        ("stride: 2", "length: 2", 5, r"`length` is twice"),
        ("source: imu\n", "", 1, r"`source` is missing"),
        ("source: imu", "source: accelerometer", 1, r"must be two streams"),
        ("size: tiny", "size: huge", 11, r"`encoders.imu.size` must be 'tiny', 's"),
        (
            "output: out",
            "transfer: {recipe: papers}\noutput: out",
            12,
            r"`transfer.recipe` must be 'extended', 'paper', .*'papers'",
        ),
        (
            "output: out",
            "transfer: {gate: sure}\noutput: out",
            12,
            r"`transfer.gate` must be 'all', 'correct'.*Received: 'sure'",
        ),
        (
            "output: out",
            "transfer: {transfer_weight: -1}\noutput: out",
            12,
            r"`transfer.transfer_weight` must be greater than or equal to 0",
        ),
        (
            "output: out",
            "transfer: {loss_weights: {joint: 1}}\noutput: out",
            12,
            r"`transfer.loss_weights.joint` must be 'info_nce'.*Received: 'joint'",
        ),
        (
            "output: out",
            "search: [lambda]\noutput: out",
            12,
            r"`search.0` must be 'recipe', 'transfer_weight'.*Received: 'lambda'",
        ),
        ("    - 3", "    - 3\n    - [1]", 10, r"`split.validation.1` must be"),
        ("    - 3", "    - 2", 7, r"split: subjects 2 cannot do both"),
        ("dataset: watch", "dataset: watches", 2, r"`data.dataset` must be 'watch'"),
        ("dataset: watch", "dataset: utd_mhad", 2, r"data: .*needs a `path`"),
        ("dataset: watch", "path: here", 2, r"data: name either"),
        (
            "dataset: watch",
            "dataset: watch\n  class_names: [a]",
            2,
            r"`class_names` belong to `recordings`",
        ),
        (
            "test: [2, anna]",
            "test: [2, anna]\n  labelled: [ben, anna, 3]",
            7,
            r"`labelled` says who of those that train: not 3, anna",
        ),
        (
            "test: [2, anna]",
            "test: [2, anna]\n  labelled: []",
            8,
            r"`split.labelled` must.*at least 1 item",
        ),
        ("test: [2, anna]", "test: []", 7, r"`split.test` must.*at least 1 item"),
        ("output: out", "output: [", 13, r"not YAML"),
        ("output: out", "output: &o out\nabout: *o", 13, r"no `\*`"),
        ("output: out", "output: !!python/object:os.system {}", 12, r"no tags"),
        ("output: out", "output: 2026-99-99", 12, r"month must be in"),
    ],
)
def test_what_it_may_not_say_is_named_with_its_line(tmp_path, old, new, line, message):
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ExperimentError, match=message) as caught:
        read_experiment(path)
    lines = re.findall(rf"{re.escape(str(path))}, line (\d+): ", str(caught.value))
    assert set(lines) == {str(line)}


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    text = GOOD.replace("length: 4.0", "length: 0").replace("size: tiny", "size: 3")
    with pytest.raises(ExperimentError) as caught:
        read_experiment(written(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: an experiment is a list"),
        ("- a\n", "line 1: an experiment is a list"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        ("a: " + "[" * 5000, "nested too deeply|not YAML"),
        ("#" * 2_000_000, "too large"),
    ],
    ids=["nothing", "list", "binary", "deep", "large"],
)
def test_what_is_no_experiment_is_refused(tmp_path, text, message):
    with pytest.raises(ExperimentError, match=message):
        read_experiment(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ExperimentError, match=r"nowhere\.yaml: No such file"):
        read_experiment(tmp_path / "nowhere.yaml")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)), st.integers(0, 200))
def test_garbage_is_an_experiment_error(tmp_path_factory, garbage, where):
    garbage = (
        garbage.encode("utf-8", "surrogatepass")
        if isinstance(garbage, str)
        else garbage
    )
    text = GOOD.encode()
    path = tmp_path_factory.getbasetemp() / "garbage.yaml"
    path.write_bytes(text[:where] + garbage + text[where:])
    with contextlib.suppress(ExperimentError):
        read_experiment(path)


def test_what_can_be_searched_is_what_the_hypermodel_can_search():
    pytest.importorskip("keras_tuner")
    from keras_dcat.tuning.hypermodel import _SPACE

    assert get_args(Setting) == ("recipe", *_SPACE)


def test_a_transfer_has_the_names_and_defaults_of_a_method():
    fields = {field.name: field for field in dataclasses.fields(DCAT)}
    assert set(Transfer.model_fields) <= set(fields)
    assert DCAT(**Transfer().model_dump()) == DCAT()


@pytest.mark.parametrize(
    ("make", "found"),
    [(os.mkfifo, "a pipe"), (os.mkdir, "a folder"), (None, "a device")],
)
def test_what_is_no_file_is_no_experiment(tmp_path, make, found):
    path = tmp_path / "experiment.yaml" if make else "/dev/zero"
    if make:
        make(path)
    with pytest.raises(
        ExperimentError, match=f"must be an experiment file, not {found}"
    ):
        read_experiment(path)
