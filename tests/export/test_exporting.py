import dataclasses
import zipfile

import keras
import pytest

from keras_dcat.evaluation import macro_f1_interval
from keras_dcat.export import Description, export_target, exporting
from keras_dcat.export.formats import FORMATS
from keras_dcat.metrics import macro_f1
from tests.export.exports import NAMES, people, transfer

pytestmark = [
    pytest.mark.tensorflow,
    # tf2onnx asks NumPy for names that it no longer has.
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),
]


def export(path, formats=("litert",), epochs=0, **options):
    train, held_out = people()
    model = transfer(train, epochs)
    given = {"stride": 0.5, "calibration": train, "verbose": 0, **options}
    return (
        model,
        held_out,
        export_target(model, path, held_out, "imu", NAMES, formats=formats, **given),
    )


def test_every_format_says_what_the_model_says_and_describes_itself(tmp_path):
    path = tmp_path / "watch"
    model, held_out, done = export(
        path,
        tuple(FORMATS),
        epochs=15,
        about={"Data": "Made here.", "Licence": "None."},
    )
    windows = held_out.gather("imu")
    logits = keras.ops.convert_to_numpy(model.target(windows))
    expected = macro_f1(held_out.labels, logits, len(NAMES))
    assert expected > 0.8
    assert [check.format for check in done.checks] == list(FORMATS)
    for check in done.checks:
        tolerance = 1e-5 if FORMATS[check.format].is_exact else 0.3
        assert check.largest_difference < tolerance
        assert check.macro_f1 == pytest.approx(expected, abs=0.01)
        assert check.milliseconds > 0
        assert check.kilobytes > 1
        described = Description.of(done.file(check.format))
        assert described == done.description
        assert f"| {check.format} |" in str(done)
    assert dataclasses.astuple(described) == (NAMES, "imu", 16.0, 1.0, 0.5, (16, 2))
    with zipfile.ZipFile(done.file("litert")) as archive:
        assert archive.read("labels.txt").decode().split() == list(NAMES)
    card = (path / "model_card.md").read_text()
    interval = macro_f1_interval(
        held_out.labels, [logits.argmax(-1)], held_out.subjects
    )
    for words in (
        f"Macro F1 {interval} on {len(held_out)} windows of 2 people",
        "| Sampling rate | 16 Hz |",
        "| λ at the end | 0.1 |",
        "## Licence\nNone.",
        str(done),
    ):
        assert words in card
    assert {file.name for file in path.iterdir()} == {
        "model_card.md",
        *(FORMATS[name].file for name in FORMATS),
    }


def test_an_artefact_that_fails_its_check_leaves_nothing(tmp_path, monkeypatch):
    train, _ = people()
    other = transfer(train)
    for weight in other.target.trainable_variables:
        weight.assign(keras.random.normal(weight.shape, seed=1))
    wrong = exporting.serving_model(other.target)
    honest = FORMATS["litert"]
    monkeypatch.setitem(
        FORMATS,
        "litert",
        dataclasses.replace(
            honest, write=lambda serving, *rest: honest.write(wrong, *rest)
        ),
    )
    with pytest.raises(RuntimeError, match="litert export must.*other labels"):
        export(tmp_path / "watch")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="another folder"):
        export(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ["coreml"]}, r"\['coreml'\].*all of them"),
        ({"formats": []}, r"Received: \[\].*all of them"),
        ({"formats": ["litert_int8"], "calibration": None}, "no `calibration`.*leave"),
        ({"stride": 0.0}, "stride=0.0.*that of the training"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_written(
    tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        export(tmp_path / "watch", **options)
    assert not list(tmp_path.iterdir())


def test_another_backend_is_told_how_to_get_here(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax.*target.save"):
        exporting._check_arguments(tmp_path / "a", ["litert"], None, None)


def test_names_and_streams_that_are_not_the_models_are_refused(tmp_path):
    train, held_out = people()
    model = transfer(train)
    with pytest.raises(ValueError, match=r"\['sit', 'walk'\] for 3 classes"):
        export_target(model, tmp_path / "a", held_out, "imu", NAMES[:2], stride=1.0)
    with pytest.raises(ValueError, match=r"'camera'.*\(8, 2\).*\(16, 2\)"):
        export_target(model, tmp_path / "a", held_out, "camera", NAMES, stride=1.0)
