"""The model card: the bundle's README, for the person who finds it on a server."""

from collections.abc import Iterable

from serving.bundle import LeftOut, Manifest, Proof, Signature


def card(manifest: Manifest) -> str:
    """Returns the card as Markdown."""
    return (
        "\n\n".join(
            part
            for part in (
                f"# {manifest.name}",
                _origin(manifest),
                _figures(manifest),
                "## How to call it\n\n" + _calls(manifest),
                "## Signatures\n\n" + "\n\n".join(map(_signature, manifest.signatures)),
                "## Proof\n\nLargest difference from Keras over the golden inputs in "
                "`reference.npz`, made in a fresh process from these files.\n\n"
                + proof_table(manifest.proof),
                left_out_table(manifest.left_out) if manifest.left_out else "",
                "\n".join(variant_lines(manifest.signatures)),
            )
            if part
        )
        + "\n"
    )


def proof_table(proofs: Iterable[Proof]) -> str:
    """Returns the proof as a Markdown table."""
    rows = [
        "| runtime | signature | output | largest error | of spread | decisions | samples |",
        "|---|---|---|---|---|---|---|",
    ]
    for proof in proofs:
        decisions = agreement(proof) if proof.decisions else "–"
        rows.append(
            f"| {proof.runtime} | {proof.signature} | {proof.output} | "
            f"{proof.largest_absolute_error:.1e} | {proof.largest_relative_error:.1e} | "
            f"{decisions} | {proof.samples} |"
        )
    return "\n".join(rows)


def left_out_table(left_out: Iterable[LeftOut]) -> str:
    """Returns the invented inputs that a proof could not use as a Markdown table."""
    rows = ["| signature | proven without | because |", "|---|---|---|"]
    rows += [f"| {one.signature} | {one.case} | {one.reason} |" for one in left_out]
    return "\n".join(rows)


def variant_lines(signatures: Iterable[Signature]) -> list[str]:
    """Returns a sentence for every graph of narrower numbers, or optimized: what became of it."""
    narrower = [
        f"{one.name}: {NARROWER[one.quantized.numbers]} ({one.quantized.method}), "
        f"{one.quantized.figure} {one.quantized.after:.4f} instead of {one.quantized.before:.4f}."
        for one in signatures
        if one.quantized
    ]
    return narrower + [
        f"{one.name}: optimized by ONNX Runtime, {one.optimized.after} operators instead of "
        f"{one.optimized.before}."
        for one in signatures
        if one.optimized
    ]


NARROWER = {"int8": "int8 weights", "float16": "float16", "bfloat16": "bfloat16 weights"}
"""What is narrow, by the numbers."""


def agreement(proof: Proof) -> str:
    """Returns how many decisions agree, and how many are ties, as a phrase."""
    ties = f", {proof.decisions_tied} ties" if proof.decisions_tied else ""
    return f"{proof.decisions_agreeing} of {proof.decisions} agree{ties}"


def _origin(manifest: Manifest) -> str:
    source, versions = manifest.source, manifest.versions
    config = source.get("config")
    trained = ""
    if config:
        trained = (
            f"A {config['family']} (preset `{config['preset']}`) trained on "
            f"`{config['run']['data']}`: {config['data_summary']}.\n\n"
        )
    return (
        f"{trained}Exported from `{source['path']}` (saved {manifest.created}, "
        f"SHA-256 {source['sha256'][:16]}…) with Keras {versions['keras']}, TensorFlow "
        f"{versions['tensorflow']}, tf2onnx {versions['tf2onnx']}."
    )


def _figures(manifest: Manifest) -> str:
    metrics = manifest.source.get("metrics")
    if not metrics:
        return ""
    test = "\n".join(f"| {name} | {value:.6g} |" for name, value in metrics["test"].items())
    return (
        f"## Figures\n\n| on the test part | |\n|---|---|\n{test}\n\n"
        f"{metrics['how'][0].upper()}{metrics['how'][1:]}. {metrics['parameters']:,} parameters."
    )


def _calls(manifest: Manifest) -> str:
    default = manifest.signatures[0]
    arguments = ", ".join(f"{tensor.name}=…" for tensor in default.inputs)
    codecs = [tensor.codec.name for tensor in default.inputs if tensor.codec]
    questions = {"image": "photo.png", "characters": '--prompt "…" --length 200'}
    asked = [questions[codec] for codec in codecs if codec in questions]
    if any(signature.name == "sample" for signature in manifest.signatures):
        asked = ["--out grid.png"]
    shell = f"    keras-serve predict {manifest.name} {asked[0]}\n" if asked else ""
    ours = (
        f'{shell}    python -c \'import serving; print(serving.load("{manifest.name}")'
        f".predict({arguments}))'\n\n"
    )
    return (ours if any(signature.onnx for signature in manifest.signatures) else "") + (
        "The folder above this one is a TF Serving model directory as it stands:\n\n"
        f"    tensorflow_model_server --rest_api_port=8501 --model_name={manifest.name} "
        f"--model_base_path=$PWD/{manifest.name}\n"
        f"    curl -d '{{\"instances\": [...]}}' localhost:8501/v1/models/{manifest.name}:predict"
    )


def _signature(signature: Signature) -> str:
    rows = ["| | name | dtype | shape |", "|---|---|---|---|"]
    for side, tensors in (("takes", signature.inputs), ("gives", signature.outputs)):
        rows += [
            f"| {side} | `{t.name}` | {t.dtype} | [{', '.join(map(str, t.shape))}] |"
            for t in tensors
        ]
    return (
        f"**`{signature.name}`** ({', '.join(signature.runtimes)}): {signature.summary}\n\n"
        + "\n".join(rows)
    )
