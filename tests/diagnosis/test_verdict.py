import types

import pytest

from keras_dcat.diagnosis import verdict
from keras_dcat.diagnosis.information import Information
from keras_dcat.diagnosis.predictability import Predictability


def found(**changed):
    """A source that will help, but for what is changed."""
    told = {"mispaired_p": 0.005, "same_class_p": 0.005}
    nats = {"added": 0.5, "added_interval": (0.4, 0.6), "shared": 0.5}
    values = {
        "num_windows": (1000, 400),
        "num_unlabelled": 500,
        "num_groups": None,
        "source_f1": (0.95, 0.9),
        "target_f1": (0.8, 0.7),
        "target_gap": 0.1,
        "advantage": 0.2,
        "advantage_interval": (0.15, 0.25),
        "fusion_f1": 0.91,
        "product_f1": 0.91,
        "chance": 0.25,
        "coverage": {"all": 0.95},
        "never_right": (),
        "out_of_fold_coverage": None,
        "agreement": {"both": 0.65, "source only": 0.25},
        "unit": "windows",
        "left_out": None,
        **changed,
    }
    for name in list(values):
        for parts in (told, nats):
            if name in parts:
                parts[name] = values.pop(name)
    return types.SimpleNamespace(
        predictability=Predictability(
            r2=0.4, mispaired_r2=-0.01, same_class_r2=0.2, components=32, explained=0.9,
            **told,
        ),
        information=Information(source=1.2, target=0.8, both=1.3, **nats),
        **values,
    )  # fmt: skip


AS_GOOD = {"advantage": 0.0, "advantage_interval": (-0.1, 0.1)}
WEAKER = {"advantage": -0.1, "advantage_interval": (-0.2, -0.01)}
TELLS_NOTHING = {"added": 0.1, "added_interval": (-0.1, 0.3)}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "help"),
        ({"advantage": 0.01, "advantage_interval": (0.005, 0.02)}, "help"),
        ({**AS_GOOD, "added": 0.01, "added_interval": (0.005, 0.02)}, "neutral"),
        ({**AS_GOOD, **TELLS_NOTHING}, "neutral"),
        (TELLS_NOTHING, "help"),
        ({**TELLS_NOTHING, "num_unlabelled": 0}, "neutral"),
        (WEAKER, "help"),
        ({**WEAKER, **TELLS_NOTHING}, "harm"),
        ({"agreement": {"both": 0.2, "source only": 0.1}}, "harm"),
        ({"mispaired_p": 0.3, "shared": 0.001}, "harm"),
        ({"mispaired_p": 0.3, "shared": 0.4}, "neutral"),
        ({"mispaired_p": 0.3, "shared": 0.001, "num_windows": (99, 40)}, "help"),
        ({"same_class_p": 0.5}, "help"),
        ({"num_unlabelled": 112}, "help"),
        ({"num_unlabelled": 111}, "neutral"),
    ],
)
def test_the_verdict_follows_from_the_numbers(changed, expected):
    judged, reasons, recommended = verdict.judge(found(**changed))
    assert judged == expected
    weight = {"help": 0.2, "neutral": 0.1, "harm": 0.0}[expected]
    assert recommended == {"recipe": "extended", "transfer_weight": weight}
    assert all(text.endswith((".", "instead.")) for text in reasons)


@pytest.mark.parametrize(("windows", "is_chance"), [(50, True), (400, False)])
def test_in_a_small_set_luck_alone_is_above_chance(windows, is_chance):
    # 10 points above 25 %: 1.6 standard errors of 50 windows, 4.6 of 400.
    agreement = {"both": 0.3, "source only": 0.05}
    given = found(num_windows=(1000, windows), agreement=agreement)
    judged, reasons, _ = verdict.judge(given)
    assert (judged == "harm") == is_chance
    assert any("at chance: right on 35%" in text for text in reasons) == is_chance


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"target_gap": 0.3}, "The target overfits: macro F1 0.80 on training"),
        ({"coverage": {"all": 1.0}}, "right on 100% of training windows, but on 90%"),
        (
            {"coverage": {"all": 1.0}, "out_of_fold_coverage": {"all": 0.8}},
            "but on 80% of windows out of fold",
        ),
        ({"coverage": {"all": 0.4}}, "admits only 40% of training windows"),
        ({"never_right": ("sit", "run")}, "no training window right of 'sit', 'run'"),
        ({"same_class_p": 0.3}, "R² = 0.40 against 0.20 (p = 0.30)"),
        (WEAKER, "should not teach by its predictions"),
        ({**WEAKER, **TELLS_NOTHING}, "negative transfer is likely"),
        ({"num_groups": 3}, "intervals are over 3 groups only"),
        ({"mispaired_p": 0.3}, "R² = 0.40, and with -0.01"),
        (
            {**AS_GOOD, **TELLS_NOTHING, "fusion_f1": 0.95},
            "The mean of both predictions has a macro F1 of 0.95",
        ),
        (
            {"product_f1": 0.96},
            "500 training windows have no label, and together both are right more "
            "often: the product of what they predict has a macro F1 of 0.96. Let this "
            "target teach a new one beside the source",
        ),
    ],
)
def test_what_else_to_look_at_is_said_where_it_is_so_only(changed, sentence):
    assert any(sentence in text for text in verdict.judge(found(**changed))[1])
    assert not any(sentence in text for text in verdict.judge(found())[1])


def test_a_target_that_makes_its_source_no_better_is_not_to_teach_beside_it():
    assert not any("beside the source" in text for text in verdict.judge(found())[1])


def test_where_all_windows_have_a_label_it_says_what_would_help():
    reasons = verdict.judge(found(num_unlabelled=0))[1]
    assert any("Pairs without a label, of more people" in text for text in reasons)
    assert not any(
        "Pairs without a label" in text for text in verdict.judge(found())[1]
    )


def test_a_source_at_chance_is_not_to_be_let_teach_softly():
    agreement = {"both": 0.2, "source only": 0.05}
    _, reasons, recommended = verdict.judge(
        found(agreement=agreement, coverage={"all": 0.25})
    )
    assert recommended == {"recipe": "extended", "transfer_weight": 0.0}
    assert not any("soft gate" in text for text in reasons)


def test_where_no_statistic_could_be_read_it_says_so_and_judges_by_predictions():
    given = found(left_out="A model must hold one.")
    given.predictability = None
    judged, reasons, _ = verdict.judge(given)
    assert judged == "help"
    assert reasons[-1].startswith("The pairs were not checked")
    assert reasons[-1].endswith("A model must hold one.")


def test_what_is_recommended_is_a_recipe_by_its_name():
    given = found(product_f1=0.99)
    _, reasons, recommended = verdict.judge(given)
    assert recommended == {"recipe": "extended", "transfer_weight": 0.2}
    assert any("recipe='distillation'" in text for text in reasons)


def test_labels_are_not_called_windows():
    given = found(unit="labels", agreement={"both": 0.2, "source only": 0.05})
    assert any("right on 25% of held-out labels" in x for x in verdict.judge(given)[1])
