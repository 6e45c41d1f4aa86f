import re
from xml.etree import ElementTree

import numpy as np
import pytest

from keras_dcat.evaluation import Interval, figures

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"
SURE_GAIN = Interval(0.03, 0.01, 0.05)
SURE_LOSS = Interval(-0.02, -0.04, -0.01)
UNCLEAR = Interval(0.01, -0.02, 0.04)


def places(svg):
    """From every text to where it is, `(x, y)`."""
    found = {}
    for tag in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        moves = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", tag.get("transform", ""))
        place = moves.groups() if moves else (tag.get("x"), tag.get("y"))
        found["".join(tag.itertext())] = tuple(map(float, place))
    return found


def above(svg, *texts):
    heights = [places(svg)[text][1] for text in texts]
    return heights == sorted(heights) and len(set(heights)) == len(heights)


def beside(svg, *texts):
    columns = [places(svg)[text][0] for text in texts]
    return columns == sorted(columns) and len(set(columns)) == len(columns)


def test_every_method_has_a_curve_of_its_gains_with_a_band():
    gains = {"D-CAT": [UNCLEAR, SURE_GAIN], "paper": [SURE_LOSS, UNCLEAR]}
    svg = figures.gain_curves("curves", "unlabelled people", [4, 0], gains)
    assert {"D-CAT", "paper", "unlabelled people"} <= set(places(svg))
    colors = re.findall(r"fill: (#\w{6}); fill-opacity: 0.1", svg)
    assert len(set(colors)) == 2


@pytest.mark.parametrize(
    ("gain", "word"),
    [
        (SURE_GAIN, "gain"),
        (SURE_LOSS, "loss"),
        (UNCLEAR, "unclear"),
        (Interval(0.02, 0.0, 0.04), "unclear"),
    ],
)
def test_a_gain_is_one_where_its_interval_is_above_0(gain, word):
    assert gain.verdict == word


def test_gains_and_losses_differ_in_colour_and_shape():
    def looks(gain):
        svg = figures.gain_intervals("g", {"a → b": {"D-CAT": gain}})
        color = re.search(r"stroke: (#\w{6}); stroke-width: 1.6", svg)[1]
        return color, re.search(r'<path id="m\w+" d="([^"]*)"[^>]*stroke: #', svg)[1]

    found = [looks(gain) for gain in (SURE_GAIN, SURE_LOSS, UNCLEAR)]
    for kind in zip(*found, strict=True):
        assert len(set(kind)) == 3


def test_gains_of_several_pairs_stand_below_the_name_of_each():
    both = {"D-CAT": SURE_GAIN, "rival": UNCLEAR}
    svg = figures.gain_intervals("g", {"a → b": both, "b → a": {"other": UNCLEAR}})
    assert above(svg, "a → b", "D-CAT", "rival", "b → a", "other")


def test_one_gain_of_each_pair_is_named_by_the_pair_alone():
    groups = {"a → b": {"D-CAT": SURE_GAIN}, "b → a": {"D-CAT": SURE_LOSS}}
    svg = figures.gain_intervals("g", groups)
    assert above(svg, "a → b", "b → a")
    assert "D-CAT" not in places(svg)


def test_the_matrix_has_sources_as_rows_and_its_numbers_in_it():
    gains = {("imu", "audio"): SURE_LOSS, ("audio", "imu"): SURE_GAIN}
    svg = figures.transfer_matrix("m", gains)
    where = places(svg)
    assert {"−0.020 ▼", "−0.04 to −0.01", "+0.030 ▲", "+0.01 to +0.05"} <= set(where)
    # imu comes first on both sides, so what it teaches is above, at the right.
    assert above(svg, "−0.020 ▼", "+0.030 ▲")
    assert beside(svg, "+0.030 ▲", "−0.020 ▼")


def test_a_matrix_of_nothing_but_0_can_be_drawn():
    svg = figures.transfer_matrix("m", {("a", "b"): Interval(0.0, 0.0, 0.0)})
    assert "+0.000" in places(svg)


def test_classes_are_sorted_and_those_without_f1_left_out():
    changes = {"sit": -0.1, "walk": 0.2, "run": 0.0, "fly": np.nan}
    svg = figures.class_changes("c", changes)
    assert above(svg, "walk", "run", "sit")
    assert "fly" not in places(svg)


def test_confusions_are_shares_of_the_true_class():
    svg = figures.confusion("c", ["sit", "walk"], np.array([[3.0, 1.0], [2.0, 6.0]]))
    assert svg.count(">75<") == svg.count(">25<") == 2
    counts = np.array([[9.0, 1.0], [4.0, 6.0]])
    svg = figures.confusion("c", ["sit", "walk"], counts)
    assert above(svg, "90", "60")
    assert above(svg, "10", "40")
    assert beside(svg, "90", "10")


def test_confusions_of_many_classes_are_shown_without_numbers():
    names = [f"class {number}" for number in range(27)]
    svg = figures.confusion("c", names, np.eye(27))
    assert set(places(svg)) == {*names, "taken for", "true class"}


def test_a_class_that_is_not_in_the_test_can_be_drawn():
    svg = figures.confusion("c", ["sit", "fly"], np.array([[4.0, 0.0], [0.0, 0.0]]))
    assert "100" in places(svg)


def test_training_is_shown_as_its_mean_over_seeds():
    losses = {
        "alone": np.array([[9.0, 8.0, 4.0]]),
        "two seeds": np.array([[1.0, 3.0, 1.0], [3.0, 5.0, 3.0]]),
        "their mean": np.array([[2.0, 4.0, 2.0]]),
    }
    svg = figures.training_curves("t", losses, {"alone"})
    lines = re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="fill: none', svg)
    assert len(lines) >= 3
    assert len(set(lines)) == len(lines) - 1
    assert "stroke-dasharray" in svg
    assert {"two seeds", "their mean"} <= set(places(svg))


def test_weights_of_different_magnitude_stand_at_equal_distances():
    weights = [10.0, 0.0, 0.01, 0.1, 1.0]
    scores = [Interval(0.5 + w / 100, 0.4, 0.7) for w in weights]
    svg = figures.setting_curve("s", "λ", weights, scores, scores)
    where = places(svg)
    assert {"λ", "taught", "alone"} <= set(where)
    columns = [where[text][0] for text in ("0.01", "0.1", "1", "10")]
    np.testing.assert_allclose(np.diff(columns), np.diff(columns)[0], rtol=1e-3)
    assert where["0"][0] < where["0.01"][0]


def test_shifts_stand_where_they_are_whatever_their_order():
    shifts = [0.0, -1.0, 1.0, 0.1]
    scores = [Interval(0.5 - abs(s) / 10, 0.3, 0.6) for s in shifts]
    svg = figures.setting_curve("s", "in s", shifts, scores, scores)
    by_order = np.argsort(shifts)
    again = figures.setting_curve(
        "s",
        "in s",
        [shifts[i] for i in by_order],
        [scores[i] for i in by_order],
        [scores[i] for i in by_order],
    )
    assert svg == again
    where = places(svg)
    left, right = where["0.0"][0] - where["−1.0"][0], where["1.0"][0] - where["0.0"][0]
    assert left == pytest.approx(right, abs=0.01)
