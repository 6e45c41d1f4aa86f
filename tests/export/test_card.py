import dataclasses

import numpy as np

from keras_dcat.evaluation import f1_per_class_intervals, macro_f1_interval
from keras_dcat.export import Description
from keras_dcat.export.card import model_card

DESCRIPTION = Description(("sit", "walk"), "imu", 50.0, 2.0, 1.0, (100, 3))


def test_its_numbers_are_those_of_people_held_out():
    labels = np.tile([0, 1, -1], 20)
    subjects = np.repeat(["a", "b", "c", "d"], 15)
    predicted = np.where(subjects == "a", 1 - labels, labels)
    about = {"Data": "Twenty walks.", "Limits": "Not for children."}
    card = model_card(DESCRIPTION, labels, predicted, subjects, {"λ": 0.1}, about, "T")
    known = labels >= 0
    told = labels[known], [predicted[known]], subjects[known]
    assert f"Macro F1 {macro_f1_interval(*told)} on 40 windows of 4 people" in card
    for name, interval in zip(
        DESCRIPTION.class_names, f1_per_class_intervals(*told, 2), strict=True
    ):
        assert f"| {name} | {interval} | 20 |" in card
    for words in (
        "| Sensor | imu |",
        "| Window | 2 s, every 1 s |",
        "| Input | 100 × 3 raw values |",
        "| λ | 0.1 |",
        "## Artefacts\nT",
        "## Limits\nNot for children.",
    ):
        assert words in card


def test_of_one_person_it_gives_no_interval():
    labels = np.tile([0, 1], 20)
    card = model_card(DESCRIPTION, labels, labels, np.ones(40), {}, {}, "T")
    assert "Macro F1 1.000 on 40 windows of one person" in card
    assert "nan" not in card


def test_labels_of_several_are_told_one_by_one():
    several = dataclasses.replace(DESCRIPTION, task="multilabel")
    labels = np.tile([[1, 0], [0, 0], [1, -1]], (20, 1))
    predicted = np.tile([[1, 0], [1, 0], [1, 1]], (20, 1))
    subjects = np.repeat(["a", "b", "c", "d"], 15)
    card = model_card(several, labels, predicted, subjects, {}, {}, "T")
    assert "# imu: 2 labels" in card
    # "sit": 40 right, 20 too many, 2·40 / (2·40 + 20); "walk": neither there nor said.
    assert "Macro F1 0.800 " in card
    assert "| sit | 0.800 [0.800, 0.800] | 40 |" in card
    assert "| walk | " in card
    assert "on 60 windows of 4 people" in card
