from keras_dcat.recordings.readers.block_memory import Version
from keras_dcat.recordings.readers.open_decoders import OpenDecoders


class Decoder:
    closed = False

    def close(self):
        self.closed = True


def last(waiting):
    return waiting[-1]


def test_who_takes_one_has_it_alone():
    decoders, version = OpenDecoders(), Version(1, None)
    assert decoders.take(version, last) is None
    first, second = Decoder(), Decoder()
    decoders.put_back(version, first)
    decoders.put_back(version, second)
    assert decoders.take(version, lambda waiting: waiting[0]) is first
    assert decoders.take(version, last) is second
    assert decoders.take(version, last) is None
    assert not first.closed


def test_those_of_another_file_are_not_given_away():
    decoders, other = OpenDecoders(), Decoder()
    decoders.put_back(Version(1, None), other)
    assert decoders.take(Version(2, None), last) is None
    assert decoders.take(Version(1, None), last) is other


def test_those_of_a_file_that_was_changed_are_closed():
    decoders, before = OpenDecoders(), Decoder()
    decoders.put_back(Version(1, "before"), before)
    assert decoders.take(Version(1, "after"), last) is None
    assert before.closed


def test_eight_stay_open_and_the_longest_waiting_are_closed():
    decoders, all_of_them = OpenDecoders(), [Decoder() for _ in range(20)]
    for number, each in enumerate(all_of_them):
        decoders.put_back(Version(number, None), each)
    assert [each.closed for each in all_of_them] == [True] * 12 + [False] * 8


def test_what_is_forgotten_is_closed_at_once_or_with_the_next():
    decoders, first, second = OpenDecoders(), Decoder(), Decoder()
    decoders.put_back(Version(1, None), first)
    decoders.put_back(Version(2, None), second)
    decoders.forget(1)
    assert first.closed
    with decoders._lock:
        decoders.forget(2)  # would wait for ever
    assert not second.closed
    decoders.put_back(Version(3, None), Decoder())
    assert second.closed


def test_one_that_starts_anew_does_not_wait_for_whoever_had_the_lock():
    decoders = OpenDecoders()
    decoders.put_back(Version(1, None), Decoder())
    decoders._lock.acquire()
    decoders.start_anew()
    assert decoders.take(Version(1, None), last) is None
