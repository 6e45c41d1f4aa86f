import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reliability.corruption import cases, survives
from tests.reliability.every_file import every_file

pytestmark = pytest.mark.tensorflow  # shards are read by it
SPECIMENS = every_file()


# Of the watch data, only the file of the known SHA-256 is opened.
@pytest.mark.parametrize("kind", [k for k in SPECIMENS if not k.startswith("watch")])
def test_a_whole_file_is_read(kind, tmp_path):
    SPECIMENS[kind].written(tmp_path)
    assert survives(SPECIMENS[kind], tmp_path, SPECIMENS[kind].content)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folders = {kind: tmp_path_factory.mktemp("files") for kind in SPECIMENS}
    for kind, folder in folders.items():
        SPECIMENS[kind].written(folder)
    return folders


@pytest.mark.parametrize("kind", SPECIMENS)
@cases()
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_by_name(kind, data, folders):
    specimen = SPECIMENS[kind]
    survives(specimen, folders[kind], data.draw(specimen.damage))
