import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reliability.corruption import cases, survives
from tests.reliability.own_files import of_own_files

pytestmark = pytest.mark.tensorflow
SPECIMENS = of_own_files()
EVERY_FILE = pytest.mark.parametrize("kind", SPECIMENS)


@EVERY_FILE
def test_a_whole_file_is_read(kind, tmp_path):
    SPECIMENS[kind].written(tmp_path)
    assert survives(SPECIMENS[kind], tmp_path, SPECIMENS[kind].content)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folders = {kind: tmp_path_factory.mktemp("own") for kind in SPECIMENS}
    for kind, folder in folders.items():
        SPECIMENS[kind].written(folder)
    return folders


@EVERY_FILE
@cases()
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_by_name(kind, data, folders):
    specimen = SPECIMENS[kind]
    survives(specimen, folders[kind], data.draw(specimen.damage))
