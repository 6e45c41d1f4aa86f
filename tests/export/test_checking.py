import numpy as np
import pytest

from keras_dcat.export import checking

CLASSES = ("sit", "walk")


def found(probabilities, **changes):
    """What a run of an artefact left."""
    return {
        "probabilities": np.array(probabilities),
        "labels": np.array([], str),
        "variables": np.array([], str),
        "modules": np.array(["numpy"]),
        "latency": np.array(0.002),
        **changes,
    }


def checked(monkeypatch, tmp_path, results, expected, labels=None, **options):
    monkeypatch.setattr(checking, "_run", lambda path, windows: results)
    path = tmp_path / "target.tflite"
    path.write_bytes(bytes(500))
    given = {"name": "litert", "variables": ["a"], "is_exact": True, **options}
    return checking.check(
        path,
        windows=np.zeros((len(expected), 3)),
        expected=np.array(expected),
        labels=labels,
        class_names=CLASSES,
        **given,
    )


EXPECTED = [[0.9, 0.1]] * 3 + [[0.2, 0.8]] * 3


def test_a_check_says_how_large_how_quick_and_how_good(monkeypatch, tmp_path):
    probabilities = np.array(EXPECTED)
    probabilities[0] = 0.7, 0.3
    labels = np.array([0, 0, 1, 1, 1, -1])
    result = checked(monkeypatch, tmp_path, found(probabilities), EXPECTED, labels)
    assert result.agreement == 1
    assert result.largest_difference == pytest.approx(0.2)
    assert (result.kilobytes, result.milliseconds) == (0.5, 2.0)
    assert result.macro_f1 == pytest.approx(0.8)  # 2·2 / 5, of both classes
    assert result.macro_f1_drop == 0


def test_without_labels_the_model_is_the_truth(monkeypatch, tmp_path):
    labels = np.full(6, -1)
    result = checked(monkeypatch, tmp_path, found(EXPECTED), EXPECTED, labels)
    assert result.macro_f1 == 1


@pytest.mark.parametrize(
    ("probabilities", "changes", "message"),
    [
        ([[0.1, 0.9]] + EXPECTED[1:], {}, "other labels.*83.3% agree"),
        (EXPECTED[:5], {}, r"shape \(5, 2\)"),
        ([[np.nan, 0.1]] + EXPECTED[1:], {}, "finite: False"),
        (EXPECTED, {"modules": np.array(["keras"])}, r"needs \['keras'\]"),
        (EXPECTED, {"variables": np.array(["a", "b"])}, r"not the target's: \['b'\]"),
        (EXPECTED, {"labels": np.array(["sit"] * 6)}, "labels that are not those"),
    ],
)
def test_what_is_not_the_model_fails(
    monkeypatch, tmp_path, probabilities, changes, message
):
    with pytest.raises(RuntimeError, match=f"litert export must.*{message}"):
        checked(monkeypatch, tmp_path, found(probabilities, **changes), EXPECTED)


def test_a_saved_model_may_need_keras_but_not_this_package(monkeypatch, tmp_path):
    for module, is_fine in (("keras", True), ("keras_dcat", False)):
        results = found(EXPECTED, modules=np.array([module]))
        if is_fine:
            checked(monkeypatch, tmp_path, results, EXPECTED, name="saved_model")
        else:
            with pytest.raises(RuntimeError, match="keras_dcat"):
                checked(monkeypatch, tmp_path, results, EXPECTED, name="saved_model")


def test_quantization_may_cost_a_hundredth_of_f1(monkeypatch, tmp_path):
    wrong = [[0.1, 0.9]] + EXPECTED[1:]
    with pytest.raises(RuntimeError, match="calibrate with windows of more"):
        checked(monkeypatch, tmp_path, found(wrong), EXPECTED, is_exact=False)
    better = np.array([1, 0, 0, 1, 1, 1])  # by chance it is right where the model errs
    result = checked(
        monkeypatch, tmp_path, found(wrong), EXPECTED, better, is_exact=False
    )
    assert result.macro_f1_drop < 0
    assert result.agreement == pytest.approx(5 / 6)


def test_what_cannot_be_read_fails_with_its_own_words(tmp_path):
    path = tmp_path / "target.tflite"
    path.write_text("nothing")
    with pytest.raises(RuntimeError, match=r"(?s)an error: .*Nothing has been"):
        checking._run(path, np.zeros((2, 3), "float32"))
