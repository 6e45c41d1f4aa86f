import pytest

from keras_dcat.recordings.readers import markup


def test_elements_texts_and_letters_come_as_they_are_written():
    text = '<?xml version="1.0" encoding="UTF-8"?><a k="1"><b>grün &amp; <c/></b></a>'
    root = markup.parsed(text.encode())
    assert (root.tag, root.get("k"), root.findtext("b")) == ("a", "1", "grün & ")


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY b "bbbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        '<!DOCTYPE a SYSTEM "http://localhost/a.dtd"><a/>',
    ],
)
def test_a_document_type_is_refused_before_its_entities_are_used(document):
    with pytest.raises(ValueError, match="a document type"):
        markup.parsed(document.encode())


@pytest.mark.parametrize("document", [b"", b"<a>", b"<a></b>", b"\xff\xfe\x00"])
def test_what_is_no_xml_is_refused(document):
    with pytest.raises(ValueError, match="no XML"):
        markup.parsed(document)


def test_a_name_is_known_without_its_namespace():
    root = markup.parsed(b'<x:a xmlns:x="y"/>')
    assert markup.local_name(root.tag) == markup.local_name("{y}a") == "a"
