import re
from xml.etree import ElementTree

import pytest

from keras_dcat.evaluation.drawing import INK, Drawing, one_line

matplotlib = pytest.importorskip("matplotlib")


def drawn(title="a line", name="x"):
    with Drawing(title, height=2.0) as drawing:
        drawing.axes.plot([0, 1], [0, 1], "o-", color=INK)
        drawing.axes.set_xlabel(name)
    return drawing.svg


def texts(svg):
    tags = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(tag.itertext()) for tag in tags]


def test_a_picture_is_one_element_that_scales():
    root = ElementTree.fromstring(drawn())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["aria-label"] == "a line"
    assert root.attrib["viewBox"].endswith(" 144")
    assert not {"width", "height"} & set(root.attrib)


def test_it_takes_the_colour_of_its_page():
    svg = drawn()
    assert "stroke: currentColor" in svg
    assert INK not in svg


@pytest.mark.parametrize("name", ["<script>alert()</script>", "a & b", "$x^2$", "手"])
def test_names_are_text_and_nothing_else(name):
    svg = drawn(f'about "{name}"', name)
    assert name in texts(svg)
    assert "<script" not in svg
    assert ElementTree.fromstring(svg).attrib["aria-label"] == f'about "{name}"'


def test_what_two_pictures_refer_to_within_themselves_has_two_names():
    ids = [set(re.findall(r'\bid="([^"]*)"', drawn(title))) for title in ("a", "b")]
    assert ids[0]
    assert not ids[0] & ids[1]
    used = set(re.findall(r'(?:url\(|href=")#([^)"]*)', drawn("a")))
    assert used == ids[0]


def test_settings_of_the_reader_change_nothing_and_are_left_alone():
    before = drawn()
    with matplotlib.rc_context({"lines.markersize": 30, "axes.grid": True}):
        assert drawn() == before
        assert matplotlib.rcParams["lines.markersize"] == 30


def test_an_error_within_is_raised_and_settings_are_put_back():
    before = dict(matplotlib.rcParams)
    with pytest.raises(RuntimeError, match="within"), Drawing("a", height=2.0):
        raise RuntimeError("within")
    assert dict(matplotlib.rcParams) == before


def test_names_are_cut_where_there_is_no_more_room():
    assert one_line("a" * 28) == "a" * 28
    assert one_line("a" * 29) == "a" * 27 + "…"
    assert one_line(" a\n b\t c ") == "a b c"
