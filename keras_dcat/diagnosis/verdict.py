"""The rule from numbers to a verdict: help, neutral or harm, and why."""

import math

from keras_dcat.transfer.recipes import DEFAULT, named

# Cohen's kappa of what is barely better than guessing. In a small set luck alone
# reaches it, so accuracy must be two standard errors above guessing as well.
MIN_KAPPA, MIN_DEVIATION = 0.1, 2.0
# One pair in twenty of sensors that know nothing of each other looks as if it did.
MAX_PAIRING_P = 0.05
# With fewer windows, pairs that belong together may well not look like it.
FEW_WINDOWS = 50
# Of fewer groups, all draws are much alike, and intervals say little.
FEW_GROUPS = 5
# Macro F1. Two seeds of one model often differ by less, seldom by more.
MIN_ADVANTAGE = 0.02
# Nats. Below it is the error of the estimate on some hundred windows.
MIN_INFORMATION = 0.02
# Macro F1. The authors of D-CAT found nothing to gain for what had overfitted.
MAX_GAP = 0.25
# Share of the training windows. Where labels are there, they say what a source would.
MIN_UNLABELLED = 0.1
# A mask that lets more through hardly filters; one that lets less through starves.
VACUOUS_COVERAGE, LOW_COVERAGE = 0.98, 0.5
# Of the recipe's λ: twice as much where the source has something to teach, or nothing.
TRANSFER_WEIGHTS = {"help": 2.0, "neutral": 1.0, "harm": 0.0}


def judge(found):
    """What a transfer is expected to do, why, and how to set it up.

    Args:
        found: `Diagnosis`, or what has its numbers. The verdict is not looked at.

    Returns:
        `(verdict, reasons, recommended)`, as the attributes of `Diagnosis`.
    """
    harm = [text for text in (_at_chance(found), _mispaired(found)) if text]
    if not harm and _advantage(found) < 0 and not _knows_more(found):
        harm = [
            "The source is clearly weaker than the target, and adds nothing about the "
            "label: negative transfer is likely."
        ]
    if harm:
        verdict = "harm"
    else:
        can_teach = _knows_more(found) and not _is_unrelated(found)
        verdict = "help" if can_teach and _needs_teaching(found) else "neutral"
    reasons = (*harm, *_standing(found), *_cautions(found))
    if verdict != "help" and found.fusion_f1 >= MIN_ADVANTAGE + max(
        found.source_f1[1], found.target_f1[1]
    ):
        reasons = (
            *reasons,
            f"The mean of both predictions has a macro F1 of {found.fusion_f1:.2f}: "
            "use both sensors if the source is there at inference, too.",
        )
    if found.left_out:
        reasons = (
            *reasons,
            "The pairs were not checked, which needs the KᵀV of both models. "
            f"{found.left_out}",
        )
    weight = TRANSFER_WEIGHTS[verdict] * named(DEFAULT).transfer_weight
    recommended = {"recipe": DEFAULT, "transfer_weight": weight}
    return verdict, reasons, recommended


def _advantage(found):
    """1 where the source is clearly better than the target, −1 worse, 0 neither."""
    low, high = found.advantage_interval
    if found.advantage >= MIN_ADVANTAGE and low > 0:
        return 1
    return -1 if found.advantage <= -MIN_ADVANTAGE and high < 0 else 0


def _added_information(found):
    added = found.information
    return added.added >= MIN_INFORMATION and added.added_interval[0] > 0


def _knows_more(found):
    """Whether the source adds information about the label."""
    return _added_information(found) or _advantage(found) > 0


def _needs_teaching(found):
    windows = found.num_windows[0] + found.num_unlabelled
    return found.num_unlabelled >= MIN_UNLABELLED * windows


def _at_chance(found):
    accuracy, chance = _accuracy(found), found.chance
    error = math.sqrt(chance * (1 - chance) / found.num_windows[1])
    kappa = (accuracy - chance) / (1 - chance)
    if kappa >= MIN_KAPPA and accuracy - chance >= MIN_DEVIATION * error:
        return None
    return (
        f"The source is at chance: right on {accuracy:.0%} of held-out {found.unit}, "
        f"where guessing would be on {chance:.0%}. Train it, or load its weights, "
        "first."
    )


def _is_unrelated(found):
    """Whether pairs predict the source's KᵀV no better than random windows."""
    if found.predictability is None:
        return False  # nothing is known of it
    p = found.predictability.mispaired_p
    return p > MAX_PAIRING_P and found.num_windows[1] >= FEW_WINDOWS


def _mispaired(found):
    told, shared = found.predictability, found.information.shared
    # Where the predictions know of each other, it is KᵀV that is hard to tell.
    if not _is_unrelated(found) or shared >= MIN_INFORMATION:
        return None
    return (
        "The pairs look wrong: the target's windows predict the source's KᵀV with R² = "
        f"{told.r2:z.2f}, and with {told.mispaired_r2:z.2f} if paired at random "
        f"(p = {told.mispaired_p:.2f}); they share {shared:z.2f} nats with its "
        "predictions. Check how they were joined."
    )


def _standing(found):
    """Who is better on held-out windows, and what the source adds there."""
    better, informative = _advantage(found), _added_information(found)
    words = {1: "clearly better than", 0: "about as good as", -1: "clearly weaker than"}
    low, high = found.advantage_interval
    yield (
        f"The source is {words[better]} the target on held-out windows: macro F1 "
        f"{found.source_f1[1]:.2f} against {found.target_f1[1]:.2f}, a difference of "
        f"{found.advantage:+.2f} [{low:+.2f}, {high:+.2f}]."
    )
    nats = found.information
    low, high = nats.added_interval
    if _knows_more(found) and not _needs_teaching(found):
        yield (
            f"{found.num_unlabelled} training windows have no label, so the labels "
            "already say what the source could teach. Pairs without a label, of more "
            "people, are what a source helps with."
        )
    if better < 0 and informative:
        yield (
            "A weak source should not teach by its predictions alone: keep to the "
            f"recipe {DEFAULT!r}, which also has InfoNCE."
        )
    verb = "adds to" if informative else "adds nothing significant to"
    yield (
        f"The source {verb} the target's information about the label: "
        f"{nats.added:z.2f} nats [{low:z.2f}, {high:z.2f}] to {nats.target:z.2f}."
    )


def _cautions(found):
    coverage, accuracy = found.coverage["all"], _accuracy(found)
    if found.target_gap > MAX_GAP:
        yield (
            f"The target overfits: macro F1 {found.target_f1[0]:.2f} on training and "
            f"{found.target_f1[1]:.2f} on held-out windows. Regularize it first, or a "
            "source has nothing left to teach."
        )
    elsewhere, where = accuracy, f"held-out {found.unit}"
    if found.out_of_fold_coverage is not None:
        elsewhere, where = (
            found.out_of_fold_coverage["all"],
            f"{found.unit} out of fold",
        )
    if coverage >= VACUOUS_COVERAGE and elsewhere < coverage - 0.05:
        yield (
            'With the gate `"correct"`: the mask filters nothing. The source is right '
            f"on {coverage:.0%} of training {found.unit}, but on {elsewhere:.0%} of "
            f"{where}. Multiply the gate by `transfer_mask` of out-of-fold predictions."
        )
    if coverage < LOW_COVERAGE and not _at_chance(found):
        yield (
            'With the gate `"correct"`: the mask admits only '
            f"{coverage:.0%} of training {found.unit}. "
            "Admit the others with a lower weight, by a soft gate."
        )
    if found.never_right:
        yield (
            "The source gets no training window right of "
            f"{', '.join(map(repr, found.never_right))}: the paper's mask would teach "
            "nothing of them."
        )
    better_alone = max(found.source_f1[1], found.target_f1[1])
    if found.num_unlabelled and found.product_f1 >= better_alone + MIN_ADVANTAGE:
        yield (
            f"{found.num_unlabelled} training windows have no label, and together both "
            f"are right more often: the product of what they predict has a macro F1 of "
            f"{found.product_f1:.2f}. Let this target teach a new one beside the "
            "source: DCATModel([source, target], new, recipe='distillation', "
            "loss_weights=[5.0], gate='soft', combination='product')."
        )
    told = found.predictability
    if _is_unrelated(found) and not _mispaired(found):
        yield (
            "The target's windows predict the source's KᵀV with R² = "
            f"{told.r2:z.2f}, and with {told.mispaired_r2:z.2f} if paired at random: "
            "there is little to align. "
            "Try recipe='distillation'."
        )
    elif told and told.same_class_p > MAX_PAIRING_P >= told.mispaired_p:
        yield (
            "Pairs predict each other no better than two windows of one class do: "
            f"R² = {told.r2:z.2f} against {told.same_class_r2:z.2f} (p = "
            f"{told.same_class_p:.2f}). If they should, compare the sensors' clocks."
        )
    if found.num_groups is not None and found.num_groups < FEW_GROUPS:
        yield (
            f"The intervals are over {found.num_groups} groups only, so they do not "
            "generalise. Hold out more subjects, or diagnose another split as well."
        )


def _accuracy(found):
    return found.agreement["both"] + found.agreement["source only"]
