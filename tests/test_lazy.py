import types

import pytest

from keras_dcat.lazy import on_first_use

MEMBERS = {"windows": None, "log_mel_dataset": "windows.log_mel"}


def test_a_name_is_found_in_its_module_and_a_module_as_itself():
    find, _ = on_first_use("keras_dcat", {"windows": None, "index_windows": "windows"})
    assert isinstance(find("windows"), types.ModuleType)
    assert find("index_windows") is find("windows").index_windows


def test_completion_knows_what_is_not_imported_yet():
    _, names = on_first_use("keras_dcat", MEMBERS)
    assert {"windows", "log_mel_dataset", "DCATModel"} <= set(names())
    assert names() == sorted(names())


def test_another_name_is_no_attribute():
    find, _ = on_first_use("keras_dcat", MEMBERS)
    with pytest.raises(AttributeError, match="'keras_dcat' has no attribute 'window'"):
        find("window")
