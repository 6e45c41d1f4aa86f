import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reliability.corruption import cases, survives
from tests.reliability.specimens import of_recordings

SPECIMENS = of_recordings()
EVERY_FORMAT = pytest.mark.parametrize("kind", SPECIMENS)


@EVERY_FORMAT
def test_a_whole_file_is_read(kind, tmp_path):
    assert survives(SPECIMENS[kind], tmp_path, SPECIMENS[kind].content)


@EVERY_FORMAT
@cases()
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_by_name(kind, data, tmp_path_factory):
    specimen, folder = SPECIMENS[kind], tmp_path_factory.getbasetemp()
    survives(specimen, folder, data.draw(specimen.damage))
