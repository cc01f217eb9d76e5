"""What a node keeps for the backward pass, in bytes."""

import numpy as np

from minigrad.graph import Output


def memory_of(array):
    """Return the array whose memory it is."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def saved_bytes(y, but=()):
    """Return the bytes of the arrays that can be reached from the node which made y; not those of the tensors in `but`."""
    node = y.source.node if isinstance(y.source, Output) else y.source
    found = {}

    def look(value):
        if isinstance(value, np.ndarray):
            memory = memory_of(value)
            found[id(memory)] = memory.nbytes
        elif isinstance(value, (tuple, list)):
            for part in value:
                look(part)
        elif isinstance(value, dict):
            look(list(value.values()))

    look([edge[3] for edge in node.edges])
    if node.extra is not None:
        look([node.extra.joint, node.extra.inputs, node.extra.settings])
    for tensor in but:
        found.pop(id(memory_of(tensor.array)), None)
    return sum(found.values())
