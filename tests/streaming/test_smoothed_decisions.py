"""What a classifier says of windows when it looks at those around."""

import numpy as np
import pytest

from keras_dcat.streaming import MarkovSmoothing, MedianSmoothing
from tests.streaming.test_classifier import offline, samples


@pytest.mark.parametrize("has_timestamps", [False, True])
@pytest.mark.parametrize(
    "smoothing",
    [
        MedianSmoothing(5),
        MarkovSmoothing([[0.9, 0.1], [0.2, 0.8]], [0.6, 0.4], 3, 0.5),
    ],
    ids=["median", "markov"],
)
def test_windows_are_smoothed_in_their_order_and_as_late_as_it_says(
    classifier, smoothing, has_timestamps
):
    values, late, found = samples(400), [], []
    one = classifier(20.0, smoothing=smoothing)
    for number, value in enumerate(values):
        times = np.array([number / 20]) if has_timestamps else None
        for decision in one.feed(value[None], times):
            late.append(number / 20 - (decision.time + 1.0))
            found.append(decision)
    assert max(late) <= one.latency + 1e-9
    assert min(late) >= smoothing.delay * 0.5 - 0.1
    found += one.end()
    expected_times, plain = offline(values)
    running = smoothing.running()
    expected = [each for row in plain for each in running.add(row)] + running.end()
    np.testing.assert_allclose([d.time for d in found], expected_times, atol=1e-9)
    np.testing.assert_allclose([d.probabilities for d in found], expected, atol=1e-5)
    assert one.end() == []


def test_no_smoothing_reaches_over_a_gap(classifier):
    times = np.arange(200) / 20
    times[100:] += 3.0
    values = samples(200)
    one = classifier(20.0, smoothing=MedianSmoothing(5))
    found = [*one.feed(values, times), *one.end()]
    parts = []
    for half, own in ((values[:100], times[:100]), (values[100:], times[100:])):
        other = classifier(20.0, smoothing=MedianSmoothing(5))
        parts += [*other.feed(half, own), *other.end()]
    assert [d.time for d in found] == [d.time for d in parts]
    np.testing.assert_allclose(
        [d.probabilities for d in found], [d.probabilities for d in parts], atol=1e-6
    )


def test_a_markov_model_of_other_classes_is_refused(classifier, of_task):
    three = MarkovSmoothing(np.full((3, 3), 1 / 3), np.full(3, 1 / 3))
    with pytest.raises(ValueError, match=r"3 classes.*\['still', 'moving'\]"):
        classifier(smoothing=three)
    two = MarkovSmoothing(np.full((2, 2), 0.5), np.full(2, 0.5))
    with pytest.raises(ValueError, match="multilabel artefact.*MedianSmoothing"):
        of_task("multilabel", ("talk", "walk"), [0.1, 0.9], smoothing=two)
    with pytest.raises(ValueError, match="share from 0 to below 1"):
        classifier(smoothing=1.0)
