import pathlib
import pickle

import pytest

from keras_dcat.recordings.readers.pickled_names import names_in, words_in

PROTOCOLS = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))


@PROTOCOLS
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x", "y", "x"], ["x", "y", "x"]),
        ([0, 1, 300, 70_000], ["0", "1", "300", "70000"]),
        ([("acc", "x"), ("acc", "y", 1), ("gyr",)], ["acc.x", "acc.y.1", "gyr"]),
        ([], []),
        (["Temp °C", "x\ny"], ["Temp °C", "x\ny"]),
    ],
)
def test_names_are_those_that_were_pickled(protocol, names, expected):
    assert names_in(pickle.dumps(names, protocol)) == expected


@PROTOCOLS
def test_nothing_in_a_pickle_is_executed(protocol, tmp_path):
    class Malicious:
        def __reduce__(self):
            return (pathlib.Path.touch, (tmp_path / "executed",))

    for content in ([Malicious()], ["x", Malicious()], Malicious()):
        pickled = pickle.dumps(content, protocol)
        with pytest.raises(ValueError, match="a pickle with"):
            names_in(pickled)
        words_in(pickled)
    assert not (tmp_path / "executed").exists()
    pickle.loads(pickled)  # noqa: S301
    assert (tmp_path / "executed").exists()  # it would have been


def test_words_are_all_text_in_order():
    pickled = pickle.dumps({"index": {"tz": "Europe/Berlin"}, "x": {}})
    assert words_in(pickled) == ["index", "tz", "Europe/Berlin", "x"]


def test_what_is_no_list_of_names_is_refused():
    for content in ({"a": 1}, [1.5], [[("a", ("b",))]]):
        with pytest.raises(ValueError, match=r"a pickle with|names inside of names"):
            names_in(pickle.dumps(content))
    with pytest.raises(ValueError, match="a pickle of 2000000 bytes"):
        names_in(bytes(2_000_000))
