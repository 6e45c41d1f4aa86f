import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reliability.corruption import cases, survives
from tests.reliability.public_data import of_public_data

SPECIMENS = of_public_data()
EVERY_DOWNLOAD = pytest.mark.parametrize("kind", SPECIMENS)


@pytest.mark.parametrize("kind", [kind for kind in SPECIMENS if "watch" not in kind])
def test_a_whole_download_is_read(kind, tmp_path):
    SPECIMENS[kind].written(tmp_path)
    assert survives(SPECIMENS[kind], tmp_path, SPECIMENS[kind].content)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folders = {kind: tmp_path_factory.mktemp("download") for kind in SPECIMENS}
    for kind, folder in folders.items():
        SPECIMENS[kind].written(folder)
    return folders


@EVERY_DOWNLOAD
@cases()
@given(data=st.data())
def test_a_damaged_download_is_read_or_refused_by_name(kind, data, folders):
    specimen = SPECIMENS[kind]
    survives(specimen, folders[kind], data.draw(specimen.damage))
