"""What a loop computes anew at every step, and need not: its weights, mostly.

TensorFlow hands a loop's weights from step to step, and a cell splits, turns and casts them in
every one. Here a loop reads from outside what it would only hand on, and what follows from that
alone is computed before it begins: of constants, by ONNX Runtime when it loads the graph.
"""

import onnx
from onnx import helper

from export.subgraphs import bodies
from export.wiring import makers_of, read_instead

ALWAYS_POSSIBLE = frozenset(
    {"Add", "Cast", "Concat", "Identity", "Mul", "Neg", "Reshape", "Split", "Squeeze", "Sub"}
    | {"Transpose", "Unsqueeze"}
)
"""Operators that may run for a loop of no steps as well."""


def hoist(graph: onnx.GraphProto) -> None:
    """Takes out of every loop what is the same at every step.

    Args:
        graph: in order, and changed in place.
    """
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        passed: dict[str, str] = {}
        for body in bodies(node):
            hoist(body)
            if node.op_type == "Loop":
                passed = _read_outside(node, body)
                _move(body, graph)
        graph.node.append(node)
        for name, source in passed.items():
            graph.node.append(helper.make_node("Identity", [source], [name], name=name))


def _read_outside(loop: onnx.NodeProto, body: onnx.GraphProto) -> dict[str, str]:
    """Lets the body read what it only hands on; returns the loop's outputs that are inputs then."""
    made = makers_of(body)
    own = _names(body)
    passed = {}
    for slot in reversed(range(len(loop.input) - 2)):
        inside, outside = body.input[2 + slot].name, loop.input[2 + slot]
        after = body.output[1 + slot].name
        while after in made and made[after].op_type == "Identity":
            after = made[after].input[0]
        if after != inside or outside in own or not outside:
            continue
        read_instead(body, inside, outside)
        passed[loop.output[slot]] = outside
        del loop.input[2 + slot], loop.output[slot], body.input[2 + slot], body.output[1 + slot]
    return passed


def _move(body: onnx.GraphProto, graph: onnx.GraphProto) -> None:
    """Takes out nodes that read nothing of the body's own but constants."""
    own, results = _names(body), {value.name for value in body.output}
    taken = {one.name for one in graph.initializer}
    constants = {one.name: one for one in body.initializer if one.name not in taken | results}
    own -= constants.keys()
    for node in list(body.node):
        is_free = not any(name in own for name in node.input)
        if is_free and node.op_type in ALWAYS_POSSIBLE and not results & set(node.output):
            own -= set(node.output)
            for name in {*node.input} & constants.keys():
                graph.initializer.append(constants[name])
                body.initializer.remove(constants.pop(name))
            body.node.remove(node)
            graph.node.append(node)


def _names(body: onnx.GraphProto) -> set[str]:
    """What the body itself has: inputs, constants, and what its nodes make."""
    own = {value.name for value in (*body.input, *body.initializer)}
    return own | makers_of(body).keys()
