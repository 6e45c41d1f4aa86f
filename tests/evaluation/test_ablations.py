import pytest

from keras_dcat.evaluation import ABLATIONS, DCAT, Alone, ablation
from keras_dcat.transfer.recipes import RECIPES


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_setting_has_its_baseline_and_one_thing_changed(name):
    methods = ablation(name)
    assert set(ABLATIONS[name]) <= set(methods)
    for method in methods.values():
        assert method.baseline() in methods.values()
    settings = list(ABLATIONS[name].values())
    assert len({str(s) for s in settings}) == len(settings)


def test_the_weight_is_searched_around_that_of_the_recipe():
    methods = ablation("transfer_weight")
    weights = [m.transfer_weight for m in methods.values() if isinstance(m, DCAT)]
    assert weights == [0.0, 0.001, 0.01, None, 1.0]
    assert RECIPES["extended"].transfer_weight == 0.1  # the one that is not named
    assert [m for m in methods.values() if isinstance(m, Alone)] == [Alone()]


def test_the_target_alone_is_given_the_same_data_and_size():
    fractions = [m.data_fraction for m in ablation("data_fraction").values()]
    assert sorted(fractions) == [0.1, 0.1, 0.25, 0.25, 0.5, 0.5, 1.0, 1.0]


def test_an_unknown_ablation_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="'colour'.*'transfer_weight'"):
        ablation("colour")


def test_each_loss_of_the_default_is_left_out_once_and_may_teach_alone():
    methods = ablation("losses")
    left_out = [label for label in methods if label.startswith("without ")]
    assert left_out == [
        "without info_nce",
        "without agreement",
        "without fused",
        "without cross_attention",
    ]
    for label in left_out:
        assert methods[label] == DCAT(loss_weights={label.removeprefix("without "): 0})
    for name in ("info_nce", "normalized", "paper"):
        assert methods[name] == DCAT(name)
    for label in ("agreement alone", "fused alone"):
        name = label.removesuffix(" alone")
        assert [loss.name for loss in methods[label]._losses()] == [name]


def test_people_without_a_label_are_counted_with_one_baseline():
    methods = ablation("unlabelled_people")
    assert [m for m in methods.values() if isinstance(m, Alone)] == [Alone()]
    counts = [m.num_unlabelled_people for m in methods.values() if isinstance(m, DCAT)]
    assert counts == [0, 1, 2]
