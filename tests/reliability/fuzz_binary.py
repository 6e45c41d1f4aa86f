"""Fuzzing that follows which lines of this package a file reaches; run by hand.

    pip install atheris
    python -m tests.reliability.fuzz_binary              # names of the formats
    python -m tests.reliability.fuzz_binary npz -max_total_time=300

Other options are libFuzzer's. It ends with an error at the first file that is neither
read nor refused as is documented, and leaves that file in the working folder.
"""

import pathlib
import sys
import tempfile
import warnings


def main(name=None, *options):
    """Fuzzes one format, or says which there are."""
    import atheris  # by hand: no other test needs it

    with atheris.instrument_imports(include=["keras_dcat"]):
        from tests.reliability.corruption import survives
        from tests.reliability.every_file import every_file

    specimens = every_file()
    if name not in specimens:
        sys.exit("\n".join(specimens))
    specimen, folder = specimens[name], pathlib.Path(tempfile.mkdtemp())
    specimen.written(folder / "files")
    (folder / "seeds").mkdir()
    (folder / "seeds" / "whole").write_bytes(specimen.content)
    warnings.simplefilter("error")
    limits = ["-timeout=20", "-rss_limit_mb=0", f"-max_len={4 * len(specimen.content)}"]
    atheris.Setup(
        [sys.argv[0], *limits, *options, str(folder / "seeds")],
        lambda content: survives(specimen, folder / "files", content),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
