import gc
import inspect
import pickle
import sys
import weakref

import numpy as np
import pytest

from keras_dcat import plots
from keras_dcat.plots.figure import figure_of, written
from tests.plots.test_diagnosis_page import DIAGNOSIS

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("name", plots.__all__)
def test_every_plot_takes_a_path_last_and_by_its_name_alone(name):
    *_, last = inspect.signature(getattr(plots, name)).parameters.values()
    assert last.name == "path"
    assert last.default is None
    assert last.kind is inspect.Parameter.KEYWORD_ONLY


def test_without_a_path_nothing_is_written_and_the_same_figure_comes_back(tmp_path):
    figure = figure_of(2, 1)
    assert written(figure, None) is figure
    assert written(figure, tmp_path / "new" / "x.png") is figure
    assert [path.name for path in tmp_path.rglob("*.*")] == ["x.png"]


def test_a_notebook_is_given_the_picture_that_is_written(tmp_path):
    shown, kept = (figure_of(2, 1) for _ in range(2))
    for figure in (shown, kept):
        figure.subplots().plot([0, 1])
    image = pytest.importorskip("matplotlib.image")
    (tmp_path / "shown.png").write_bytes(shown._repr_png_())
    written(kept, tmp_path / "x.png")
    pictures = [image.imread(tmp_path / f"{name}.png") for name in ("x", "shown")]
    assert pictures[0].shape[:2] == (120, 240)
    np.testing.assert_array_equal(*pictures)


def test_a_figure_is_none_of_pyplots_and_gone_when_nobody_holds_it():
    reference = weakref.ref(plots.plot_diagnosis(DIAGNOSIS))
    gc.collect()
    assert reference() is None
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_a_figure_can_be_sent_to_another_process():
    figure = figure_of(2, 1)
    figure.subplots().set_title("walk")
    again = pickle.loads(pickle.dumps(figure))  # noqa: S301
    assert type(again) is type(figure)
    assert again.axes[0].get_title() == "walk"
    assert again._repr_png_() == figure._repr_png_()
