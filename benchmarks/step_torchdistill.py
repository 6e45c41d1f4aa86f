"""Is torchdistill faster than `fit` at the distance of `KᵀV`, under the paper's mask?

Its own `DistillationBox`, hooks and data loader over the encoders of step_torch.py.
Needs `pip install torchdistill`, and the torchvision that belongs to your torch.
"""

import argparse
import json
import statistics

import keras
import torch
import workload
from step_epochs import in_turns, median_ratio, taught
from step_torch import Encoder
from timing import seconds
from torch import nn
from torch.utils.data import RandomSampler, TensorDataset
from torchdistill.core.distillation import DistillationBox
from torchdistill.core.interfaces.registry import register_forward_proc_func
from torchdistill.losses.registry import register_mid_level_loss

from keras_dcat.transfer import MaskedCrossAttentionLoss

WEIGHT = 0.1


class Pairs(TensorDataset):
    """`((skeleton, imu), label)`, as torchdistill wants a sample and its target."""

    def __getitem__(self, at):
        *sample, label = super().__getitem__(at)
        return tuple(sample), label


@register_forward_proc_func
def see_source(model, sample_batch, *_, **__):
    """What the teacher sees of a pair."""
    return model(sample_batch[0])


@register_forward_proc_func
def see_target(model, sample_batch, *_, **__):
    """What the student sees of a pair."""
    return model(sample_batch[1])


@register_mid_level_loss
class KeyValueDistance(nn.Module):
    """Distance of `KᵀV`, in lengths of the source's, where the source is right."""

    def forward(self, student, teacher, labels):
        right = teacher["."]["output"].argmax(1) == labels
        own, known = (
            io["key"]["output"].mT @ io["value"]["output"] for io in (student, teacher)
        )
        distance = torch.linalg.matrix_norm(own - known)
        return (distance / torch.linalg.matrix_norm(known) * right).mean()


def settings():
    """What torchdistill reads from YAML elsewhere."""
    hooks = {"forward_hook": {"output": ["key", "value"]}}
    entropy = {
        "criterion": {"key": "CrossEntropyLoss", "kwargs": {}},
        "criterion_wrapper": {
            "key": "SimpleLossWrapper",
            "kwargs": {
                "input": {"is_from_teacher": False, "module_path": ".", "io": "output"},
                "target": {"uses_label": True},
            },
        },
        "weight": 1.0,
    }
    distance = {
        "criterion": {"key": "KeyValueDistance", "kwargs": {}},
        "weight": WEIGHT,
    }
    return {
        "num_epochs": 1,
        "train_data_loader": {
            "dataset_id": "pairs",
            "sampler": {"class_or_func": RandomSampler},
            "kwargs": {"batch_size": workload.BATCH},
        },
        "teacher": {"forward_proc": "see_source", "requires_grad": False, **hooks},
        "student": {"forward_proc": "see_target", **hooks},
        "optimizer": {"key": "Adam", "kwargs": {"lr": 1e-3}},
        "criterion": {
            "key": "WeightedSumLoss",
            "kwargs": {"sub_terms": {"entropy": entropy, "distance": distance}},
        },
    }


class LogitsOnly(Encoder):
    """The encoder of step_torch.py without its features."""

    def forward(self, windows):
        return super().forward(windows)[0]


def torchdistill_epoch(index):
    """A function that trains one epoch; its seconds."""
    streams = [torch.from_numpy(index.gather(name)) for name in ("skeleton", "imu")]
    labels = torch.from_numpy(index.labels).long()
    teacher, student = (LogitsOnly(stream.shape[-1]) for stream in streams)
    box = DistillationBox(
        teacher.eval(),  # which the box leaves to its user
        student,
        {"pairs": Pairs(*streams, labels)},
        settings(),
        torch.device("cpu"),
        device_ids=None,
        distributed=False,
        lr_factor=1,
    )

    def run():
        box.pre_epoch_process(epoch=0)
        for sample, targets, more in box.train_data_loader:
            box.pre_forward_process()
            loss = box.forward_process(sample, targets=targets, supp_dict=more)
            box.post_forward_process(loss=loss)
        box.post_epoch_process()
        assert torch.isfinite(loss)

    return lambda: seconds(run)


def main():
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    index = workload.window_index(args.windows)
    source = workload.trained_source(index)
    asked = {
        "loss": MaskedCrossAttentionLoss(),
        "gate": "correct",
        "transfer_weight": WEIGHT,
    }
    runs = {
        "torchdistill": torchdistill_epoch(index),
        **taught(index, source, **asked),
    }
    found = in_turns(runs, args.rounds)
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "torchdistill_vs_cached": median_ratio(found, "torchdistill", "cached"),
                "torchdistill_vs_live": median_ratio(found, "torchdistill", "live"),
                "windows_per_second": {
                    name: len(index) / statistics.median(r[name] for r in found)
                    for name in runs
                },
            }
        )
    )


if __name__ == "__main__":
    main()
