import dataclasses

import pytest

from keras_dcat import plots
from keras_dcat.diagnosis.diagnosis import Diagnosis
from keras_dcat.diagnosis.information import Information
from keras_dcat.diagnosis.predictability import Predictability

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
    plots.plot_diagnosis(DIAGNOSIS, path=tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 10_000


def test_masks_out_of_fold_stand_beside_those_of_the_source():
    pytest.importorskip("matplotlib")
    shares = {"all": 0.6, "sit": 0.7, "walk": 0.3}
    found = dataclasses.replace(DIAGNOSIS, out_of_fold_coverage=shares)
    bars = plots.plot_diagnosis(found).axes[2].patches
    assert [bar.get_width() for bar in bars] == [0.75, 1.0, 0.5, 0.6, 0.7, 0.3]
    middles = [bar.get_y() + bar.get_height() / 2 for bar in bars]
    assert len(set(middles)) == 6


def test_without_a_statistic_the_page_says_that_pairs_were_not_checked():
    pytest.importorskip("matplotlib")
    found = dataclasses.replace(DIAGNOSIS, predictability=None, unit="labels")
    _, cells, _, pairs = plots.plot_diagnosis(found).axes
    assert not pairs.patches
    assert "not checked" in pairs.texts[0].get_text()
    assert cells.get_title() == "held-out labels"
