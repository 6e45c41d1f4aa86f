import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from keras_dcat import plots
from keras_dcat.diagnosis.diagnosis import Diagnosis
from keras_dcat.diagnosis.information import Information
from keras_dcat.diagnosis.predictability import Predictability
from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows

CURVES = {"alone": np.ones((2, 4)), "D-CAT": np.zeros((2, 4))}
F1 = {name: np.full((2, 3), 0.5) for name in ("source", "alone", "D-CAT")}


def test_the_picture_is_written_and_not_empty(tmp_path):
    path = tmp_path / "transfer.png"
    names = ["sit", "walk", "run"]
    figure = plots.plot_transfer(path, CURVES, F1, names, title="Watch")
    assert [text.get_text() for text in figure.axes[1].get_xticklabels()] == names
    pixels = pytest.importorskip("matplotlib.image").imread(path)
    assert pixels.shape[0] > 300
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50


def test_a_curve_without_scores_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\['D-CAT', 'alone'\].*\['alone'\].*same"):
        plots.plot_transfer(tmp_path / "x.png", CURVES, {"alone": F1["alone"]}, "abc")
    assert not list(tmp_path.iterdir())


def searched(scores, weights):
    """What a tuner has of its trials, as far as a plot looks at it."""
    trials = {
        str(number): SimpleNamespace(
            score=score,
            hyperparameters=SimpleNamespace(
                values={"transfer_weight": weight}, get={"transfer_weight": weight}.get
            ),
        )
        for number, (score, weight) in enumerate(zip(scores, weights, strict=True))
    }
    done = [trial for trial in trials.values() if trial.score is not None]
    done.sort(key=lambda trial: -trial.score)
    objective = SimpleNamespace(name="val_macro_f1")
    oracle = SimpleNamespace(
        trials=trials, objective=objective, get_best_trials=lambda: done
    )
    return SimpleNamespace(oracle=oracle)


def test_a_search_is_drawn_over_one_of_its_settings(tmp_path):
    tuner = searched([0.6, 0.8, None], [0.001, 1.0, 10.0])
    plots.plot_search(tmp_path / "search.svg", tuner, "transfer_weight")
    drawn = (tmp_path / "search.svg").read_text()
    for words in ("best: 1", "transfer_weight", "val_macro_f1"):
        assert f"<!-- {words} -->" in drawn


@pytest.mark.parametrize(
    ("largest", "scale"), [(0.1, "log"), (0.09, "linear")], ids=["two decades", "less"]
)
def test_a_range_of_two_decades_has_a_logarithmic_axis(tmp_path, largest, scale):
    tuner = searched([0.6, 0.8], [0.001, largest])
    figure = plots.plot_search(tmp_path / "x.png", tuner, "transfer_weight")
    assert figure.axes[0].get_xscale() == scale


@pytest.mark.parametrize("setting", ["dropout", "transfer_weight"])
def test_a_search_without_such_a_setting_or_an_end_is_refused(tmp_path, setting):
    scores = [0.5] if setting == "dropout" else [None]
    with pytest.raises(ValueError, match=f"'{setting}'.*Search first"):
        plots.plot_search(tmp_path / "x.png", searched(scores, [0.1]), setting)


def test_a_gap_is_seen_on_the_timeline(tmp_path):
    image = pytest.importorskip("matplotlib.image")
    whole = np.arange(0, 20, 0.02)
    pictures = []
    for name, times in {
        "whole": whole,
        "gap": whole[(whole < 8) | (whole > 12)],
    }.items():
        streams = {
            "watch": Stream(np.zeros((len(times), 1)), timestamps=times),
            "phone": Stream(np.zeros((1000, 1)), 50.0),
        }
        recording = Recording(streams, 0, "A", "walk")
        index = index_windows([recording], 2.0, 1.0, rates={"watch": 50.0})
        plots.plot_timeline(tmp_path / f"{name}.png", recording, index)
        pictures.append(image.imread(tmp_path / f"{name}.png"))
    changed = (pictures[0] != pictures[1]).any(axis=-1)
    rows, columns = np.nonzero(changed)
    middle = changed.shape[1] / 2
    assert np.median(columns) == pytest.approx(middle, rel=0.2)
    assert rows.max() - rows.min() > 50


def test_an_empty_stream_has_an_empty_row(tmp_path):
    streams = {
        "watch": Stream(np.zeros((0, 1)), timestamps=[]),
        "phone": Stream(np.zeros((1000, 1)), 50.0),
    }
    plots.plot_timeline(tmp_path / "x.png", Recording(streams, 0, "A"))
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_a_recording_without_a_sample_has_no_timeline(tmp_path):
    recording = Recording({"watch": Stream(np.zeros((0, 1)), 50.0)}, 0, "A")
    with pytest.raises(
        ValueError, match=r"\['watch'\] are empty\. Leave the recording"
    ):
        plots.plot_timeline(tmp_path / "x.png", recording)


DIAGNOSIS = Diagnosis(
    verdict="help",
    reasons=("The source is better.",),
    recommended={"transfer_weight": 0.3},
    class_names=("sit", "walk"),
    num_windows=(100, 50),
    num_unlabelled=0,
    num_groups=5,
    source_f1=(1.0, 0.91),
    target_f1=(0.8, 0.62),
    advantage=0.29,
    advantage_interval=(0.2, 0.38),
    fusion_f1=0.93,
    product_f1=0.94,
    chance=0.5,
    coverage={"all": 0.75, "sit": 1.0, "walk": 0.5},
    out_of_fold_coverage=None,
    agreement={"both": 0.6, "source only": 0.31, "target only": 0.04, "neither": 0.05},
    predictability=Predictability(0.41, -0.02, 0.005, 0.25, 0.015, 32, 0.9),
    information=Information(1.2, 0.8, 1.3, 0.5, (0.4, 0.6), 0.7),
)


def test_a_diagnosis_is_drawn_with_its_numbers_and_written_where_told(tmp_path):
    pytest.importorskip("matplotlib")
    figure = plots.plot_diagnosis(DIAGNOSIS)
    assert not list(tmp_path.iterdir())
    f1, cells, classes, pairs = figure.axes
    heights = [bar.get_height() for bar in f1.patches]
    assert heights == [*DIAGNOSIS.source_f1, *DIAGNOSIS.target_f1]
    assert [text.get_text() for text in cells.texts] == ["60%", "31%", "4%", "5%"]
    assert [bar.get_width() for bar in classes.patches] == [0.75, 1.0, 0.5]
    assert [bar.get_height() for bar in pairs.patches] == [0.41, 0.25, -0.02]
    assert "help" in figure.get_suptitle()
    plots.plot_diagnosis(DIAGNOSIS, tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 10_000


def test_masks_out_of_fold_stand_beside_those_of_the_source():
    pytest.importorskip("matplotlib")
    shares = {"all": 0.6, "sit": 0.7, "walk": 0.3}
    found = dataclasses.replace(DIAGNOSIS, out_of_fold_coverage=shares)
    bars = plots.plot_diagnosis(found).axes[2].patches
    assert [bar.get_width() for bar in bars] == [0.75, 1.0, 0.5, 0.6, 0.7, 0.3]
    middles = [bar.get_y() + bar.get_height() / 2 for bar in bars]
    assert len(set(middles)) == 6
