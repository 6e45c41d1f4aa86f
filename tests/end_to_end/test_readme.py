"""What the README shows runs as it stands."""

import pathlib
import re

import numpy as np
import pytest

README = pathlib.Path(__file__).parents[2] / "README.md"


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
def test_the_first_lines_teach_a_target_and_export_it(tmp_path, monkeypatch):
    code = re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.S)[1]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code.replace("epochs=30", "epochs=30, verbose=0"), names)
    right = np.mean((names["predicted"] == names["classes"])[60:])
    alone = names["alone"].predict(names["imu"], verbose=0).argmax(axis=-1)
    assert right > np.mean((alone == names["classes"])[60:]) + 0.1
    assert right > 0.6  # chance: 0.33
    assert (tmp_path / "target_savedmodel" / "saved_model.pb").exists()
