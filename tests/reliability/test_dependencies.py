"""The oldest versions that setup.cfg allows are those in which known holes are shut."""

import configparser
import pathlib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

SETUP = pathlib.Path(__file__).parents[2] / "setup.cfg"
# First versions without what was published by the day that a floor was last looked at.
SAFE = {
    # Files that load code, or other files, in safe mode: the last of a dozen.
    "keras": "3.15.1",
    # A request smuggled through a WebSocket's upgrade: CVE-2026-69243; 3.14.3 is whole.
    "aiohttp": "3.14.3",
    # External data that lead out of their folder: CVE-2026-27489, CVE-2026-34445.
    "onnx": "1.21.0",
    # Its sandbox, and attributes made of names: CVE-2025-27516, CVE-2024-34064.
    "jinja2": "3.1.6",
    # `click.edit`, which we do not call: CVE-2026-7246.
    "click": "8.3.3",
    # The reader of Arrow files, which we do not call: CVE-2026-25087.
    "pyarrow": "23.0.1",
    # FFmpeg 8.1 in the wheels: CVE-2026-40962.
    "av": "17.1.0",
}


def floors():
    """The oldest version that is allowed of each dependency; None for any."""
    config = configparser.ConfigParser()
    config.read(SETUP)
    lists = [config["options"]["install_requires"]]
    lists += config["options.extras_require"].values()
    found = {}
    for line in "\n".join(lists).split("\n"):
        if line.strip():
            requirement = Requirement(line)
            versions = [
                Version(each.version)
                for each in requirement.specifier
                if each.operator in (">=", "==")
            ]
            found[requirement.name.lower()] = max(versions, default=None)
    return found


@pytest.mark.parametrize("name", SAFE)
def test_no_version_with_a_known_hole_is_allowed(name):
    assert floors()[name] >= Version(SAFE[name])


def test_every_dependency_has_a_floor():
    assert {name for name, floor in floors().items() if floor is None} == {"keras_dcat"}
