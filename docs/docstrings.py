"""Examples in docstrings, which are no Markdown, become blocks of code."""

import re

import griffe

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1\S.*)*", re.M)


class FencedExamples(griffe.Extension):
    """For every docstring that the site shows."""

    def on_object(self, *, obj, **kwargs):
        """Puts a fence around each example."""
        if obj.docstring is not None:
            fence = r"\1```pycon\n\g<0>\n\1```"
            obj.docstring.value = EXAMPLE.sub(fence, obj.docstring.value)
