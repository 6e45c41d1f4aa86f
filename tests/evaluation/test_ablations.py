import pytest

from keras_dcat.evaluation import ABLATIONS, DCAT, Alone, ablation


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_setting_has_its_baseline_and_one_thing_changed(name):
    methods = ablation(name)
    assert set(ABLATIONS[name]) <= set(methods)
    for method in methods.values():
        assert method.baseline() in methods.values()
    settings = list(ABLATIONS[name].values())
    assert len({str(s) for s in settings}) == len(settings)


def test_the_weight_has_the_settings_of_the_paper():
    methods = ablation("transfer_weight")
    weights = [m.transfer_weight for m in methods.values() if isinstance(m, DCAT)]
    assert weights == [0.0, 0.01, 0.1, 1.0, 10.0]
    assert [m for m in methods.values() if isinstance(m, Alone)] == [Alone()]


def test_the_target_alone_is_given_the_same_data_and_size():
    fractions = [m.data_fraction for m in ablation("data_fraction").values()]
    assert sorted(fractions) == [0.1, 0.1, 0.25, 0.25, 0.5, 0.5, 1.0, 1.0]


def test_an_unknown_ablation_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="'colour'.*'transfer_weight'"):
        ablation("colour")
