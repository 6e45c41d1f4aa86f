import pathlib

import pytest

from keras_dcat.diagnosis.monitor_log import MonitorLog


def test_a_row_is_there_before_the_file_is_closed(tmp_path):
    log = MonitorLog(tmp_path / "new", ["epoch", "alignment"], tensorboard=False)
    log.write(3, {"alignment": 0.5})
    text = (tmp_path / "new" / "transfer.csv").read_text()
    assert text.splitlines() == ["epoch,alignment", "3,0.5"]
    log.close()


def test_what_is_missing_is_named_before_a_file_is_made(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard.summary", None)
    with pytest.raises(ImportError, match=r"keras_dcat\[tensorboard\]"):
        MonitorLog(pathlib.Path(tmp_path) / "new", ["epoch"], tensorboard=True)
    assert not list(tmp_path.iterdir())
