import numpy as np
import pytest

from keras_dcat import AttentionKV, DCATModel, windows
from keras_dcat.real_numbers import is_number, is_positive
from keras_dcat.recordings import Recording, Stream
from keras_dcat.transfer import (
    FusedPseudoLabels,
    LogitsDistillation,
    MaskedCrossAttentionLoss,
    NegativeTransferGuard,
    TransferEarlyStopping,
)
from keras_dcat.transfer.gating.gates import Confident, ErrorBelow
from tests.models import pair_of_branches

NO_NUMBERS = [
    "50",
    None,
    True,
    [50.0],
    1j,
    float("nan"),
    np.array([50.0]),
    np.str_("5"),
]


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int64(3), np.array(4.0)])
def test_one_real_number_is_one_whatever_its_type(value):
    assert is_number(value)
    assert is_positive(value)
    assert not is_positive(-value)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_nothing_else_is_a_number(value):
    assert not is_number(value)


def test_infinity_is_a_number_and_not_a_positive_one():
    assert is_number(np.inf)
    assert not is_positive(np.inf)


def stream(rate=50.0, **options):
    return Stream(np.zeros((100, 2)), rate=rate, **options)


def index(length=1.0, stride=0.5, **options):
    recording = Recording({"a": stream(), "b": stream()}, 0, "p", "s")
    return windows.index_windows([recording], length, stride, **options)


TAKERS = {
    "a rate": (stream, r"`rate` must be a positive number"),
    "a start": (lambda x: stream(start=x), "`start` must be"),
    "a new rate": (lambda x: stream().resampled(x), "to a positive rate"),
    "a length": (index, "`length` must be a positive number"),
    "a stride": (lambda x: index(stride=x), "`stride` must be a positive number"),
    "rates": (lambda x: index(rates={"a": x}), "Rates must be positive"),
    "a gap": (lambda x: index(max_gap=x), "`max_gap` at least 0"),
    "a purity": (lambda x: index(purity=x), "`purity` must be a share"),
    "what is missing": (
        lambda x: index(max_missing=x),
        "`max_missing` must be a share",
    ),
    "a temperature": (
        lambda x: LogitsDistillation(temperature=x),
        "`temperature` must",
    ),
    "a threshold": (lambda x: FusedPseudoLabels(threshold=x), "`threshold` must be"),
    "a gate": (Confident, "`threshold` must be a probability"),
    "an error": (lambda x: ErrorBelow([x]), "`threshold` must be a positive"),
    "a margin": (lambda x: NegativeTransferGuard(margin=x), "`margin` from 0 to 1"),
    "a patience": (lambda x: TransferEarlyStopping(patience=x), "`patience` must be"),
    "a scale": (lambda x: AttentionKV(4, scale=[x]), "`scale` must be a finite"),
}


@pytest.mark.parametrize("value", ["50", None, [50.0], 1j, float("nan")], ids=repr)
@pytest.mark.parametrize("taker", TAKERS)
def test_what_is_no_number_is_refused_by_the_name_of_its_argument(taker, value):
    take, rule = TAKERS[taker]
    if value is None and taker == "a rate":
        rule = "either a `rate` or `timestamps`"
    with pytest.raises(ValueError, match=rf"{rule}(.|\n)*Received: "):
        take(value)


@pytest.mark.parametrize("value", ["1", None, float("inf")], ids=repr)
def test_a_weight_that_is_no_number_is_refused(value):
    loss = [MaskedCrossAttentionLoss()]
    with pytest.raises(ValueError, match=r"`loss_weights` must be a finite.*Received"):
        DCATModel(*pair_of_branches(), loss=loss, loss_weights=[value])
    model = DCATModel(*pair_of_branches())
    with pytest.raises(ValueError, match="`transfer_weight` can be assigned a finite"):
        model.transfer_weight = value
