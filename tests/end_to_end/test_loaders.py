"""Data that other processes and threads read: the same numbers as of arrays."""

import keras
import numpy as np
import pytest

import keras_dcat
from tests.models import pair_of_branches, windows
from tests.rows import Rows

pytestmark = [
    pytest.mark.filterwarnings("ignore:The source should be trained"),
    # Keras's, where an iterable that does not say how long it is comes to its end.
    pytest.mark.filterwarnings("ignore:Your input ran out of data"),
    # JAX's, of the processes that torch forks off; no more than a batch is read there.
    pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning"),
]


@pytest.fixture
def parsed_flags():
    """The flags of Grain, as a program has them that `absl.app` runs."""
    pytest.importorskip("grain")
    from absl import flags

    was_parsed = flags.FLAGS.is_parsed()
    flags.FLAGS.mark_as_parsed()
    yield
    if not was_parsed:
        flags.FLAGS.unparse_flags()


def of_torch(rows, **options):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(rows, batch_size=8, **options)


def with_workers(rows):
    return of_torch(rows, num_workers=2)


def with_lasting_workers(rows):
    return of_torch(rows, num_workers=1, persistent_workers=True)


def grain_loader(rows):
    grain = pytest.importorskip("grain")
    return grain.DataLoader(
        data_source=rows,
        sampler=grain.samplers.IndexSampler(len(rows), num_epochs=1),
        operations=[grain.transforms.Batch(8)],
        worker_count=1,
    )


def grain_threads(rows):
    grain = pytest.importorskip("grain")
    options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
    return grain.MapDataset.source(rows).batch(8).to_iter_dataset(options)


def grain_processes(rows):
    grain = pytest.importorskip("grain")
    options = grain.multiprocessing.MultiprocessingOptions(num_workers=1)
    return grain.MapDataset.source(rows).batch(8).to_iter_dataset().mp_prefetch(options)


KINDS = [
    grain_threads,
    *(
        pytest.param(kind, marks=pytest.mark.slow)
        for kind in (
            with_workers,
            with_lasting_workers,
            grain_loader,
            grain_processes,
        )
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_what_others_read_gives_the_numbers_of_arrays(rng, parsed_flags, kind):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), "normalized")
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    for layer in model.target.layers[:-1]:
        layer.trainable = False  # no statistics of batches either
    data = kind(Rows(pair, labels))
    options = {"batch_size": 8, "verbose": 0}

    def numbers(*given, **options):
        history = model.fit(*given, epochs=2, shuffle=False, verbose=0, **options)
        return history.history["loss"], model.evaluate(*given, verbose=0, **options)

    # After an epoch, λ is 0: the source is no better than a guess.
    model.fit(pair, labels, verbose=0)
    expected = numbers(pair, labels, batch_size=8)
    found = numbers(data)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    predicted = model.predict(pair[1], **options)
    np.testing.assert_allclose(model.predict(data, verbose=0), predicted, rtol=1e-5)


def test_workers_of_grain_without_its_flags_are_refused_with_the_cure(rng):
    pytest.importorskip("grain")
    from absl import flags

    if flags.FLAGS.is_parsed():
        pytest.skip("Another test has parsed them.")
    pair, labels = windows(rng)
    try:
        next(iter(grain_processes(Rows(pair, labels))))
        pytest.skip("Grain asks for no flags, as where JAX is not installed.")
    except flags.Error:
        pass
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(run_eagerly=True)
    for step in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="parsed no flags.*mark_as_parsed"):
            step(grain_processes(Rows(pair, labels)), verbose=0)
