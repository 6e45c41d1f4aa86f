import numpy as np
import pytest

from keras_dcat import plots

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
