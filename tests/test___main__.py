import subprocess
import sys

import pytest

pytest.importorskip("click")


def test_the_module_is_the_command():
    printed = subprocess.run(
        [sys.executable, "-m", "keras_dcat", "--version"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    assert printed.startswith("keras-dcat, version ")
