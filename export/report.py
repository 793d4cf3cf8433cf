"""The report of an export as tables: the proof and its gaps, the edges, what keeps a loop."""

from pathlib import Path

import onnx

from export.card import left_out_table, proof_table
from serving.bundle import Manifest


def report(manifest: Manifest, folder: Path) -> str:
    """Returns the report as Markdown; `keras-export --report` prints it."""
    parts = [proof_table(manifest.proof)]
    if manifest.left_out:
        parts.append(left_out_table(manifest.left_out))
    if manifest.edges:
        parts.append(edge_table(manifest))
    parts += [
        _graph(signature.name, folder / signature.onnx)
        for signature in manifest.signatures
        if signature.onnx
    ]
    return "\n\n".join(parts)


def edge_table(manifest: Manifest) -> str:
    """Returns what became of every edge as a Markdown table."""
    rows = ["| signature | edge | ONNX Runtime alone | serving |", "|---|---|---|---|"]
    for edge in manifest.edges:
        serving = "keeps it from ONNX Runtime" if edge.is_refused else "lets it pass"
        rows.append(f"| {edge.signature} | {edge.case} | {edge.outcome} | {serving} |")
    return "\n".join(rows)


def _graph(name: str, path: Path) -> str:
    """A sentence about a graph: its size, and what ONNX has no operator for."""
    graph = onnx.load(str(path), load_external_data=False).graph
    kinds = [node.op_type for node in graph.node]
    loops = sum(kind in ("Loop", "Scan") for kind in kinds)
    looped = f"; {loops} × a loop over what ONNX has no operator for" if loops else ""
    turns = kinds.count("Transpose")
    return f"{name}.onnx: {len(kinds)} operators, {turns} of them transposes{looped}."
