"""Every guide runs as it stands."""

import pathlib
import subprocess
import sys

import pytest

GUIDES = sorted((pathlib.Path(__file__).parents[2] / "docs" / "guides").glob("*.py"))


# What a reader is to see, guide by guide. The first runs with every change, all of them
# with `make test-all` and whenever the pages are made.
FINDINGS = {
    "two_clocks": [
        "Mend them first",
        "longest step is 1.0",
        "subject 1: +0.7",
        "after",
        "dropped: gap",
    ],
    "few_labels": [
        "5 of 10 people have labels",
        "of these unlabelled, kept (in 5 of 10 recordings)",
        "1481 pairs to train with, 400 of them have a label",
        "taught 0.",
        "no label",
    ],
    "choosing": ["Expected: help", "harm", "Check how they were joined"],
    "training": ["600 pairs, 180 with a label", "the paper"],
    "when_it_hurts": [
        "where guessing gives",
        "epoch,transfer_weight,source_f1",
        ", taught ",
    ],
    "several_sources": ["both, product", "agreement_loss"],
    "cache": ["window 479 is damaged", "written with other weights"],
    "search": ["transfer_weight", "macro_f1"],
    "device": ["model_card", "truth: "],
    "many_machines": ["the same windows: True", "4 epochs: ["],
    "own_model": ["cross_attention_loss", "pass adapt_sizes=True"],
    "tasks": [
        "Head(task='multiclass', size=3, steps=None",
        "Head(task='binary', size=1",
        "Head(task='multilabel', size=2",
        "steps=13",
        "Head(task='regression', size=1",
        "steps per second",
        "one unit without an activation",
        "A gate must judge what the models predict",
        "Labels of yes or no must be 1 or 0",
    ],
    "pretrained_teacher": [
        "features (None, 576)\n['info_nce_loss']",
        "features (480, 576)",
        "taught by features 0.",
        "['info_nce_loss', 'agreement_loss', 'fused_loss']",
        "taught by it 0.",
    ],
}


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_runs_and_shows_what_it_is_about(guide, tmp_path):
    printed = subprocess.run(
        [sys.executable, guide],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    ).stdout
    for finding in FINDINGS[guide.stem]:
        assert finding in printed
