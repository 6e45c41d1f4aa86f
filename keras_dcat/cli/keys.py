"""Every key of the experiment file: as a page to read, and as a schema for editors."""

import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from keras_dcat.cli import experiment
from keras_dcat.cli.recording_formats import FILES, LABELS, Mend
from keras_dcat.cli.sections import Section

_WIDTH = 88
_SECTIONS = [
    each
    for each in vars(experiment).values()
    if inspect.isclass(each) and issubclass(each, Section)
]
# The sections that a `format` chooses among, and which is taken without one.
_FORMATS = ((FILES, "csv"), (LABELS, "table"))
_KINDS = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "mapping",
}


def schema() -> dict[str, Any]:
    """What an experiment file may say, as a JSON schema that editors read.

    Returns:
        dict, with the description of every key as the code has it.
    """
    made = experiment.Experiment.model_json_schema()
    parts = made["$defs"]
    sections = {each.__name__: each for each in (*_SECTIONS, Mend)}
    for formats, usual in _FORMATS:
        for name, section in formats.items():
            sections[section.__name__] = section
            part = parts[section.__name__]
            part["title"] = name
            part["properties"]["format"] = {"const": name}
            if name != usual:
                part.setdefault("required", []).append("format")
    for name, section in sections.items():
        part = made if section is experiment.Experiment else parts.get(name)
        if part is None:
            continue
        part["description"] = _about(section)
        known = _explained(section)
        for key, value in part["properties"].items():
            value.pop("title", None)
            if key in known:
                value["description"] = known[key]
    for part in (made, *parts.values()):
        for value in part.get("properties", {}).values():
            inner = parts.get(value.get("$ref", "").rpartition("/")[2])
            if inner and re.fullmatch(r"`\w+`\.", value.get("description", "")):
                value["description"] = inner["description"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def keys_page(part: str = "") -> str:
    """Every key with what it may be, what it is unless given, and what it says.

    Args:
        part: str. The beginning of the keys that are asked for, such as `data.streams`,
            or the name of a format, such as `edf`; all unless given.

    Returns:
        str.

    Raises:
        ValueError: if there is no such key.
    """
    whole = schema()
    forms: dict[tuple, list[str]] = {}  # of keys that several formats have alike
    for path, form, value, must in _keys(whole, whole, "", ""):
        if part in ("", form) or f"{path}.".startswith(f"{part}."):
            key = path, _described(whole, value, must), value.get("description", "")
            forms.setdefault(key, []).append(form)
    if not forms:
        raise ValueError(
            "A part must be the beginning of a key, or a format of files. "
            f"Received: {part!r}. `keras-dcat keys` shows all."
        )
    blocks = []
    for (path, words, description), own in forms.items():
        of = f" (format: {', '.join(own)})" if any(own) else ""
        blocks += textwrap.wrap(f"{path}{of}: {words}", _WIDTH, subsequent_indent="  ")
        blocks += textwrap.wrap(
            description, _WIDTH, initial_indent="    ", subsequent_indent="    "
        )
    return "\n".join(blocks)


def _described(whole, value, must):
    """What a key may be, and what it is where the file does not say it."""
    usual = value.get("default")
    if must:
        given = "must be there"
    elif usual in (None, []) or isinstance(usual, dict):
        given = "may be left out"
    else:
        given = f"{_shown(usual)} unless given"
    return f"{_words(whole, value)}; {given}"


def _keys(whole, part, path, form) -> Iterator[tuple[str, str, dict, bool]]:
    """Path, format, schema, and whether it must be there, of every key, in order."""
    for name, value in part.get("properties", {}).items():
        if name == "format" and "const" in value:
            continue
        own = f"{path}.{name}" if path else name
        yield own, form, value, name in part.get("required", ())
        for section, inner, at in _sections(whole, value, own):
            yield from _keys(whole, section, at, inner or form)


def _sections(whole, value, path):
    """Sections inside of a value, with their formats and paths."""
    if "$ref" in value:
        section = whole["$defs"][value["$ref"].rsplit("/", 1)[1]]
        chosen = section.get("properties", {}).get("format", {}).get("const", "")
        yield section, chosen, path
    for each in (*value.get("anyOf", ()), *value.get("oneOf", ())):
        yield from _sections(whole, each, path)
    if isinstance(value.get("additionalProperties"), dict):
        yield from _sections(whole, value["additionalProperties"], f"{path}.NAME")


def _words(whole, value) -> str:
    """What a value may be, in words."""
    if "$ref" in value:
        inner = whole["$defs"][value["$ref"].rsplit("/", 1)[1]]
        return _words(whole, inner) if "enum" in inner else "mapping"
    if "const" in value:
        return _shown(value["const"])
    if "enum" in value:
        return "one of " + ", ".join(map(_shown, value["enum"]))
    several = value.get("anyOf") or value.get("oneOf")
    if several:
        words = [_words(whole, each) for each in several if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if value.get("type") == "array":
        items = value.get("items") or {}
        return f"list of {_words(whole, items)}" if items else "list"
    if isinstance(value.get("additionalProperties"), dict):
        return f"mapping of NAME to {_words(whole, value['additionalProperties'])}"
    return _KINDS.get(value.get("type", ""), "anything") + _range(value)


def _range(value):
    """Where a number may lie."""
    words = {
        "exclusiveMinimum": "above {}",
        "minimum": "from {}",
        "exclusiveMaximum": "below {}",
        "maximum": "to {}",
    }
    found = [
        form.format(f"{value[name]:g}") for name, form in words.items() if name in value
    ]
    return " " + " ".join(found) if found else ""


def _shown(value):
    return value if isinstance(value, str) else json.dumps(value)


def _explained(section) -> dict[str, str]:
    """What docstrings say of the keys of a section: its own, and of its function."""
    found: dict[str, str] = {}
    function = getattr(section, "function", None)
    # Of a base without a docstring, `inspect` gives that of what it is derived from.
    documented = [each for each in reversed(section.__mro__) if "__doc__" in vars(each)]
    for each in ([function] if function else []) + documented:
        if each is not object:
            found |= _arguments(inspect.getdoc(each) or "")
    return {name: found[name] for name in section.model_fields if name in found}


def _arguments(docstring) -> dict[str, str]:
    block = re.search(r"^(?:Args|Attributes):\n((?:(?:    .*)?\n?)*)", docstring, re.M)
    found: dict[str, str] = {}
    for name, text in re.findall(
        r"^    (\w+): ((?:.*\n?(?:(?=        ).*\n?)*))",
        block[1] if block else "",
        re.M,
    ):
        found[name] = _without_type(" ".join(text.split()))
    return found


def _without_type(text):
    """The words behind the type of an argument, which the schema says better."""
    kinds = r"(?:str|int|float|bool|path|sequence|list|tuple|dict)"
    return re.sub(rf"^{kinds}\b[^.]*\. ", "", text)


def _about(section):
    """The first line of the docstring of a section, or of what it hands on to."""
    function = getattr(section, "function", None)
    own = vars(section).get("__doc__") or (function and function.__doc__) or ""
    return inspect.cleandoc(own).split("\n")[0]
