import numpy as np
import pytest

from keras_dcat import plots
from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows


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
        plots.plot_timeline(recording, index, path=tmp_path / f"{name}.png")
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
    plots.plot_timeline(Recording(streams, 0, "A"), path=tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_a_recording_without_a_sample_has_no_timeline():
    recording = Recording({"watch": Stream(np.zeros((0, 1)), 50.0)}, 0, "A")
    with pytest.raises(
        ValueError, match=r"\['watch'\] are empty\. Leave the recording"
    ):
        plots.plot_timeline(recording)
