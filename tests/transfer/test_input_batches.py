"""Batches of every loader, at first without a model, are what they were."""

import numpy as np
import pytest

from keras_dcat.transfer.input_batches import with_each_batch


class Numbers:
    """Ten numbers, by index."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return np.float32(index)


def doubled(batch):
    return (batch * 2,)


def read(batches):
    return [np.asarray(x).tolist() for (x,) in batches]


def test_what_does_not_come_in_batches_is_left_alone():
    assert with_each_batch(np.zeros(3), doubled) is None
    assert with_each_batch([1, 2], doubled) is None


def test_a_loader_of_torch_keeps_its_length_and_its_shuffling():
    torch = pytest.importorskip("torch")

    def loader():
        return torch.utils.data.DataLoader(Numbers(), batch_size=4, shuffle=True)

    torch.manual_seed(3)
    own = loader()
    expected = [[(2 * x).tolist() for x in own] for _ in range(2)]
    torch.manual_seed(3)
    mapped = with_each_batch(loader(), doubled)
    assert len(mapped) == len(mapped.dataset) == 3
    assert [read(mapped), read(mapped)] == expected
    assert expected[0] != expected[1]


def test_a_loader_of_torch_without_length_is_read_lazily():
    torch = pytest.importorskip("torch")

    class Endless(torch.utils.data.IterableDataset):
        def __iter__(self):
            while True:
                yield 1.0

    mapped = with_each_batch(torch.utils.data.DataLoader(Endless(), 2), doubled)
    assert next(iter(mapped))[0].tolist() == [2, 2]
    with pytest.raises(TypeError):
        len(mapped)


def test_tuples_of_torch_stay_tuples():
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(Numbers(), batch_size=4)
    batch = next(iter(with_each_batch(loader, lambda x: ((x, x), np.zeros(4)))))
    assert isinstance(batch, tuple)
    assert isinstance(batch[0], tuple)
    assert isinstance(batch[1], torch.Tensor)


def map_dataset(grain, repeats=1):
    return grain.MapDataset.source(Numbers()).shuffle(seed=1).repeat(repeats).batch(4)


def iter_dataset(grain, repeats=1):
    return map_dataset(grain, repeats).to_iter_dataset()


def data_loader(grain, repeats=1):
    sampler = grain.samplers.IndexSampler(10, shuffle=True, seed=1, num_epochs=repeats)
    batch = grain.transforms.Batch(4)
    return grain.DataLoader(data_source=Numbers(), sampler=sampler, operations=[batch])


GRAIN = {"MapDataset": map_dataset, "IterDataset": iter_dataset, "Loader": data_loader}


@pytest.mark.parametrize("kind", GRAIN)
def test_grain_gives_the_same_batches_in_every_pass(kind):
    grain = pytest.importorskip("grain")
    data = GRAIN[kind](grain)
    expected = [(2 * batch).tolist() for batch in data]
    mapped = with_each_batch(data, doubled)
    assert read(mapped) == read(mapped) == expected
    assert len(expected) == 3


@pytest.mark.parametrize("kind", GRAIN)
def test_a_state_of_grain_goes_on_where_it_was(kind):
    grain = pytest.importorskip("grain")
    mapped = with_each_batch(GRAIN[kind](grain), doubled)
    if kind == "MapDataset":
        mapped = mapped.to_iter_dataset()
    first, second = iter(mapped), iter(mapped)
    next(first)
    second.set_state(first.get_state())
    assert read(second) == read(first)
