"""The machine, prepared once before a model is built: seed, precision, devices, silence."""

from pathlib import Path

import keras
import tensorflow as tf

from keras_models.errors import BadInput
from train.settings import Run


def prepare(run: Run, *, jit: bool) -> tf.distribute.Strategy:
    """Seeds every random source, makes operations repeatable, and finds the devices.

    TensorFlow 2.21 has no XLA code for some gradients where operations are to be repeatable, not
    even for those of a CPU, which always are. So with `jit` they are left as they come.

    Args:
        run: its `seed`, and whether it is to be `deterministic`.
        jit: whether the steps will be compiled with XLA.

    Returns:
        A strategy over all GPUs of the machine, or the default one where there are fewer than two.
    """
    keras.utils.set_random_seed(run.seed)
    if run.deterministic and not jit:
        tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def precision(run: Run, *, bfloat16_pays_on_cpu: bool) -> str:
    """Decides the dtype policy of the training steps.

    Args:
        run: its `precision` is taken as it is, unless `auto`.
        bfloat16_pays_on_cpu: whether this model's steps gain by it.

    Returns:
        `float32`, `mixed_bfloat16` or `mixed_float16`. For `auto`: on a GPU what its tensor cores
        multiply (bfloat16 from compute capability 8.0, float16 from 7.0); on a CPU bfloat16 where
        the processor has instructions for it and it pays, else float32.

    Raises:
        BadInput: mixed_float16 on a machine without a GPU, where it is slower and overflows.
    """
    capability = _compute_capability()
    if run.precision == "mixed_float16" and capability is None:
        raise BadInput("--precision mixed_float16 needs a GPU: on a CPU use mixed_bfloat16")
    if run.precision != "auto":
        return run.precision
    if capability is not None:
        return _of_gpu(capability)
    return "mixed_bfloat16" if bfloat16_pays_on_cpu and _cpu_multiplies_bfloat16() else "float32"


def _of_gpu(capability: tuple[int, int]) -> str:
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"


def _compute_capability() -> tuple[int, int] | None:
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    found: list[tuple[int, int]] = [one.get("compute_capability", (0, 0)) for one in details]
    return min(found) if found else None


def _cpu_multiplies_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
