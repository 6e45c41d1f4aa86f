import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_dcat.export import Description

NAMES = st.lists(st.text(min_size=1), min_size=2, max_size=4).map(tuple)
POSITIVE = st.floats(1e-3, 1e5)


@given(NAMES, st.text(min_size=1), POSITIVE, POSITIVE, POSITIVE)
def test_what_is_written_is_what_is_read(names, stream, rate, length, stride):
    description = Description(names, stream, rate, length, stride, (50, 3))
    assert Description.from_json(description.to_json()) == description


def test_an_older_text_is_of_one_class_of_several():
    description = Description(("sit", "walk"), "imu", 50.0, 2.0, 1.0, (100, 3))
    fields = json.loads(description.to_json())
    assert fields.pop("task") == "multiclass"
    assert Description.from_json(json.dumps(fields)) == description


@pytest.mark.parametrize(
    ("task", "outputs", "probabilities", "names"),
    [
        ("multiclass", [0.2, 0.8], [0.2, 0.8], ("walk",)),
        ("binary", [0.5], [0.5, 0.5], ("sit",)),  # as in keras.metrics.BinaryAccuracy
        ("binary", [0.75], [0.25, 0.75], ("walk",)),
        ("multilabel", [0.75, 0.75], [0.75, 0.75], ("sit", "walk")),
        ("multilabel", [0.5, 0.25], [0.5, 0.25], ()),
    ],
)
def test_outputs_become_probabilities_of_names_and_what_they_say(
    task, outputs, probabilities, names
):
    description = Description(("sit", "walk"), "imu", 50.0, 2.0, 1.0, (100, 3), task)
    found = description.probabilities(np.array([outputs]))
    assert found.tolist() == [probabilities]
    assert description.names_of(description.decisions(found)[0]) == names


def test_a_litert_file_is_read_from_the_front_and_the_description_from_the_end(
    tmp_path,
):
    path = tmp_path / "target.tflite"
    path.write_bytes(b"TFL3" * 100)
    description = Description(("sit", "walk"), "imu", 50.0, 2.0, 1.0, (100, 3))
    description.put_into(path)
    assert path.read_bytes()[:400] == b"TFL3" * 100
    assert Description.of(path) == description


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"class_names": 3}', "null", '{"class_names": [], "shape": []}'],
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="Export the model anew"):
        Description.from_json(text)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"PK\x05\x06" + bytes(18)])
def test_files_without_a_description_are_refused(tmp_path, content):
    path = tmp_path / "target.tflite"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Export the model anew"):
        Description.of(path)
    with pytest.raises(ValueError, match="a folder without saved_model.pb"):
        Description.of(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match="Export the model anew"):
        Description.of(tmp_path)  # a folder, as a SavedModel is


def test_what_is_no_text_in_an_onnx_file_is_no_description(tmp_path):
    onnx = pytest.importorskip("onnx")
    tensor = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([], "g", [tensor], [tensor])
    model = onnx.helper.make_model(graph, ir_version=8)
    onnx.helper.set_model_props(model, {"keras_dcat.json": "sit"})
    path = tmp_path / "target.onnx"
    path.write_bytes(model.SerializeToString().replace(b"sit", b"s\xfft"))
    with pytest.raises(ValueError, match=r"target\.onnx.*Export the model anew"):
        Description.of(path)


def test_a_description_that_was_damaged_is_refused(tmp_path):
    path = tmp_path / "target.tflite"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("keras_dcat.json", b"\xff\xfe")
    with pytest.raises(ValueError, match="Export the model anew"):
        Description.of(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"class_names": "ab"},
        {"class_names": []},
        {"class_names": ["sit", 1]},
        {"stream": None},
        {"task": "regression"},
        {"task": 1},
        {"class_names": ["fall"], "task": "binary"},
        {"rate": 0},
        {"rate": float("nan")},
        {"length": float("inf")},
        {"stride": True},
        {"shape": [100, -3]},
        {"shape": [100.0, 3]},
        {"more": 1},
    ],
    ids=str,
)
def test_a_description_of_no_model_is_refused(changed):
    whole = Description(("sit", "walk"), "imu", 50.0, 2.0, 1.0, (100, 3)).to_json()
    assert Description.from_json(whole).shape == (100, 3)
    with pytest.raises(ValueError, match="Export the model anew"):
        Description.from_json(json.dumps({**json.loads(whole), **changed}))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("saved_model.pb", r"another format. Give the artefact that it is a part of"),
        ("keras_dcat.json", r"another format. Give the artefact that it is a part of"),
        ("target.keras", r"another format. Give the .tflite or .onnx"),
        ("target/assets.extra/keras_dcat.json", r"without saved_model.pb"),
    ],
)
def test_a_part_of_an_artefact_is_none_and_neither_is_another_file(
    tmp_path, name, message
):
    description = Description(("sit", "walk"), "imu", 50.0, 2.0, 1.0, (100, 3))
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(description.to_json())
    given = tmp_path / "target" if "/" in name else path
    with pytest.raises(ValueError, match=rf"An artefact must be a .tflite.*{message}"):
        Description.of(given)
