import pytest

from keras_dcat.class_names import checked_class_names


def test_names_become_words_in_their_order():
    assert checked_class_names([3, "sit"], 2) == ("3", "sit")


def test_without_names_a_class_is_called_by_its_number():
    assert checked_class_names(None, 2, taken=["all"]) == ("0", "1")


@pytest.mark.parametrize("names", [["sit"], ["sit", "sit"], ["sit", "fall", "walk"]])
def test_each_class_must_have_a_name_of_its_own(names):
    with pytest.raises(ValueError, match=r"own .*Received: \['sit'.*for 2 classes"):
        checked_class_names(names, 2)


def test_a_name_that_means_something_else_is_refused():
    with pytest.raises(ValueError, match=r"not one of \['all'\]"):
        checked_class_names(["sit", "all"], 2, taken=["all"])
