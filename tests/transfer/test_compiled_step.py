import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer.compiled_step import ShownNumber, gathered
from tests.models import pair_of_branches, snapshot, windows

pytestmark = [
    pytest.mark.traced,
    pytest.mark.filterwarnings("ignore:The source should be trained"),
]

on_jax = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="JAX compiles this step"
)
# Programs that differ round differently.
ROUNDING = {"rtol": 1e-4, "atol": 1e-5}


def trained(rng_seed=0, count=32, model=keras_dcat.DCATModel, **options):
    keras.utils.set_random_seed(0)
    pair, labels = windows(np.random.default_rng(rng_seed), count)
    found = model(*pair_of_branches())
    found.compile(keras.optimizers.SGD(0.05), **options)
    history = found.fit(pair, labels, batch_size=8, epochs=2, verbose=0)
    return found, history.history


def test_rows_of_windows_are_gathered_however_they_are_nested():
    nested = {"a": np.arange(4), "b": (np.arange(8).reshape(4, 2),)}
    found = gathered(nested, (np.array([2, 0]),))
    assert keras.ops.convert_to_numpy(found["a"]).tolist() == [2, 0]
    assert keras.ops.convert_to_numpy(found["b"][0]).tolist() == [[4, 5], [0, 1]]


def test_a_shown_number_is_read_where_somebody_looks_at_it():
    class Numbers:
        read = 0

        def __array__(self, dtype=None, copy=None):
            self.read += 1
            return np.array([1.5, 2.5], "float32")

    numbers = Numbers()
    shown = ShownNumber(numbers, at=1)
    assert not numbers.read
    assert float(shown) == np.mean(shown) == 2.5
    assert repr(shown) == "2.5"
    assert numbers.read


@on_jax
@pytest.mark.parametrize("count", [32, 44], ids=["whole", "a smaller batch last"])
def test_several_steps_in_one_call_are_those_steps(count):
    one, by_one = trained(count=count)
    several, in_calls = trained(count=count, steps_per_execution=3)
    for found, expected in zip(snapshot(several), snapshot(one), strict=True):
        np.testing.assert_allclose(found, expected, **ROUNDING)
    assert in_calls.keys() == by_one.keys()
    for name, values in by_one.items():
        np.testing.assert_allclose(in_calls[name], values, **ROUNDING)


@on_jax
def test_a_compiled_step_does_what_an_eager_one_does():
    compiled, by_step = trained()
    eager, by_hand = trained(run_eagerly=True)
    for found, expected in zip(snapshot(compiled), snapshot(eager), strict=True):
        np.testing.assert_allclose(found, expected, **ROUNDING)
    assert by_step.keys() == by_hand.keys()


@on_jax
def test_callbacks_see_numbers_and_a_source_that_is_there(rng):
    class Watching(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.seen = logs

    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    before, watching = snapshot(model.sources[0]), Watching()
    model.fit(pair, labels, batch_size=8, verbose=0, callbacks=[watching])
    assert {type(value) for value in watching.seen.values()} == {float}
    for found, expected in zip(snapshot(model.sources[0]), before, strict=True):
        np.testing.assert_array_equal(found, expected)


@on_jax
def test_the_step_of_a_subclass_is_compiled_with_what_it_shows():
    class Counting(keras_dcat.DCATModel):
        def train_step(self, *state_and_batch):
            logs, state = super().train_step(*state_and_batch)
            sizes = [x.shape[0] for x in keras.tree.flatten(state_and_batch[1])]
            return {**logs, "rows": sizes[0], "three": keras.ops.ones(3)}, state

    pair, labels = windows(np.random.default_rng(0))
    model = Counting(*pair_of_branches())
    seen = []
    seeing = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(logs)
    )
    model.fit(pair, labels, batch_size=8, verbose=0, callbacks=[seeing])
    assert float(seen[-1]["rows"]) == 8
    assert np.asarray(seen[-1]["three"]).tolist() == [1, 1, 1]
