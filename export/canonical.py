"""An ONNX graph in its one canonical form: the same model always gives the same bytes.

tf2onnx numbers names by a counter of the process and walks over sets, so two exports of a model
differ. Here nodes stand in the order in which the outputs need them, nodes that nothing needs are
gone, and every name but those of inputs and outputs says the layer that it comes from, where that
is known, what it is, and the how-manieth: `encoder/attention/MatMul_2`.
An Identity that only passes on is gone: tf2onnx leaves one in the body of a loop or not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from export.subgraphs import bodies
from export.wiring import read_instead

Lengths = dict[str, list[int]]
"""Of each axis of a tensor, by its name; -1 where one is free."""


def lengths_of(model: onnx.ModelProto) -> Lengths:
    """Returns the lengths of every tensor whose rank is known; constants are none."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        value.name: [d.dim_value if d.HasField("dim_value") else -1 for d in shape.dim]
        for value in (*inferred.value_info, *inferred.input, *inferred.output)
        for shape in [value.type.tensor_type.shape]
        if value.type.tensor_type.HasField("shape")
    }


def fix_reshapes(graph: onnx.GraphProto, lengths: Lengths) -> None:
    """Gives a Reshape whose result has one unknown length a constant shape.

    Keras' Flatten computes its shape from the batch size at every call, in six small nodes that
    ONNX Runtime keeps and that stop it from fusing what is around them.

    Args:
        graph: changed in place.
        lengths: of its tensors.
    """
    for position, node in enumerate(graph.node):
        shape = lengths.get(node.output[0], [])
        if node.op_type != "Reshape" or shape.count(-1) != 1 or 0 in shape:
            continue
        name = f"canonical/shape_{position}"
        graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), name))
        node.input[1] = name


def canonicalize(
    graph: onnx.GraphProto,
    inputs: Sequence[str],
    outputs: Sequence[str],
    layer_of: Callable[[str], str] = lambda name: "",
) -> None:
    """Orders and names everything in a graph.

    Args:
        graph: changed in place; loses what it says of inner shapes, which runtimes infer.
        inputs, outputs: the names that they get, in the graph's order.
        layer_of: told a node's name, returns that of its layer; "" where there is none.
    """
    _pass_over_identities(graph)
    names = {value.name: new for value, new in zip(graph.input, inputs, strict=True)}
    names.update({value.name: new for value, new in zip(graph.output, outputs, strict=True)})
    for node in graph.node:
        node.name = layer_of(node.name)
    _canonicalize(graph, names, prefix="")


def layers_in(graph: onnx.GraphProto) -> Callable[[str], str]:
    """Returns what tells the layer of a node in a graph that was made of this canonical one."""
    known = {_layer(node.name) for node in graph.node}
    return lambda name: layer if (layer := _layer(name)) in known else ""


def _layer(name: str) -> str:
    return name.rpartition("/")[0]


def _pass_over_identities(graph: onnx.GraphProto) -> None:
    """Lets what reads an Identity read what it passes on, in bodies too.

    Of outputs that are one tensor, the first is that tensor, and the others an Identity of it; so
    is an output that no node here makes: an input, say.
    """
    passed = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity"}
    nodes = [node for node in graph.node if node.op_type != "Identity"]
    del graph.node[:]
    graph.node.extend(nodes)
    for name in passed:
        source = name
        while source in passed:
            source = passed[source]
        read_instead(graph, name, source)
    free = {name for node in graph.node for name in node.output}
    for value in graph.output:
        if value.name not in free:
            name = f"{value.name}/{len(graph.node)}"
            graph.node.append(helper.make_node("Identity", [value.name], [name]))
            value.name = name
        free.discard(value.name)
    for node in graph.node:
        for body in bodies(node):
            _pass_over_identities(body)


def _canonicalize(graph: onnx.GraphProto, names: dict[str, str], prefix: str) -> None:
    """Renames by `names` what is in it, and by layer, kind and number what is not.

    A node's own name is its layer's.
    """
    constants = {constant.name: constant for constant in graph.initializer}
    nodes, numbers = _in_order_of_need(graph), Counter[str]()
    for node in nodes:
        kind = f"{node.name}/{node.op_type}" if node.name else node.op_type
        numbers[kind] += 1
        node.name = f"{prefix}{kind}" + (f"_{numbers[kind]}" if numbers[kind] > 1 else "")
        for slot, name in enumerate(_needs(node)):
            if name in constants:
                names.setdefault(name, f"{node.name}/{slot}")
        for body in bodies(node):
            _canonicalize_body(body, names, f"{node.name}/body/")
        _rename(node, names)
    for slot, value in enumerate((*graph.input, *graph.output)):
        value.name = names.setdefault(value.name, f"{prefix}{slot}")
    kept = [constant for name, constant in constants.items() if name in names]
    for constant in kept:
        constant.name = names[constant.name]
    _replace(graph, nodes, sorted(kept, key=lambda constant: constant.name))


def _canonicalize_body(body: onnx.GraphProto, outer: Mapping[str, str], prefix: str) -> None:
    inputs = {value.name: f"{prefix}input_{i}" for i, value in enumerate(body.input)}
    for node in body.node:
        node.name = ""
    _canonicalize(body, {**outer, **inputs}, prefix)
    body.name = f"{prefix}body"


def _rename(node: onnx.NodeProto, names: dict[str, str]) -> None:
    for slot, name in enumerate(node.output):
        if name:
            names.setdefault(name, f"{node.name}:{slot}")
    node.input[:] = [names[name] if name else "" for name in node.input]
    node.output[:] = [names[name] if name else "" for name in node.output]
    attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
    copies = [onnx.AttributeProto.FromString(one.SerializeToString()) for one in attributes]
    del node.attribute[:]
    node.attribute.extend(copies)
    node.doc_string = ""


def _in_order_of_need(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that the outputs need, each after those that it needs itself."""
    nodes = list(graph.node)
    maker = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    needs = [[maker[name] for name in _needs(node) if name in maker] for node in nodes]
    ordered: dict[int, None] = {}
    waiting = [maker[value.name] for value in reversed(graph.output) if value.name in maker]
    while waiting:
        missing = [i for i in needs[waiting[-1]] if i not in ordered]
        if missing:
            waiting.extend(reversed(missing))
        else:
            ordered.setdefault(waiting.pop())
    return [nodes[i] for i in ordered]


def _needs(node: onnx.NodeProto) -> list[str]:
    """The tensors that a node reads; those that its bodies take from outside come last."""
    captured = [name for body in bodies(node) for name in _captured(body)]
    return [*node.input, *dict.fromkeys(captured)]


def _captured(body: onnx.GraphProto) -> Iterable[str]:
    own = {value.name for value in (*body.input, *body.initializer)}
    nodes = _in_order_of_need(body)
    own.update(name for node in nodes for name in node.output)
    used = [name for node in nodes for name in _needs(node)]
    used += [value.name for value in body.output]
    return (name for name in used if name and name not in own)


def _replace(
    graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto]
) -> None:
    clean = onnx.GraphProto(name=graph.name, input=graph.input, output=graph.output)
    clean.node.extend(nodes)
    clean.initializer.extend(constants)
    graph.CopyFrom(clean)
