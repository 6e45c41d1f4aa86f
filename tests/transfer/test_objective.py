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
from keras_dcat.transfer.head import Head
from keras_dcat.transfer.objective import Objective, Term
from keras_dcat.transfer.transfer_metrics import TransferMetrics


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
    objective = Objective(
        {name: Term(*term, gates.get(gate)) for name, term in losses.items()},
        combination.get(combined),
        Head("multiclass", 2),
        len(pair.sources),
    )
    told = objective.told(pair)
    masks = objective.masks(told, labels)
    values = objective.losses(pair, told, masks, labels, sample_weight)
    shown = objective.shown(pair, told, masks, values, labels)
    total = objective.weighted(values)
    return float(total), {k: (float(v), float(n)) for k, (v, n) in shown.items()}


NOTHING = {"a_loss": (Difference(), 0.0)}


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
    _, shown = terms([0, 1, -1], NOTHING)
    assert shown["source_accuracy"] == (0.5, 2.0)
    assert shown["labelled_share"] == (pytest.approx(2 / 3), 3.0)
    assert shown["unmasked_share"][0] == pytest.approx(1 / 3)
    _, shown = terms([-1, -1, -1], NOTHING)
    assert shown["source_accuracy"] == (0.0, 0.0)
    assert shown["labelled_share"] == (0.0, 3.0)
    _, shown = terms([0, 1, 1], NOTHING, transfer_mask=(1.0, 0.0, 1.0))
    assert shown["source_accuracy"] == (1.0, 2.0)


@pytest.mark.parametrize(("label", "right"), [(0, 1.0), (1, 0.0)])
def test_a_single_label_judges_the_source_alone(label, right):
    _, shown = terms([label, -1, -1], {"a_loss": (Difference(), 1.0)})
    assert shown["source_accuracy"] == (right, 1.0)
    mean = TransferMetrics([], ["source_accuracy"], None)
    mean.add(shown)
    assert float(mean.result()["source_accuracy"]) == right


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
    _, shown = terms([0, 0, 1], NOTHING, transfer_mask=np.ones((2, 3)), **options)
    each = np.array([0.9, 0.8, 0.7])
    together = each**2 / (each**2 + (1 - each) ** 2)
    assert shown["unmasked_share"][0] == pytest.approx(together.mean())


def test_each_of_several_sources_is_judged_by_itself():
    # Classes 0, 0 and 1 are believed; the second is not where it would be right.
    transfer_mask = [(1, 1, 1), (1, 0, 1)]
    _, shown = terms([1, 0, -1], NOTHING, transfer_mask=transfer_mask)
    assert shown["source_accuracy_0"] == (0.5, 2.0)
    assert shown["source_accuracy_1"] == (0.0, 1.0)
    assert shown["source_accuracy"] == (pytest.approx(1 / 3), 1.5)


@pytest.mark.parametrize("num_sources", [1, 2])
def test_the_means_of_an_epoch_have_the_names_of_a_history(num_sources):
    each = [f"source_accuracy_{number}" for number in range(num_sources)]
    accuracies = ["source_accuracy", *(each if num_sources > 1 else [])]
    shares = ["labelled_share", "unmasked_share"]
    objective = Objective(
        {"a_loss": Term(Difference(), 1.0, gates.get("all"))},
        combination.get("mean"),
        Head("multiclass", 2),
        num_sources,
    )
    names, judged = objective.names(num_sources)
    assert names == ["classification_loss", "a_loss", *shares]
    assert judged == accuracies
    means = TransferMetrics(names, judged, None).result()
    assert list(means) == [*names, *judged]


def test_what_a_training_shows_has_all_the_names_of_its_history():
    for transfer_mask in (np.ones(3), np.ones((2, 3))):
        _, shown = terms([0, 1, -1], NOTHING, transfer_mask=transfer_mask)
        count = len(np.reshape(transfer_mask, (-1, 3)))
        objective = Objective(
            {"a_loss": Term(Difference(), 1.0, gates.get("all"))},
            combination.get("mean"),
            Head("multiclass", 2),
            count,
        )
        names, judged = objective.names(count)
        assert {"classification_loss", *shown} == {*names, *judged}


def test_each_loss_has_the_gate_of_its_own(rng):
    def masked(*gates_of):
        losses = {
            name: Term(Difference(), 1.0, gates.get(gate))
            for name, gate in zip("ab", gates_of, strict=True)
        }
        objective = Objective(losses, combination.get("mean"), Head("multiclass", 2), 1)
        pair = outputs((1.0, 1.0, 1.0), 1)
        labels = ops.convert_to_tensor(np.array([0, 1, -1], "int32"))
        told = objective.told(pair)
        masks = objective.masks(told, labels)
        values = objective.losses(pair, told, masks, labels, None)
        shown = objective.shown(pair, told, masks, values, labels)
        share = float(shown["unmasked_share"][0])
        return [float(value) for value in values.values()], share

    assert masked("all", "correct") == (
        [3.0, pytest.approx(1 / 3)],
        pytest.approx(1 / 3),
    )
    assert masked("all", "all") == ([3.0, 3.0], 1.0)


def test_a_window_that_one_source_lacks_is_taught_by_the_other():
    losses = {"a_loss": (Difference(), 1.0)}
    total, shown = terms([0, 0, 1], losses, transfer_mask=[(0, 1, 0), (1, 1, 0)])
    assert total == pytest.approx((1 + 2) / 3)
    assert shown["unmasked_share"] == (pytest.approx(2 / 3), 3.0)
