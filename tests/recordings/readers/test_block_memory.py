import numpy as np

from keras_dcat.recordings.readers.block_memory import BlockMemory, Version

FIRST, SECOND = Version(1, "a"), Version(2, "a")


def blocks(*numbers):
    return {number: np.full(4, number, "uint8") for number in numbers}


def test_what_was_used_longest_ago_makes_room():
    memory = BlockMemory()
    memory.keep(FIRST, blocks(0, 1), most=12)
    memory.keep(SECOND, blocks(0), most=12)
    assert list(memory.find(FIRST, [0])) == [0]  # used: now 1 is the oldest
    memory.keep(SECOND, blocks(1), most=12)
    assert list(memory.find(FIRST, [0, 1])) == [0]
    assert list(memory.find(SECOND, [0, 1])) == [0, 1]
    memory.keep(SECOND, blocks(1), most=8)  # counts once
    assert list(memory.find(FIRST, [0])) == []


def test_another_state_of_a_file_has_none_of_the_blocks():
    memory = BlockMemory()
    memory.keep(FIRST, blocks(3), most=99)
    assert memory.find(FIRST, [3])[3].tolist() == [3, 3, 3, 3]
    assert memory.find(Version(1, "b"), [3]) == {}


def test_what_is_forgotten_makes_room_for_others():
    memory = BlockMemory()
    memory.keep(FIRST, blocks(0, 1), most=12)
    memory.forget(1)
    memory.keep(SECOND, blocks(0, 1, 2), most=12)
    assert list(memory.find(FIRST, [0, 1])) == []
    assert list(memory.find(SECOND, [0, 1, 2])) == [0, 1, 2]


def test_values_that_are_collected_while_it_is_locked_are_forgotten_later():
    memory = BlockMemory()
    memory.keep(FIRST, blocks(0), most=99)
    with memory._lock:
        memory.forget(1)  # would wait for ever
    memory.keep(SECOND, blocks(0), most=99)
    assert memory.find(FIRST, [0]) == {}


def test_one_that_starts_anew_does_not_wait_for_whoever_had_the_lock():
    memory = BlockMemory()
    memory.keep(FIRST, blocks(0), most=99)
    memory._lock.acquire()
    memory.start_anew()
    assert memory.find(FIRST, [0]) == {}
