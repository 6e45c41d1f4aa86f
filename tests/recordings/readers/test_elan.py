import io

import numpy as np
import pympi
import pytest

from keras_dcat.recordings import read_elan

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="{unit}">{media}</HEADER>
<TIME_ORDER>{slots}</TIME_ORDER>{tiers}</ANNOTATION_DOCUMENT>"""


def eaf(tiers, times, media="", unit="milliseconds"):
    slots = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="s{n}"'
        + (f' TIME_VALUE="{time}"/>' if time is not None else "/>")
        for n, time in enumerate(times)
    )
    text = HEAD.format(unit=unit, media=media, slots=slots, tiers=tiers)
    return io.BytesIO(text.encode())


def aligned(name, first, last, text):
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" '
        f'TIME_SLOT_REF1="s{first}" TIME_SLOT_REF2="s{last}"><ANNOTATION_VALUE>{text}'
        "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def referring(name, parent, text, previous=""):
    previous = f' PREVIOUS_ANNOTATION="{previous}"' if previous else ""
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{name}" '
        f'ANNOTATION_REF="{parent}"{previous}><ANNOTATION_VALUE>{text}'
        "</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )


def tier(name, *annotations):
    return f'<TIER TIER_ID="{name}">{"".join(annotations)}</TIER>'


def rows(found):
    return np.column_stack([found.starts, found.ends, found.labels]).tolist()


def test_a_tier_is_read_as_pympi_writes_it(tmp_path):
    written = pympi.Elan.Eaf()
    written.add_tier("activity")
    for begin, end, text in [(0, 2500, "sit"), (2500, 4000, "walk"), (5000, 6000, "")]:
        written.add_annotation("activity", begin, end, text)
    written.to_file(tmp_path / "a.eaf")
    found = read_elan(tmp_path / "a.eaf", "activity", ignore=[""], start=10.0)
    assert rows(found) == [[10.0, 12.5, 0.0], [12.5, 14.0, 1.0]]
    assert found.class_names == ("sit", "walk")


def test_annotations_of_another_have_its_time_or_share_it_in_their_order():
    words = tier("word", aligned("a", 0, 1, "hello"), aligned("b", 2, 3, "you"))
    kinds = tier("kind", referring("k", "a", "greeting"), referring("l", "c", "odd"))
    parts = tier(
        "part", referring("d", "b", "u", previous="c"), referring("c", "b", "y")
    )
    file = eaf(words + kinds + parts, [0, 1000, 2000, 3000])
    assert rows(read_elan(file, "part")) == [[2.0, 2.5, 1.0], [2.5, 3.0, 0.0]]
    file.seek(0)
    found = read_elan(file, "kind", class_names=["greeting", "odd"])
    assert rows(found) == [[0.0, 1.0, 0.0], [2.0, 2.5, 1.0]]


def test_slots_without_a_time_stand_evenly_between_those_with_one():
    parts = [aligned(f"a{n}", n, n + 1, f"c{n}") for n in range(3)]
    found = read_elan(eaf(tier("part", *parts), [1000, None, None, 4000]), "part")
    assert rows(found) == [[1.0, 2.0, 0.0], [2.0, 3.0, 1.0], [3.0, 4.0, 2.0]]


def test_labels_are_on_the_clock_of_the_video_that_was_moved():
    media = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///a.mp4" TIME_ORIGIN="1500"/>'
    words = tier("word", aligned("a", 0, 1, "hello"))
    file = eaf(words, [0, 1000], media)
    assert rows(read_elan(file, "word")) == [[1.5, 2.5, 0.0]]
    both = eaf(words, [0, 1000], media + '<MEDIA_DESCRIPTOR MEDIA_URL="b.wav"/>')
    with pytest.raises(ValueError, match=r"a\.mp4' moved by 1\.5 s.*media='….mp4'"):
        read_elan(both, "word")
    for name, begin in (("a.mp4", 1.5), ("b.wav", 0.0)):
        both.seek(0)
        assert read_elan(both, "word", media=name).starts.tolist() == [begin]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (eaf(tier("a"), []), r"'word', not in.*'a'"),
        (eaf(tier("word"), [], unit="PAL-frames"), r"'PAL-frames'.*save it"),
        (io.BytesIO(b"<a/>"), r"its root is 'a'"),
        (io.BytesIO(b""), r"no XML"),
        (io.BytesIO(b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'), r"a document type"),
        (eaf(tier("word", referring("a", "a", "x")), []), r"refers to itself"),
        (eaf(tier("word", aligned("a", 0, 1, "x")), [0, None]), r"KeyError 's1'"),
        (
            eaf(
                tier("word", aligned("a", 0, 1, ""), aligned("b", 1, 0, "")), [0, None]
            ),
            r"'a' from|none at|go round|no text",
        ),
    ],
)
def test_what_is_no_such_file_or_has_no_such_tier_is_refused(file, message):
    file.seek(0)
    with pytest.raises(ValueError, match=message):
        read_elan(file, "word")
