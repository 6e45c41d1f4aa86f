"""What the site has beside this folder, and how its links find it."""

import importlib
import inspect
import os
import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]
# Pages that lie where a reader of the code looks for them.
ELSEWHERE = {
    "benchmarks/README.md": "benchmarks.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
LINK = re.compile(r"\[([^][]+)\]\((?!https?:)([^)#\s]+)(#[^)]*)?\)")
NAME = re.compile(r"(?<!\[)`(keras_dcat\.[\w.]+)`")

# Guides run in processes of their own: TensorFlow's start is not what they show.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def on_files(files, config):
    """Brings those pages in, one for each module, and one of the experiment file."""
    pages = {page: (ROOT / path).read_text() for path, page in ELSEWHERE.items()}
    modules = {}
    for name in NAME.findall((ROOT / "docs" / "reference.md").read_text()):
        modules.setdefault(name.rpartition(".")[0], []).append(name)
    for module, names in modules.items():
        pages[f"reference/{module}.md"] = "\n".join(
            [
                f"# {module}",
                importlib.import_module(module).__doc__,
                *(f"\n::: {own}" for own in filter(None, map(defined_as, names))),
                "\nBack to [every public name](../reference.md).",
            ]
        )
    pages["experiment_file.md"] = experiment_file()
    for page, content in pages.items():
        files.append(File.generated(config, page, content=content))
    return files


def experiment_file():
    """What `keras-dcat keys` prints, with a heading for each part."""
    lines = [
        "# The experiment file",
        "Every key, as `keras-dcat keys` prints it; NAME is your name of a stream. "
        "[The command line](command_line.md) explains the file as a whole.",
    ]
    part = None
    keys = importlib.import_module("keras_dcat.cli.keys")
    for block in re.split(r"\n(?=\S)", keys.keys_page()):
        head, _, words = re.sub(r"\n  (?=\S)", " ", block).partition("\n")
        key, _, kind = head.partition(": ")
        key, _, form = key.partition(" (")
        if key.partition(".")[0] != part:
            part = key.partition(".")[0]
            lines.append(f"\n## `{part}`\n")
        form = f" ({form}" if form else ""
        words = " ".join(words.split())
        lines.append(f"- **`{key}`**{form}: {kind}. {words[:1].upper()}{words[1:]}")
    return "\n".join(lines)


def on_page_markdown(markdown, page, config, files):
    """Turns links of the repository into links of the site, and names into links."""
    lies = {page: path for path, page in ELSEWHERE.items()}
    here = pathlib.Path(page.file.src_uri)
    folder = pathlib.Path(lies.get(page.file.src_uri, f"docs/{here}")).parent

    def to_page(match):
        text, target, anchor = match.groups()
        path = os.path.normpath(folder / target)
        found = ELSEWHERE.get(path, path.removeprefix("docs/"))
        if files.get_file_from_path(found) is None:
            return text  # code, which is no page
        return f"[{text}]({os.path.relpath(found, here.parent)}{anchor or ''})"

    def to_entry(match):
        own = defined_as(match[1])
        return f"[`{match[1]}`][{own}]" if own else match[0]

    return NAME.sub(to_entry, LINK.sub(to_page, markdown))


def defined_as(name):
    """Where a public name is defined, by which its entry is known; or `None`."""
    module, _, attribute = name.rpartition(".")
    try:
        value = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return None
    if inspect.isclass(value) or inspect.isfunction(value):
        return f"{value.__module__}.{value.__qualname__}"
    return None if inspect.ismodule(value) else name
