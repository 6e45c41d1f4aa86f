import json

import pytest

from keras_dcat.extras import require


def test_an_installed_module_is_returned():
    assert require("json", extra="demo") is json


def test_a_missing_module_names_the_extra_that_has_it():
    with pytest.raises(ImportError, match=r"no_such_module.*keras_dcat\[demo\]"):
        require("no_such_module", extra="demo")
