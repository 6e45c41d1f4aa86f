from keras_dcat.streaming.silence import Silence


def heard(one, count, chunk=10, gap_every=None):
    """What is told after each of so many chunks at 50 Hz."""
    told, seconds = [], 0.0
    for number in range(count):
        is_new = bool(gap_every) and number % gap_every == 0
        seconds = chunk / 50 if is_new else seconds + chunk / 50
        one.heard(chunk, seconds, 50.0, 0.5, is_new=is_new)
        told.append(one.reason())
    return told


def test_gaps_are_named_after_a_windows_worth_of_samples_and_once():
    told = heard(Silence(2.0, 1.0, 0.25), 100, gap_every=3)
    (words,) = filter(None, told)
    # 50 Hz of window, stride and latency, and 33 by which the rate is measured
    assert told.index(words) == (50 * 3.5 + 33) // 10
    assert "210 samples and no decision, where a window of 2 s has about 175" in words
    assert "7 gaps longer than 0.25 s, and between two" in words
    assert "no more than 0.6 s" in words
    assert "Raise `max_gap`" in words


def test_samples_that_cover_too_little_are_named():
    one = Silence(2.0, 1.0, 0.25)
    for number in range(40):
        one.heard(10, number / 100, 50.0, 0.0, is_new=number == 0)
    words = one.reason()
    assert "they cover 0.39 s, which is less" in words
    assert "Pass the `rate`" in words
    assert one.reason() == ""


def test_a_decision_begins_it_anew():
    one = Silence(2.0, 1.0, 0.25)
    for _ in range(5):
        assert not any(heard(one, 15, gap_every=3))
        one.broken()
    assert sum(map(bool, heard(one, 100, gap_every=3))) == 1
    one.broken()
    assert sum(map(bool, heard(one, 100, gap_every=3))) == 1
