"""From a trained target to labels on a device, through every format but int8."""

import numpy as np
import pytest

from keras_dcat.export import export_target
from keras_dcat.streaming import StreamingClassifier
from tests.export.exports import NAMES, people, transfer

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),
]


def test_an_artefact_says_of_a_stream_what_the_model_says_of_its_windows(tmp_path):
    train, held_out = people()
    model = transfer(train, epochs=2)
    formats = ("saved_model", "litert", "onnx")
    done = export_target(
        model,
        tmp_path / "watch",
        held_out,
        "imu",
        NAMES,
        stride=1.0,
        formats=formats,
        verbose=0,
    )
    windows = held_out.gather("imu").astype("float32")
    stream = windows.reshape(-1, windows.shape[-1])  # one after the other
    expected = model.target.predict(windows, verbose=0)
    for name in formats:
        classifier = StreamingClassifier(done.file(name))
        decisions = [
            decision
            for chunk in np.array_split(stream, 17)
            for decision in classifier.feed(chunk)
        ]
        assert [d.time for d in decisions] == list(range(len(windows)))
        found = np.log([d.probabilities for d in decisions])
        differences = found - expected
        differences -= differences.mean(axis=-1, keepdims=True)
        np.testing.assert_allclose(differences, 0, atol=1e-4)
        assert [d.label for d in decisions] == [
            NAMES[number] for number in expected.argmax(axis=-1)
        ]
