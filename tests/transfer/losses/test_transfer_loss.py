import json

import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat import transfer
from keras_dcat.transfer import TransferLoss
from keras_dcat.transfer.losses.distillation import KerasDistillation
from tests.models import pair_of_branches, windows


@keras.saving.register_keras_serializable(package="tests")
class Apart(TransferLoss):
    """How far the log-probabilities are from each other, entry by entry."""

    reads = "log_probabilities"

    def call(self, source, target):
        return ops.mean(ops.absolute(source - target), axis=-1)


class Unread(Apart):
    reads = "moods"


def test_a_loss_of_ones_own_is_asked_with_what_it_reads(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(
        *pair_of_branches(), transfer_weight=0.5, loss=Apart(name="apart")
    )
    found = model.evaluate(pair, labels, verbose=0, return_dict=True)
    scores = (
        m.predict(x, verbose=0).astype("float64")
        for m, x in zip((model.sources[0], model.target), pair, strict=True)
    )
    source, target = (np.log(np.exp(x) / np.exp(x).sum(1)[:, None]) for x in scores)
    expected = np.abs(source - target).mean()
    assert found["apart_loss"] == pytest.approx(expected, rel=1e-4)


def test_it_survives_the_config_of_a_model():
    loss = Apart(reduction="sum", name="mine", dtype="float64")
    model = keras_dcat.DCATModel(*pair_of_branches(), loss=loss)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    (again,) = keras.saving.deserialize_keras_object(config).transfer_losses
    assert type(again) is Apart
    expected = {"reduction": "sum", "name": "mine", "dtype": "float64"}
    assert again.get_config() == loss.get_config() == expected


NAMES = {
    transfer.MaskedCrossAttentionLoss: "cross_attention",
    transfer.AgreementPseudoLabels: "agreement",
    transfer.FusedPseudoLabels: "fused",
    transfer.AttentionInfoNCE: "info_nce",
    transfer.FeatureInfoNCE: "info_nce",
    transfer.LogitsDistillation: "distillation",
}


@pytest.mark.parametrize("kind", NAMES)
def test_name_reduction_and_dtype_of_every_loss_are_those_asked_for(kind):
    options = {"reduction": "sum", "name": "mine", "dtype": "bfloat16"}
    assert kind(**options).get_config().items() >= options.items()
    usual = {"reduction": "sum_over_batch_size", "name": NAMES[kind]}
    assert kind().get_config().items() >= {**usual, "dtype": "float32"}.items()


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_it_computes_in_float32_unless_told(policy):
    keras.config.set_dtype_policy(policy)
    assert Apart().dtype == "float32"


@pytest.mark.parametrize("loss", [keras.losses.KLDivergence(), Unread()])
def test_what_does_not_say_what_it_reads_is_refused(loss):
    with pytest.raises(ValueError, match=r"must be a transfer loss.*`TransferLoss`"):
        keras_dcat.DCATModel(*pair_of_branches(), loss=loss)


def test_the_loss_of_the_labels_keeps_its_name():
    with pytest.raises(ValueError, match=r"other than 'classification'.*Received"):
        keras_dcat.DCATModel(*pair_of_branches(), loss=Apart(name="classification"))


def test_only_some_tell_classes_and_only_a_contrast_is_contrastive():
    losses = {
        name: value
        for name, value in vars(transfer).items()
        if isinstance(value, type) and issubclass(value, TransferLoss)
    }
    losses["KerasDistillation"] = KerasDistillation
    teaches_classes = {name for name, loss in losses.items() if loss.teaches_classes}
    is_contrastive = {name for name, loss in losses.items() if loss.is_contrastive}
    assert len(losses) == 8
    assert teaches_classes == {"LogitsDistillation", "KerasDistillation"}
    assert is_contrastive == {"FeatureInfoNCE", "AttentionInfoNCE"}
