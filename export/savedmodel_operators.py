"""A stranger's SavedModel, looked at before it is loaded: what it would run, by operator.

A SavedModel is a program. Its signatures may compute, and loading it may set its variables and
tables; neither may touch files beside the checkpoint, run Python, print, or talk to a network.
What TensorFlow does not know, or says has effects, is refused unless it is on a list.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

LARGEST_BYTES = 2**31 - 1
ALLOWED = {
    "Assert", "AssignVariableOp", "Case", "HashTableV2", "If", "LookupTableExportV2",
    "LookupTableFindV2", "LookupTableImportV2", "LookupTableSizeV2", "Placeholder",
    "ReadVariableOp", "StatefulPartitionedCall", "VarHandleOp", "VarIsInitializedOp", "While",
}  # fmt: skip
"""Operators with effects that a model may have: on its own variables and tables."""
LOADING = {"RestoreV2"}
"""What may run when it is loaded, besides."""
FORBIDDEN = re.compile(
    r"File|Dataset|Iterator|Reader|PyFunc|Checkpoint|Save|Restore|Record|Summary|Print|Send|Recv|"
    r"Remote|Rpc|Tpu|TPU|Xla|Custom|Debug|Env"
)
"""Names of operators that reach out of a model, whatever TensorFlow says of their effects."""


def refusal(folder: Path) -> str | None:
    """Returns why the SavedModel in `folder` is not loaded, or None."""
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    if path.stat().st_size > LARGEST_BYTES:
        return f"{path} is too large"
    try:
        model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except DecodeError:
        return f"{path} is no SavedModel"
    for graph in model.meta_graphs:
        for where, allowed, names in _parts(graph):
            for operator in sorted(_reached(graph.graph_def, names)):
                if not _is_allowed(operator, allowed):
                    return f"{path}: {where} runs {operator}, which no model needs"
    return None


def _parts(graph: Any) -> Iterator[tuple[str, set[str], list[str]]]:
    """What can be run: its name, what it may run besides, and the nodes that it begins from."""
    for name, signature in graph.signature_def.items():
        tensors = [*signature.inputs.values(), *signature.outputs.values()]
        allowed = LOADING if name.startswith("__saved_model") else set()
        yield f"signature {name!r}", allowed, [tensor.name for tensor in tensors]
    yield "loading it", LOADING, [graph.saver_def.restore_op_name]


def _reached(graph: Any, names: Iterable[str]) -> set[str]:
    """The operators that are run for these nodes of the main graph, in functions too."""
    functions = {one.signature.name: one for one in graph.library.function}
    nodes = {node.name: node for node in graph.node}
    waiting = [_node_of(name) for name in names]
    seen: set[str] = set()
    operators: set[str] = set()
    called: list[str] = []
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        operators.add(node.op)
        called += _functions_of(node, functions)
        waiting += [_node_of(name) for name in node.input]
    entered: set[str] = set()
    while called:
        name = called.pop()
        if name in entered:
            continue
        entered.add(name)
        for node in functions[name].node_def:
            operators.add(node.op)
            called += _functions_of(node, functions)
    return operators - set(functions)


def _node_of(tensor: str) -> str:
    return tensor.removeprefix("^").split(":")[0]


def _functions_of(node: Any, functions: Mapping[str, Any]) -> list[str]:
    named = [node.op]
    for attribute in node.attr.values():
        named += [attribute.func.name, *(one.name for one in attribute.list.func)]
    return [name for name in named if name in functions]


def _is_allowed(operator: str, besides: set[str]) -> bool:
    from tensorflow.python.framework import op_def_registry

    if operator in ALLOWED or operator in besides:
        return True
    known = op_def_registry.get(operator)
    return known is not None and not known.is_stateful and not FORBIDDEN.search(operator)
