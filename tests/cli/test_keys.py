import json

import pytest

pytest.importorskip("pydantic")

import yaml

from keras_dcat.cli.experiment import Experiment, Windows
from keras_dcat.cli.keys import keys_page, schema
from keras_dcat.cli.recording_formats import FILES, LABELS
from tests.cli.experiments import write_experiment


def heads(page):
    """The lines of a page that name a key."""
    return [line for line in page.splitlines() if not line.startswith(" ")]


def test_every_key_of_every_section_has_a_line_and_words():
    page = keys_page()
    named = {line.split(":")[0].split(" (")[0] for line in heads(page)}
    for name in Experiment.model_fields:
        assert name in named
    for name in Windows.model_fields:
        assert f"windows.{name}" in named
    for section in FILES.values():
        for name in set(section.model_fields) - {"format"}:
            assert f"data.streams.NAME.{name}" in named
    for section in LABELS.values():
        for name in set(section.model_fields) - {"format"}:
            assert f"data.labels.{name}" in named
    lines = page.splitlines()
    bare = [
        line
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if not line.startswith(" ") and not below.startswith(" ")
    ]
    assert bare == []
    assert max(map(len, lines)) <= 88


def test_a_key_says_what_it_may_be_and_what_it_is_unless_given():
    page = keys_page("training")
    assert "training.learning_rate: number above 0; 0.003 unless given" in page
    assert "training.seeds: list of whole number; [0, 1, 2] unless given" in page
    assert "windows.length: number above 0; must be there" in keys_page("windows")
    assert heads(keys_page("split.labelled")) == [
        "split.labelled: list of whole number or text; may be left out"
    ]


def test_a_part_or_a_format_can_be_asked_for_alone():
    assert {line.split(".")[0] for line in heads(keys_page("windows"))[1:]} == {
        "windows"
    }
    elan = keys_page("elan")
    assert "data.labels.tier (format: elan): text; must be there" in elan
    assert "audacity" not in elan
    with pytest.raises(ValueError, match="'windws'. `keras-dcat keys` shows all"):
        keys_page("windws")


def test_what_formats_share_is_told_once():
    told = [line for line in heads(keys_page()) if ".mend.wraps" in line]
    assert len(told) == 1


def test_the_schema_allows_what_is_read_and_refuses_what_is_not(tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(json.loads(json.dumps(schema())))
    said = yaml.safe_load(write_experiment(tmp_path).read_text())
    assert list(check.iter_errors(said)) == []
    elan = {"format": "elan", "tier": "activity"}
    said["data"]["labels"] = elan
    assert list(check.iter_errors(said)) == []
    for wrong in ({"format": "elan"}, {"format": "elam", "tier": "activity"}):
        said["data"]["labels"] = wrong
        assert list(check.iter_errors(said))
    said["data"]["labels"] = elan
    said["windws"] = {}
    assert len(list(check.iter_errors(said))) == 1


def test_an_editor_is_told_what_a_key_means():
    data = schema()["$defs"]["Data"]["properties"]
    assert data["max_lost"]["description"].startswith("share of a stream's samples")
    assert schema()["properties"]["data"]["description"].startswith("Where recordings")
    csv = next(each for each in schema()["$defs"].values() if each["title"] == "csv")
    assert csv["properties"]["time_unit"]["description"].startswith("Seconds per unit")
