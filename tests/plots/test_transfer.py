import numpy as np
import pytest

from keras_dcat import plots

CURVES = {"alone": np.ones((2, 4)), "D-CAT": np.zeros((2, 4))}
F1 = {name: np.full((2, 3), 0.5) for name in ("source", "alone", "D-CAT")}


def test_the_picture_is_written_and_not_empty(tmp_path):
    path = tmp_path / "transfer.png"
    names = ["sit", "walk", "run"]
    figure = plots.plot_transfer(CURVES, F1, names, title="Watch", path=path)
    assert [text.get_text() for text in figure.axes[1].get_xticklabels()] == names
    pixels = pytest.importorskip("matplotlib.image").imread(path)
    assert pixels.shape[0] > 300
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50


def test_a_curve_without_scores_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\['D-CAT', 'alone'\].*\['alone'\].*same"):
        plots.plot_transfer(CURVES, {"alone": F1["alone"]}, "abc", path=tmp_path / "x")
    assert not list(tmp_path.iterdir())
