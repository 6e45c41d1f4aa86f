"""Windows one by one, as loaders ask for them: what their workers import is light."""


class Rows:
    """Pairs of windows and their labels.

    Args:
        pair: tuple of arrays.
        labels: int array.
    """

    def __init__(self, pair, labels):
        self.pair, self.labels = pair, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return tuple(x[index] for x in self.pair), self.labels[index]
