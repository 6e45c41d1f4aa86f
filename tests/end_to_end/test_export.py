"""The target leaves alone: a SavedModel for a process without this package."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import keras_dcat
from tests.models import pair_of_branches, windows

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:The source should be trained"),
]

READER = """
    import sys

    import numpy as np
    import tensorflow as tf

    folder, inputs, outputs, names = sys.argv[1:]
    loaded = tf.saved_model.load(folder)
    np.save(outputs, loaded.serve(np.load(inputs)).numpy())
    with open(names, "w") as file:
        file.write("\\n".join(v.name.removesuffix(":0") for v in loaded.variables))
    assert "keras_dcat" not in sys.modules
"""


def test_the_export_is_the_target_alone_and_equal_to_keras(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.fit(pair, labels, verbose=0)
    model.export(tmp_path / "target", verbose=False)
    np.save(tmp_path / "inputs.npy", pair[1])
    (tmp_path / "reader.py").write_text(textwrap.dedent(READER))
    paths = ["target", "inputs.npy", "outputs.npy", "names.txt"]
    subprocess.run(
        [sys.executable, "reader.py", *paths], cwd=tmp_path, check=True, timeout=120
    )
    np.testing.assert_array_equal(
        np.load(tmp_path / "outputs.npy"), model.target(pair[1]).numpy()
    )
    names = (tmp_path / "names.txt").read_text().split()
    assert len(names) == len(model.target.variables)
    assert sorted(names) == sorted(v.path for v in model.target.variables)
