import numpy as np
import pytest

from keras_dcat import plots
from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows

CURVES = {"alone": np.ones((2, 4)), "D-CAT": np.zeros((2, 4))}
F1 = {name: np.full((2, 3), 0.5) for name in ("source", "alone", "D-CAT")}


def test_the_picture_is_written_and_not_empty(tmp_path):
    path = tmp_path / "transfer.png"
    plots.plot_transfer(path, CURVES, F1, ["sit", "walk", "run"], title="Watch")
    pixels = pytest.importorskip("matplotlib.image").imread(path)
    assert pixels.shape[0] > 300
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50


def test_a_curve_without_scores_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\['D-CAT', 'alone'\].*\['alone'\].*same"):
        plots.plot_transfer(tmp_path / "x.png", CURVES, {"alone": F1["alone"]}, "abc")
    assert not list(tmp_path.iterdir())


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
