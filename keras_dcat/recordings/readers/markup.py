"""XML from strangers, without a document type that could swell or fetch."""

import re
from xml.etree import ElementTree
from xml.parsers import expat


def parsed(content: bytes) -> ElementTree.Element:
    """The root element of an XML document.

    Args:
        content: bytes of the document.

    Returns:
        `xml.etree.ElementTree.Element`.

    Raises:
        ValueError: if it is no XML, or declares a document type: entities of one may
            refer to each other until they fill the memory, or to other files.

    Example:

    >>> parsed(b"<a><b>text</b></a>").find("b").text
    'text'
    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"no XML, {error}") from error
    return builder.close()


def _refuse(*_):
    raise ValueError("a document type, which is not read")


def local_name(tag: str) -> str:
    """The name of an element without its namespace or prefix."""
    return re.split("[}:]", tag)[-1]
