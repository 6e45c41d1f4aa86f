"""Data that come in batches, to each of which a function is applied as it is read."""

import functools
import sys
import types
from typing import Any

import keras


def with_each_batch(data, function):
    """Data of the same kind, whose batches are what a function makes of them.

    Nothing is read before Keras reads it. How many batches there are, in which order
    an epoch has them and which workers read them stays as it was.

    Args:
        data: `keras.utils.PyDataset`, generator, `DataLoader` of torch, `MapDataset`,
            `IterDataset` or `DataLoader` of Grain.
        function: function of a batch. Of a `PyDataset` that reads in other processes,
            one that can be pickled.

    Returns:
        data of the same kind; an `IterDataset` for a `DataLoader` of Grain. `None` for
        data of any other kind.

    Example:

    >>> batches = ([number] for number in range(3))
    >>> list(with_each_batch(batches, tuple))
    [(0,), (1,), (2,)]
    """
    if isinstance(data, keras.utils.PyDataset):
        return _PyDataset(data, function)
    if isinstance(data, types.GeneratorType):
        return (function(batch) for batch in data)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(data, torch.utils.data.DataLoader):
        return _of_torch(torch, data, function)
    grain = sys.modules.get("grain")
    if grain is None:
        return None
    if isinstance(data, grain.DataLoader):
        data = _as_dataset(grain, data)
    if isinstance(data, (grain.MapDataset, grain.IterDataset)):
        return data.map(function)
    return None


class _PyDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches go through a function."""

    def __init__(self, dataset, function):
        super().__init__(
            workers=dataset.workers,
            use_multiprocessing=dataset.use_multiprocessing,
            max_queue_size=dataset.max_queue_size,
        )
        self.dataset = dataset
        self.function = function

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        return self.function(self.dataset[index])

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


def _of_torch(torch: Any, loader, function):
    class Batches(torch.utils.data.IterableDataset):
        def __iter__(self):
            return map(function, loader)

    class CountedBatches(Batches):
        def __len__(self):
            return len(loader)

    try:
        len(loader)
        batches = CountedBatches()
    except TypeError:  # of an `IterableDataset` that does not say how long it is
        batches = Batches()
    return torch.utils.data.DataLoader(
        batches,
        batch_size=None,
        # torch's own function makes lists of tuples.
        collate_fn=functools.partial(keras.tree.map_structure, torch.as_tensor),
        # Of its own: the loader's shuffling draws what it drew before.
        generator=torch.Generator(),
    )


def _as_dataset(grain: Any, loader):
    """A `DataLoader` of Grain as an `IterDataset`, which can be mapped."""

    class Iterator(grain.DatasetIterator):
        def __init__(self):
            super().__init__()
            self._batches = iter(loader)

        def __next__(self):
            return next(self._batches)

        def get_state(self):
            return self._batches.get_state()

        def set_state(self, state):
            self._batches.set_state(state)

    class Dataset(grain.IterDataset):
        def __iter__(self):
            return Iterator()

    return Dataset()
