"""Is a loop over the same models written by hand in PyTorch faster than `fit`?"""

import argparse
import json
import math
import statistics

import keras
import torch
import workload
from step_epochs import in_turns, median_ratio, taught
from timing import seconds
from torch import nn
from torch.nn import functional


class Stage(nn.Module):
    """Two convolutions of 7 steps and a shortcut; time is halved."""

    def __init__(self, channels, count, dropout):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv1d(channels, count, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm1d(count),
            nn.ReLU(),
            nn.Dropout1d(dropout),
            nn.Conv1d(count, count, 7, padding=3, bias=False),
            nn.BatchNorm1d(count),
        )
        self.shortcut = nn.Sequential(
            nn.Conv1d(channels, count, 1, stride=2, bias=False), nn.BatchNorm1d(count)
        )

    def forward(self, x):
        return functional.relu(self.branch(x) + self.shortcut(x))


class Encoder(nn.Module):
    """The IMU encoder of the package, size small, from `(batch, steps, channels)`."""

    def __init__(self, channels, dropout=0.2):
        super().__init__()
        filters = (32, 64, 128)
        self.stem = nn.Sequential(
            nn.Conv1d(channels, filters[0], 7, padding=3, bias=False),
            nn.BatchNorm1d(filters[0]),
            nn.ReLU(),
            nn.Dropout1d(dropout),
        )
        sizes = zip((filters[0], *filters), filters, strict=False)
        self.stages = nn.Sequential(*(Stage(*pair, dropout) for pair in sizes))
        self.query, self.key, self.value = (
            nn.Linear(filters[-1], workload.KEY_DIM) for _ in range(3)
        )
        self.mixed = nn.Linear(workload.KEY_DIM, filters[-1])
        self.norm = nn.LayerNorm(filters[-1])
        self.dropout = nn.Dropout(2 * dropout)
        self.classifier = nn.Linear(2 * filters[-1], workload.CLASSES)

    def forward(self, windows):
        tokens = self.stages(self.stem(windows.transpose(1, 2))).transpose(1, 2)
        attended = functional.scaled_dot_product_attention(
            self.query(tokens), self.key(tokens), self.value(tokens)
        )
        x = self.norm(tokens + self.mixed(attended))
        x = self.dropout(torch.cat([x.mean(1), x.amax(1)], dim=-1))
        return self.classifier(x), x


def batch_loss(source, target, labels, mapped):
    """Cross-entropy, and the transfer as `DCATModel` weighs it by default."""
    (believed, seen), (logits, features) = source, target
    similarity = functional.normalize(mapped(features)) @ functional.normalize(seen).T
    similarity = similarity / 0.1
    own = torch.arange(len(labels))
    contrast = functional.cross_entropy(similarity, own)
    contrast = (contrast + functional.cross_entropy(similarity.T, own)) / 2
    agreed = believed.argmax(1) == logits.argmax(1)
    agreement = -(functional.log_softmax(logits, 1).amax(1) * agreed).mean()
    return functional.cross_entropy(logits, labels) + contrast + 0.5 * agreement


def torch_epoch(index):
    """A function that trains one epoch over tensors in memory; its seconds."""
    streams = [torch.from_numpy(index.gather(s)) for s in ("skeleton", "imu")]
    labels = torch.from_numpy(index.labels).long()
    source, target = (Encoder(stream.shape[-1]) for stream in streams)
    for stream, model in zip(("skeleton", "imu"), (source, target), strict=True):
        own = sum(p.numel() for p in model.parameters())
        ours = workload.encoder(index, stream).trainable_weights
        assert own == sum(math.prod(weight.shape) for weight in ours)
    source.eval().requires_grad_(False)
    mapped = nn.Linear(*2 * (source.classifier.in_features,))
    optimizer = torch.optim.Adam([*target.parameters(), *mapped.parameters()])

    def run():
        target.train()
        order = torch.randperm(len(labels)).split(workload.BATCH)
        total = 0.0
        for rows in order:
            optimizer.zero_grad()
            with torch.no_grad():
                taught = source(streams[0][rows])
            found = target(streams[1][rows])
            loss = batch_loss(taught, found, labels[rows], mapped)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total)

    return lambda: seconds(run)


def main():
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    index = workload.window_index(args.windows)
    source = workload.trained_source(index)
    runs = {"torch": torch_epoch(index), **taught(index, source)}
    found = in_turns(runs, args.rounds)
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "torch_loop_vs_cached": median_ratio(found, "torch", "cached"),
                "torch_loop_vs_live": median_ratio(found, "torch", "live"),
                "torch_windows_per_second": len(index)
                / statistics.median(r["torch"] for r in found),
            }
        )
    )


if __name__ == "__main__":
    main()
