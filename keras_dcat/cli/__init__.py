"""The command line: a thin layer over the public names."""

from keras_dcat.cli.commands import main

__all__ = ["main"]
