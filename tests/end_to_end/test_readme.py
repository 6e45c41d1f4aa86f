"""What the README and the start page show runs as it stands."""

import pathlib
import re

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]


def first_code(page):
    """The first lines of Python that a page shows."""
    return re.search(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.S)[1]


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
def test_the_first_lines_teach_a_target_and_export_it(tmp_path, monkeypatch):
    code = first_code("README.md")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code.replace("epochs=30", "epochs=30, verbose=0"), names)
    right = np.mean((names["predicted"] == names["classes"])[60:])
    alone = names["alone"].predict(names["imu"], verbose=0).argmax(axis=-1)
    assert right > np.mean((alone == names["classes"])[60:]) + 0.1
    assert right > 0.6  # chance: 0.33
    assert (tmp_path / "target_savedmodel" / "saved_model.pb").exists()


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
def test_the_quickstart_gains_by_people_without_labels(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = first_code("docs/index.md")
    exec(code.replace('"epochs": 60', '"epochs": 60, "verbose": 0'), {})
    alone, taught = map(float, re.findall(r"macro F1 (\S+)", capsys.readouterr().out))
    assert taught > alone + 0.05
    assert (tmp_path / "wrist" / "saved_model.pb").exists()
