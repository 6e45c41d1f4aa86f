import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer import (
    PairOutputs,
    SourceOutputs,
    TransferLoss,
    combination,
)
from keras_dcat.transfer.gating import gates
from keras_dcat.transfer.objective import MeanOfSome, transfer_metrics, transfer_terms


class Difference(TransferLoss):
    """How far apart the projections are, times what may teach."""

    reads = "projections"

    def call(self, y_true, y_pred):
        return y_pred - y_true


def outputs(transfer_mask, layers):
    source_logits = np.log([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]).astype("float32")
    numbers = (np.array([1.0, 2.0, 6.0], "float32"), np.zeros(3, "float32"))
    logits, source, target = map(ops.convert_to_tensor, (source_logits, *numbers[::-1]))
    # One layer, and another one in which source and target are equal.
    projections = ((source, target), (source, source))[:layers]
    sources = [
        SourceOutputs(logits, projections, ops.convert_to_tensor(shares))
        for shares in np.reshape(transfer_mask, (-1, 3)).astype("float32")
    ]
    return PairOutputs(logits, tuple(sources))


def terms(
    labels,
    losses,
    sample_weight=None,
    transfer_mask=(1.0, 1.0, 1.0),
    layers=1,
    gate="correct",
    combined="mean",
):
    labels = ops.convert_to_tensor(np.array(labels, "int32"))
    pair = outputs(transfer_mask, layers)
    total, shown = transfer_terms(
        pair,
        labels,
        sample_weight,
        gates.get(gate),
        combination.get(combined),
        losses,
        True,
    )
    return float(total), {k: (float(v), float(n)) for k, (v, n) in shown.items()}


def test_losses_are_weighed_and_shown_one_by_one():
    losses = {
        "a_loss": (Difference(), 2.0),
        "b_loss": (Difference(reduction="sum"), 0.5),
    }
    total, shown = terms([0, 0, 0], losses)  # the third is wrong
    assert shown["a_loss"] == (1.0, 3.0)
    assert shown["b_loss"] == (3.0, 3.0)
    assert total == pytest.approx(2 * 1.0 + 0.5 * 3.0)
    assert shown["unmasked_share"] == (pytest.approx(2 / 3), 3.0)


def test_weights_and_shares_multiply_the_gate():
    losses = {"a_loss": (Difference(reduction="sum"), 1.0)}
    weight = np.array([[2.0], [3.0], [5.0]])
    total, shown = terms([0, 0, 1], losses, weight, transfer_mask=(0.5, 1.0, 0.0))
    assert total == pytest.approx(0.5 * 2 * 1 + 1 * 3 * 2 + 0)
    assert shown["unmasked_share"][0] == pytest.approx(0.5)


def test_the_source_is_judged_where_there_are_labels():
    _, shown = terms([0, 1, -1], {})
    assert shown["source_accuracy"] == (0.5, 2.0)
    assert shown["labelled_share"] == (pytest.approx(2 / 3), 3.0)
    assert shown["unmasked_share"][0] == pytest.approx(1 / 3)
    _, shown = terms([-1, -1, -1], {})
    assert shown["source_accuracy"] == (0.0, 0.0)
    assert shown["labelled_share"] == (0.0, 3.0)
    _, shown = terms([0, 1, 1], {}, transfer_mask=(1.0, 0.0, 1.0))
    assert shown["source_accuracy"] == (1.0, 2.0)


@pytest.mark.parametrize(("label", "right"), [(0, 1.0), (1, 0.0)])
def test_a_single_label_judges_the_source_alone(label, right):
    _, shown = terms([label, -1, -1], {"a_loss": (Difference(), 1.0)})
    assert shown["source_accuracy"] == (right, 1.0)
    mean = MeanOfSome()
    mean.update_state(right, sample_weight=1.0)
    assert float(mean.result()) == right


def test_the_values_of_several_layers_are_averaged():
    losses = {"a_loss": (Difference(), 1.0)}
    assert terms([0, 0, 1], losses, layers=1)[0] == pytest.approx(3.0)
    assert terms([0, 0, 1], losses, layers=2)[0] == pytest.approx(1.5)


@pytest.mark.parametrize("combined", combination.COMBINATIONS)
def test_a_source_given_twice_is_as_if_it_were_given_once(combined):
    losses = {"a_loss": (Difference(), 1.0)}
    once = terms([0, 0, 0], losses)
    twice = terms([0, 0, 0], losses, transfer_mask=np.ones((2, 3)), combined=combined)
    total, shown = twice
    assert total == pytest.approx(once[0])
    right = once[1]["source_accuracy"]
    each = {f"source_accuracy_{number}": right for number in range(2)}
    assert shown == {**once[1], **each}


def test_a_gate_sees_what_several_sources_are_taken_to_believe():
    options = {"gate": "soft", "combined": "product"}
    _, shown = terms([0, 0, 1], {}, transfer_mask=np.ones((2, 3)), **options)
    each = np.array([0.9, 0.8, 0.7])
    together = each**2 / (each**2 + (1 - each) ** 2)
    assert shown["unmasked_share"][0] == pytest.approx(together.mean())


def test_each_of_several_sources_is_judged_by_itself():
    # Classes 0, 0 and 1 are believed; the second is not where it would be right.
    transfer_mask = [(1, 1, 1), (1, 0, 1)]
    _, shown = terms([1, 0, -1], {}, transfer_mask=transfer_mask)
    assert shown["source_accuracy_0"] == (0.5, 2.0)
    assert shown["source_accuracy_1"] == (0.0, 1.0)
    assert shown["source_accuracy"] == (pytest.approx(1 / 3), 1.5)


@pytest.mark.parametrize("num_sources", [1, 2])
def test_the_means_of_an_epoch_have_the_names_of_a_history(num_sources):
    each = [f"source_accuracy_{number}" for number in range(num_sources)]
    accuracies = ["source_accuracy", *(each if num_sources > 1 else [])]
    shares = ["labelled_share", "unmasked_share"]
    means = transfer_metrics({"a_loss": Difference()}, num_sources)
    assert list(means) == ["classification_loss", "a_loss", *shares, *accuracies]
    assert [metric.name for metric in means.values()] == list(means)
    assert [n for n, m in means.items() if isinstance(m, MeanOfSome)] == accuracies


def test_an_accuracy_of_nothing_is_not_a_number():
    metric = MeanOfSome()
    metric.update_state(0.0, sample_weight=0.0)
    assert np.isnan(float(metric.result()))
    metric.update_state(0.5, sample_weight=2.0)
    assert float(metric.result()) == 0.5


def test_a_window_that_one_source_lacks_is_taught_by_the_other():
    losses = {"a_loss": (Difference(), 1.0)}
    total, shown = terms([0, 0, 1], losses, transfer_mask=[(0, 1, 0), (1, 1, 0)])
    assert total == pytest.approx((1 + 2) / 3)
    assert shown["unmasked_share"] == (pytest.approx(2 / 3), 3.0)
