"""`.keras` files made to harm: refused before Keras sees them, and nothing else is touched.

The payloads are harmless; what would run them is looked for by an audit hook in a child process.
"""

import io
import json
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 64 * 2**20
CHILD = """
import encodings.cp437, io, json, sys, time, tracemalloc, zipfile  # a code page of archives
from pathlib import Path
import h5py
from export import archive, rehearsal
from keras_models.errors import BadInput

seen = []
WATCHED = ("open", "socket.", "subprocess.", "os.", "exec", "compile", "import", "pickle.")
sys.addaudithook(lambda e, given: e.startswith(WATCHED) and seen.append((e, str(given))))
found = {}
def reason_of(path):
    try:
        archive.check(path)
        with zipfile.ZipFile(path) as opened:
            return rehearsal.of_weights(io.BytesIO(opened.read("model.weights.h5")))
    except BadInput as error:
        return str(error)


for path in map(Path, sys.argv[1:]):
    seen.clear()
    began = time.perf_counter()
    reason_of(path)
    seconds = time.perf_counter() - began
    tracemalloc.start()
    reason = reason_of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    elsewhere = [one for one in seen if path.name not in one[1]]
    found[path.name] = {
        "reason": reason, "peak": peak, "seconds": seconds, "elsewhere": elsewhere
    }
print(json.dumps(found))
"""


def layer(name, settings=None, module="keras.layers", **more):
    record = {"class_name": name, "module": module, "registered_name": None, **more}
    return {**record, "config": {"name": "evil", **(settings or {})}}


def model(*layers):
    first = layer("InputLayer", {"name": "x", "batch_shape": [None, 4], "dtype": "float32"})
    return layer("Sequential", {"name": "model", "layers": [first, *layers]}, module="keras.models")


def dense(**settings):
    built = {"build_config": {"input_shape": [None, 4]}}
    return layer("Dense", {"units": 3, "activation": "relu", **settings}, **built)


def weights(fill=lambda file: None):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/dense/vars/0"] = np.ones((4, 3), np.float32)
        fill(file)
    return content.getvalue()


def function(module, name):
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def external(file):
    file["evil"] = h5py.ExternalLink("/etc/passwd", "/")


def outside(file):
    file.create_dataset("evil", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def virtual(file):
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8,))
    file.create_virtual_dataset("evil", layout)


def soft(file):
    file["evil"] = h5py.SoftLink("/layers")


def bomb(file):
    file.create_dataset("evil", (2**31,), "u1", chunks=(2**20,), compression="gzip")


def objects(file):
    file.create_dataset("evil", (2,), h5py.vlen_dtype(np.int32))


def references(file):
    file.create_dataset("evil", (2,), h5py.ref_dtype)


def nested(layers_count):
    inner = dense()
    for _ in range(layers_count):
        inner = layer("TimeDistributed", {"layer": inner})
    return inner


CONFIGS = {
    "a Lambda": model(layer("Lambda", {"function": "harm"})),
    "a Lambda in a wrapper": model(
        layer("TimeDistributed", {"layer": layer("Lambda", {"function": "harm"})})
    ),
    "a Lambda by its registered name": model(layer("Dense", registered_name="Custom>Lambda")),
    "a lambda for an activation": model(
        dense(activation={"class_name": "__lambda__", "config": {"value": "harm"}})
    ),
    "os.system": model(dense(activation=function("os", "system"))),
    "eval": model(dense(activation=function("builtins", "eval"))),
    "exec": model(dense(kernel_initializer=function("builtins", "exec"))),
    "a download": model(dense(activation=function("keras.utils", "get_file"))),
    "a loader of models": model(dense(activation=function("keras.models", "load_model"))),
    "a loader of arrays": model(dense(activation=function("numpy", "load"))),
    "a process": model(layer("Popen", {"args": ["touch", "harm"]}, module="subprocess")),
    "a module of nobody's": model(layer("Evil", module="evil_module")),
    "a class that only a registry has": model(
        {"class_name": "Evil", "registered_name": "evil>Evil", "config": {}, "module": None}
    ),
    "Keras' own saving code": model(layer("DiskIOStore", module="keras.src.saving.saving_lib")),
    "a utility": model(layer("Progbar", module="keras.utils")),
    "a function for a class": model(layer("load_model", module="keras.models")),
    "TFSMLayer": model(layer("TFSMLayer", {"filepath": "/tmp/evil"})),
    "TorchModuleWrapper": model(layer("TorchModuleWrapper", {"module": "pickle"})),
    "FlaxLayer": model(layer("FlaxLayer", {"module": "pickle"})),
    "JaxLayer": model(layer("JaxLayer", {"call_fn": "pickle"})),
    "a vocabulary in a file": model(layer("StringLookup", {"vocabulary": "/etc/passwd"})),
    "a text's vocabulary in a file": model(layer("TextVectorization", {"vocabulary": "x.txt"})),
    "integers in a file": model(layer("IntegerLookup", {"vocabulary": "../x.txt"})),
    "frequencies in a file": model(layer("StringLookup", {"idf_weights": "/etc/passwd"})),
    "2^40 units": model(dense(units=2**40)),
    "units without end": model(dense(units=float("inf"))),
    "10^12 embeddings": model(layer("Embedding", {"input_dim": 10**12, "output_dim": 2})),
    "more weights than there are": model(layer("Embedding", {"input_dim": 2**23, "output_dim": 9})),
    "a kernel of 2^30": model(layer("Conv2D", {"filters": 8, "kernel_size": [2**30, 2**30]})),
    "an endless shape": model(layer("Reshape", {"target_shape": [2**40]})),
    "a name that climbs": model(dense(name="../../evil")),
    "an absolute name": model(dense(name="/tmp/evil")),
    "a name with a NUL": model(dense(name="evil\0")),
    "a class without a name": model({"class_name": ["Dense"], "module": "keras.layers"}),
    "300 wrappers": model(nested(300)),
    "no model": {"layers": []},
    "a list": [model(dense())],
}
TEXTS = {
    "100,000 brackets": "[" * 100_000 + "]" * 100_000,
    "four million lists": "[" + "[]," * 4_000_000 + "[]]",
    "no JSON": "import os",
    "no text": b"\xff\xfe\x00",
    "a key twice": '{"class_name": "Sequential", "class_name": "Lambda", "config": {}}',
}
FILLS = {
    "a link to another file": external,
    "numbers out of another file": outside,
    "numbers mapped from another file": virtual,
    "a link within": soft,
    "2 GB of zeros in a few kB": bomb,
    "arrays of arrays": objects,
    "references": references,
}


def member(name, **changes):
    info = zipfile.ZipInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    return info


MEMBERS = {
    "a member that climbs": ("../evil", "x"),
    "an absolute member": ("/tmp/evil", "x"),
    "an asset that climbs": ("assets/../../evil", "x"),
    "a member of Windows'": ("assets\\..\\evil", "x"),
    "a program": ("evil.py", "print()"),
    "a symbolic link": (member("assets/evil", external_attr=0o120777 << 16), "/etc/passwd"),
    "a device": (member("assets/evil", external_attr=0o020666 << 16), "x"),
    "another packing": (member("assets/evil", compress_type=zipfile.ZIP_LZMA), "x"),
    "a bomb": (member("assets/evil", compress_type=zipfile.ZIP_DEFLATED), bytes(100_000_000)),
    "the configuration twice": ("config.json", "{}"),
    "weights twice": ("model.weights.npz", "x"),
}


def archive(path, config=None, content=None, *, extra=(), without=()):
    config = model(dense()) if config is None else config
    text = config if isinstance(config, str | bytes) else json.dumps(config)
    parts = {"config.json": text, "metadata.json": "{}", "model.weights.h5": content or weights()}
    with zipfile.ZipFile(path, "w") as file:
        for name, part in parts.items():
            if name not in without:
                file.writestr(name, part)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a name that comes twice, which is meant
            for info, part in extra:
                file.writestr(info, part)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What became of every file, by its name."""
    return examined(tmp_path_factory.mktemp("malicious"))


def examined(folder):
    """Makes every file in a folder, has one child process look at them, and returns what it saw."""
    archive(folder / "good")
    for name, config in {**CONFIGS, **TEXTS}.items():
        archive(folder / name, config)
    for name, fill in FILLS.items():
        archive(folder / name, content=weights(fill))
    for name, extra in MEMBERS.items():
        archive(folder / name, extra=[extra])
    archive(folder / "a thousand members", extra=[(f"assets/{i}", "") for i in range(1001)])
    archive(folder / "weights that are none", content=b"\x80\x04pickle")
    archive(folder / "no weights", without=["model.weights.h5"])
    archive(folder / "no configuration", without=["config.json"])
    whole = (folder / "good").read_bytes()
    (folder / "a half").write_bytes(whole[: len(whole) // 2])
    (folder / "a file of Keras 2").write_bytes(weights())
    encrypted = bytearray(whole)
    encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
    (folder / "an encrypted member").write_bytes(encrypted)
    names = sorted(path.name for path in folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *names],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(path.name for path in folder.iterdir()) == names
    return json.loads(done.stdout)


OTHERS = (
    "a thousand members", "weights that are none", "no weights", "no configuration", "a half",
    "a file of Keras 2", "an encrypted member",
)  # fmt: skip
NAMES = [*CONFIGS, *TEXTS, *FILLS, *MEMBERS, *OTHERS]


def test_a_good_file_passes(found):
    assert found["good"]["reason"] is None


@pytest.mark.parametrize("name", NAMES)
def test_a_malicious_file_is_refused_before_keras_sees_it(found, name):
    assert len(NAMES) >= 40
    assert found[name]["reason"]
    assert found[name]["elsewhere"] == []
    assert found[name]["peak"] <= MOST_BYTES
