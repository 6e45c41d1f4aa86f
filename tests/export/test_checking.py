import numpy as np
import pytest

from keras_dcat.export import Description, checking

CLASSES = ("sit", "walk")


def described(task):
    return Description(CLASSES, "imu", 50.0, 2.0, 1.0, (100, 3), task)


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


def checked(
    monkeypatch,
    tmp_path,
    results,
    expected,
    labels=None,
    task="multiclass",
    **options,
):
    monkeypatch.setattr(checking, "_run", lambda name, path, windows: results)
    path = tmp_path / "target.tflite"
    path.write_bytes(bytes(500))
    given = {"name": "litert", "variables": ["a"], "is_exact": True, **options}
    return checking.check(
        path,
        windows=np.zeros((len(expected), 3)),
        expected=np.array(expected),
        labels=labels,
        description=described(task),
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
    with pytest.raises(RuntimeError, match="Calibrate with windows of more"):
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
    with pytest.raises(RuntimeError) as caught:
        checking._run("litert", path, np.zeros((2, 3), "float32"))
    told = str(caught.value)
    assert "Received: an error in running it: ValueError: " in told
    assert told.endswith(
        "Give recurrent layers unroll=True, or export formats=['onnx']; "
        "nothing has been left on disk."
    )
    assert "Traceback" not in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os; os.kill(os.getpid(), 11)", r"a crash \(signal 11\) in running it"),
        ("import time; time.sleep(60)", "no answer within 1 s"),
    ],
)
def test_a_process_that_does_not_end_by_itself_is_an_error_of_ours(
    monkeypatch, tmp_path, program, message
):
    runner = tmp_path / "runner.py"
    runner.write_text(program)
    monkeypatch.setattr(checking.runner, "__file__", str(runner))
    monkeypatch.setattr(checking, "TIMEOUT", 1 if "sleep" in program else 60)
    with pytest.raises(RuntimeError, match=f"{message}. Export another format"):
        checking._run("onnx", tmp_path / "target.onnx", np.zeros((2, 3), "float32"))


def test_the_last_words_are_what_went_wrong():
    told = "GRUCell.call().\n\n\x1b[1mType float16.\x1b[0m\n\nArguments received by GRU"
    assert checking.last_words(told) == "Type float16"
    assert checking.last_words("x" * 500) == "…" + "x" * 200
    assert checking.last_words(" \n") == ""


def test_one_sigmoid_unit_says_yes_above_a_half(monkeypatch, tmp_path):
    expected = [[0.1]] * 3 + [[0.9]] * 3
    given = {"task": "binary"}
    near = found([[0.4]] * 3 + [[0.6]] * 3, labels=np.repeat(CLASSES, 3))
    result = checked(monkeypatch, tmp_path, near, expected, **given)
    assert (result.agreement, result.macro_f1) == (1, 1)
    assert result.largest_difference == pytest.approx(0.3)
    other = found([[0.6]] + expected[1:])
    with pytest.raises(RuntimeError, match="other labels.*83.3% agree"):
        checked(monkeypatch, tmp_path, other, expected, **given)


def test_each_of_several_labels_counts_by_itself(monkeypatch, tmp_path):
    expected = np.array([[0.9, 0.9], [0.1, 0.9], [0.1, 0.1], [0.9, 0.1]])
    labels = np.array([[1, 1], [1, 1], [0, -1], [1, 0]])
    given = {"task": "multilabel", "is_exact": False}
    wrong = expected.copy()
    wrong[3, 0] = 0.6  # still above a half
    result = checked(monkeypatch, tmp_path, found(wrong), expected, labels, **given)
    assert result.agreement == 1
    # F1 of "sit" is 2·2 / (2·2 + 1), of "walk" 1.
    assert result.macro_f1 == pytest.approx((0.8 + 1) / 2)
    wrong[3, 0] = 0.4  # which leaves 2·1 / (2·1 + 2)
    with pytest.raises(RuntimeError, match="macro F1 of 0.750.*model has 0.900"):
        checked(monkeypatch, tmp_path, found(wrong), expected, labels, **given)
