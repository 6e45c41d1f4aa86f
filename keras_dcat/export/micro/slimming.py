"""A LiteRT file with nothing in it but what is run, in the order that needs least."""

import math

from keras_dcat.extras import require


def slimmed(model: bytes) -> bytes:
    """The same model without names, its operations in an order that needs less memory.

    Args:
        model: bytes of a LiteRT model.

    Returns:
        bytes.
    """
    files = require("ai_edge_litert.tools.flatbuffer_utils", "micro")
    content = files.read_model_from_bytearray(bytearray(model))
    (graph,) = content.subgraphs
    graph.operators = [graph.operators[place] for place in short_lived(graph)]
    files.strip_strings(content)
    content.metadata = None
    return bytes(files.convert_object_to_bytearray(content))


def short_lived(graph) -> list[int]:
    """An order of operations in which few bytes at a time wait to be used.

    Of all orders those are pursued, step by step, that have needed least so far.

    Args:
        graph: subgraph as `flatbuffer_utils` reads it.

    Returns:
        list of int, the places of the operations.
    """
    takes = [set(map(int, each.inputs)) for each in graph.operators]
    gives = [set(map(int, each.outputs)) for each in graph.operators]
    made = set().union(*gives)
    waits_for = [
        sum(1 << p for p, own in enumerate(gives) if own & takes[place])
        for place in range(len(takes))
    ]
    users = {
        tensor: sum(1 << place for place, own in enumerate(takes) if tensor in own)
        for tensor in made | set(map(int, graph.inputs))
    }
    for tensor in map(int, graph.outputs):
        users[tensor] |= 1 << len(takes)  # which never comes
    sizes = {tensor: _bytes_of(graph.tensors[tensor]) for tensor in users}

    def after(state, place):
        peak, live, done, order = state
        live += sum(sizes[tensor] for tensor in gives[place])
        peak, done = max(peak, live), done | 1 << place
        for tensor in takes[place] & users.keys():
            live -= 0 if users[tensor] & ~done else sizes[tensor]
        return peak, live, done, (*order, place)

    began = sum(sizes[int(tensor)] for tensor in graph.inputs)
    states = [(began, began, 0, ())]
    for _ in takes:
        reached: dict[int, tuple] = {}
        for state in states:
            done = state[2]
            for place, needed in enumerate(waits_for):
                if not done >> place & 1 and not needed & ~done:
                    found = after(state, place)
                    reached[found[2]] = min(reached.get(found[2], found), found)
        states = sorted(reached.values())[: max(1, _ORDERS // len(takes))]
    return list(states[0][3])


def _bytes_of(tensor):
    shape = () if tensor.shape is None else map(int, tensor.shape)
    return math.prod(shape) * _BYTES.get(tensor.type, 4)


# Orders that are pursued at a time, times the number of operations.
_ORDERS = 10_000
# Bytes of a value, by the number of its type, where it is not 4.
_BYTES = {4: 8, 7: 2, 9: 1}
