"""Every layer of `keras.layers` that has a meaning at inference, in its configurations."""

import keras
import numpy as np
from keras import layers as L

from benchmarks.coverage.case import Case, one, two

DIMENSIONS = {1: (12,), 2: (12, 11), 3: (7, 6, 8)}


def cases() -> list[Case]:
    """Returns all of them."""
    groups = {
        "core": _core(),
        "convolution": _convolution(),
        "pooling": _pooling(),
        "normalization": _normalization(),
        "reshaping": _reshaping(),
        "merging": _merging(),
        "attention": _attention(),
        "regularization": _regularization(),
        "preprocessing": _preprocessing(),
        "augmentation": _augmentation(),
    }
    return [
        Case(group=group, name=name, build=build)
        for group, found in groups.items()
        for name, build in found.items()
    ]


def _core():
    return {
        "Dense": lambda: one(L.Dense(4), 5),
        "Dense no bias": lambda: one(L.Dense(4, use_bias=False), 5),
        "Dense of rank 3": lambda: one(L.Dense(4, activation="relu"), None, 5),
        "Dense of rank 4": lambda: one(L.Dense(4), 3, None, 5),
        "Dense LoRA": lambda: one(L.Dense(4, lora_rank=2), 5),
        "Dense float16": lambda: one(L.Dense(4, dtype="float16"), 5, dtype="float16"),
        "Dense float64": lambda: one(L.Dense(4, dtype="float64"), 5, dtype="float64"),
        "Dense mixed_float16": lambda: one(L.Dense(4, dtype="mixed_float16"), 5),
        "Dense mixed_bfloat16": lambda: one(L.Dense(4, dtype="mixed_bfloat16"), 5),
        "EinsumDense": lambda: one(L.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"), None, 5),
        "EinsumDense heads": lambda: one(
            L.EinsumDense("abc,cde->abde", (None, 3, 4), bias_axes="de"), None, 5
        ),
        "EinsumDense merge": lambda: one(
            L.EinsumDense("abcd,cde->abe", (None, 4), bias_axes="e"), None, 3, 5
        ),
        "EinsumDense ellipsis": lambda: one(
            L.EinsumDense("...x,xy->...y", (4,), bias_axes="y"), None, 5
        ),
        "Embedding": lambda: one(L.Embedding(11, 4), None, dtype="int32"),
        "Embedding int64": lambda: one(L.Embedding(11, 4), None, dtype="int64"),
        "Embedding uint8": lambda: one(L.Embedding(11, 4), None, dtype="uint8"),
        "Embedding of float ids": lambda: one(L.Embedding(11, 4), None),
        "Embedding plus constant": lambda: one(
            lambda x: L.Embedding(11, 4)(x) + np.arange(4, dtype="float32"), 6, dtype="int32"
        ),
        "ReversibleEmbedding": lambda: one(
            lambda x: (e := L.ReversibleEmbedding(11, 4))(e(x), reverse=True), None, dtype="int32"
        ),
        "Activation": lambda: one(L.Activation("tanh"), None, 5),
        "Identity": lambda: one(lambda x: L.Identity()(x) * 2.0, 5),
        "Masking": lambda: one(lambda x: L.Masking(0.0)(x) + 1.0, None, 5),
        "ReLU of all settings": lambda: one(
            L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), 5
        ),
        "LeakyReLU": lambda: one(L.LeakyReLU(0.3), 5),
        "PReLU": lambda: one(L.PReLU("random_normal"), 5, 3),
        "PReLU shared axes": lambda: one(
            L.PReLU("random_normal", shared_axes=[1, 2]), None, None, 3
        ),
        "ELU": lambda: one(L.ELU(0.7), 5),
        "Softmax": lambda: one(L.Softmax(), None, 5),
        "Softmax axis 1": lambda: one(L.Softmax(axis=1), 4, 5),
        "Softmax axes 1 2": lambda: one(L.Softmax(axis=[1, 2]), 4, 5),
        "Softmax with mask": lambda: two(
            lambda x: L.Softmax()(x[0], mask=x[1] > 0.0), (4, 5), (4, 5)
        ),
        "Lambda": lambda: one(L.Lambda(lambda x: keras.ops.square(x) + 1.0), 5),
        "SpectralNormalization": lambda: one(L.SpectralNormalization(L.Conv2D(4, 3)), 8, 8, 3),
        "Wrapper": lambda: one(L.TimeDistributed(L.Dense(4)), None, 5),
    }


def _convolution():
    found = {}
    for rank, size in DIMENSIONS.items():
        conv = getattr(L, f"Conv{rank}D")
        transposed = getattr(L, f"Conv{rank}DTranspose")
        free = (None,) * rank
        settings = {
            "valid": {},
            "same": {"padding": "same"},
            "strides 2": {"strides": 2},
            "strides 2 same": {"strides": 2, "padding": "same"},
            "strides 3 same": {"strides": 3, "padding": "same"},
            "dilation 2": {"dilation_rate": 2},
            "dilation 2 same": {"dilation_rate": 2, "padding": "same"},
            "groups 2": {"groups": 2},
            "groups 2 strides 2 same": {"groups": 2, "strides": 2, "padding": "same"},
            "depth of groups": {"groups": 6},
            "kernel 1": {"kernel_size": 1},
            "kernel 4 same no bias": {"kernel_size": 4, "padding": "same", "use_bias": False},
        }
        if rank == 1:
            settings["causal"] = {"padding": "causal"}
            settings["causal dilation 4"] = {"padding": "causal", "dilation_rate": 4}
        for name, options in settings.items():
            given = {"kernel_size": 3, "filters": 6, **options}
            found[f"Conv{rank}D {name}"] = lambda c=conv, g=given, s=size: one(c(**g), *s, 6)
        found[f"Conv{rank}D same, free size"] = lambda c=conv, f=free: one(
            c(6, 3, padding="same", strides=2), *f, 6
        )
        found[f"Conv{rank}D channels_first"] = lambda c=conv, s=size: one(
            c(6, 3, data_format="channels_first", padding="same"), 6, *s
        )
        settings = {
            "valid": {},
            "same": {"padding": "same"},
            "strides 2": {"strides": 2},
            "strides 2 same": {"strides": 2, "padding": "same"},
            "kernel 4 strides 2 same": {"kernel_size": 4, "strides": 2, "padding": "same"},
            "strides 2 output_padding 1": {"strides": 2, "output_padding": 1},
            "strides 2 same output_padding 1": {
                "strides": 2, "output_padding": 1, "padding": "same"
            },
            "kernel 2 strides 3 valid": {"kernel_size": 2, "strides": 3},
            "kernel 2 strides 3 same": {"kernel_size": 2, "strides": 3, "padding": "same"},
            "kernel 1 strides 2 same": {"kernel_size": 1, "strides": 2, "padding": "same"},
            "dilation 2": {"dilation_rate": 2},
        }  # fmt: skip
        for name, options in settings.items():
            given = {"kernel_size": 3, "filters": 4, **options}
            found[f"Conv{rank}DTranspose {name}"] = lambda c=transposed, g=given, s=size: one(
                c(**g), *s, 3
            )
        found[f"Conv{rank}DTranspose same, free size"] = lambda c=transposed, f=free: one(
            c(4, 3, padding="same", strides=2), *f, 3
        )
        found[f"Conv{rank}DTranspose valid, free size"] = lambda c=transposed, f=free: one(
            c(4, 3, strides=2), *f, 3
        )
        found[f"Conv{rank}DTranspose channels_first"] = lambda c=transposed, s=size: one(
            c(4, 3, data_format="channels_first", padding="same", strides=2), 3, *s
        )
    for rank in (1, 2):
        for kind in ("DepthwiseConv", "SeparableConv"):
            cls = getattr(L, f"{kind}{rank}D")
            given = {} if kind == "DepthwiseConv" else {"filters": 5}
            for name, options in {
                "valid": {},
                "same": {"padding": "same"},
                "multiplier 2": {"depth_multiplier": 2},
                "strides 2 same": {"strides": 2, "padding": "same"},
                "dilation 2 same": {"dilation_rate": 2, "padding": "same"},
                "dilation 2 multiplier 2": {"dilation_rate": 2, "depth_multiplier": 2},
            }.items():
                settings = {"kernel_size": 3, **given, **options}
                found[f"{kind}{rank}D {name}"] = lambda c=cls, g=settings, s=DIMENSIONS[rank]: one(
                    c(**g), *s, 3
                )
            found[f"{kind}{rank}D same, free size"] = lambda c=cls, g=given, r=rank: one(
                c(kernel_size=3, padding="same", **g), *(None,) * r, 3
            )
            found[f"{kind}{rank}D channels_first"] = lambda c=cls, g=given, r=rank: one(
                c(kernel_size=3, data_format="channels_first", **g), 3, *DIMENSIONS[r]
            )
    found["Conv2D float16"] = lambda: one(L.Conv2D(4, 3, dtype="float16"), 8, 8, 3, dtype="float16")
    found["Conv2D of uint8"] = lambda: one(
        lambda x: L.Conv2D(4, 3)(L.Rescaling(1 / 255)(x)), 8, 8, 3, dtype="uint8"
    )
    found["Conv2D then BatchNormalization"] = lambda: one(
        lambda x: L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, use_bias=False)(x))), 8, 8, 3
    )
    found["Conv2D rectangular"] = lambda: one(
        L.Conv2D(4, (3, 5), strides=(2, 1), padding="same"), 9, 10, 3
    )
    return found


def _pooling():
    found = {}
    for rank, size in DIMENSIONS.items():
        for kind in ("Max", "Average"):
            cls = getattr(L, f"{kind}Pooling{rank}D")
            for name, options in {
                "valid": {},
                "same": {"padding": "same"},
                "pool 3 strides 2 same": {"pool_size": 3, "strides": 2, "padding": "same"},
                "pool 2 strides 1 same": {"strides": 1, "padding": "same"},
                "pool 3 strides 1": {"pool_size": 3, "strides": 1},
            }.items():
                given = {"pool_size": 2, **options}
                found[f"{kind}Pooling{rank}D {name}"] = lambda c=cls, g=given, s=size: one(
                    c(**g), *s, 3
                )
            found[f"{kind}Pooling{rank}D free size"] = lambda c=cls, r=rank: one(
                c(2, padding="same"), *(None,) * r, 3
            )
            found[f"{kind}Pooling{rank}D channels_first"] = lambda c=cls, s=size: one(
                c(2, data_format="channels_first"), 3, *s
            )
            whole = getattr(L, f"Global{kind}Pooling{rank}D")
            found[f"Global{kind}Pooling{rank}D"] = lambda c=whole, r=rank: one(c(), *(None,) * r, 3)
            found[f"Global{kind}Pooling{rank}D keepdims"] = lambda c=whole, s=size: one(
                c(keepdims=True), *s, 3
            )
            found[f"Global{kind}Pooling{rank}D channels_first"] = lambda c=whole, s=size: one(
                c(data_format="channels_first"), 3, *s
            )
            adaptive = getattr(L, f"Adaptive{kind}Pooling{rank}D")
            found[f"Adaptive{kind}Pooling{rank}D"] = lambda c=adaptive, s=size: one(c(4), *s, 3)
            found[f"Adaptive{kind}Pooling{rank}D channels_first"] = lambda c=adaptive, s=size: one(
                c(5, data_format="channels_first"), 3, *s
            )
    found["GlobalAveragePooling1D masked"] = lambda: one(
        lambda x: L.GlobalAveragePooling1D()(L.Embedding(11, 4, mask_zero=True)(x)),
        None,
        dtype="int32",
    )
    return found


def _normalization():
    found = {
        "BatchNormalization": lambda: one(L.BatchNormalization(), 5),
        "BatchNormalization rank 4": lambda: one(L.BatchNormalization(), None, None, 5),
        "BatchNormalization axis 1": lambda: one(L.BatchNormalization(axis=1), 5, 4, 3),
        "BatchNormalization no scale": lambda: one(
            L.BatchNormalization(center=False, scale=False), 4, 5
        ),
        "BatchNormalization masked": lambda: one(
            lambda x: L.BatchNormalization()(L.Masking()(x)), None, 5
        ),
        "BatchNormalization mixed_float16": lambda: one(
            L.BatchNormalization(dtype="mixed_float16"), 4, 5
        ),
        "LayerNormalization": lambda: one(L.LayerNormalization(), None, 5),
        "LayerNormalization no scale": lambda: one(
            L.LayerNormalization(center=False, scale=False), None, 5
        ),
        "LayerNormalization axes 1 2": lambda: one(L.LayerNormalization(axis=[1, 2]), 4, 5),
        "LayerNormalization axis 1": lambda: one(L.LayerNormalization(axis=1), 4, 5),
        "LayerNormalization rms": lambda: one(
            lambda x: L.LayerNormalization(rms_scaling=True)(x), None, 5
        ),
        "LayerNormalization mixed_float16": lambda: one(
            L.LayerNormalization(dtype="mixed_float16"), None, 5
        ),
        "RMSNormalization": lambda: one(L.RMSNormalization(), None, 5),
        "GroupNormalization": lambda: one(L.GroupNormalization(2), 6, 5, 4),
        "GroupNormalization free size": lambda: one(L.GroupNormalization(2), None, None, 4),
        "GroupNormalization per channel": lambda: one(L.GroupNormalization(-1), 6, 5, 4),
        "GroupNormalization axis 1": lambda: one(L.GroupNormalization(2, axis=1), 4, 5, 6),
        "UnitNormalization": lambda: one(L.UnitNormalization(), None, 5),
        "UnitNormalization axis 1": lambda: one(L.UnitNormalization(axis=1), 4, 5),
        "SpectralNormalization Dense": lambda: one(L.SpectralNormalization(L.Dense(4)), 5),
    }
    return found


def _reshaping():
    found = {
        "Flatten": lambda: one(L.Flatten(), 3, 4, 5),
        "Flatten free size": lambda: one(L.Flatten(), None, 5),
        "Flatten channels_first": lambda: one(L.Flatten(data_format="channels_first"), 3, 4, 5),
        "Reshape": lambda: one(L.Reshape((5, 4)), 4, 5),
        "Reshape free size": lambda: one(L.Reshape((-1, 2, 5)), None, 10),
        "Permute": lambda: one(L.Permute((3, 1, 2)), 3, None, 5),
        "RepeatVector": lambda: one(L.RepeatVector(3), 5),
    }
    for rank, size in DIMENSIONS.items():
        up, crop, pad = (
            getattr(L, f"{k}{rank}D") for k in ("UpSampling", "Cropping", "ZeroPadding")
        )
        found[f"UpSampling{rank}D"] = lambda c=up, s=size: one(c(3), *s, 3)
        found[f"UpSampling{rank}D free size"] = lambda c=up, r=rank: one(c(2), *(None,) * r, 3)
        found[f"Cropping{rank}D"] = lambda c=crop, s=size: one(c(1), *s, 3)
        found[f"ZeroPadding{rank}D"] = lambda c=pad, s=size: one(c(2), *s, 3)
        found[f"ZeroPadding{rank}D free size"] = lambda c=pad, r=rank: one(c(1), *(None,) * r, 3)
        if rank > 1:
            for kind, cls in (("UpSampling", up), ("Cropping", crop), ("ZeroPadding", pad)):
                found[f"{kind}{rank}D channels_first"] = lambda c=cls, s=size: one(
                    c(2, data_format="channels_first"), 3, *s
                )
    for method in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
        found[f"UpSampling2D {method}"] = lambda m=method: one(
            L.UpSampling2D((2, 3), interpolation=m), 6, 5, 3
        )
    found["UpSampling2D bilinear free size"] = lambda: one(
        L.UpSampling2D(2, interpolation="bilinear"), None, None, 3
    )
    return found


def _merging():
    found = {}
    for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        count = 2 if kind == "Subtract" else 3
        found[kind] = lambda k=kind, n=count: two(getattr(L, k)(), *((None, 5),) * n)
    found |= {
        "Add broadcast": lambda: two(L.Add(), (4, 5), (1, 5)),
        "Add of other ranks": lambda: two(L.Add(), (4, 5), (5,)),
        "Concatenate axis 1": lambda: two(L.Concatenate(axis=1), (None, 5), (3, 5)),
        "Concatenate masked": lambda: two(
            lambda x: L.LSTM(3)(L.Concatenate()([L.Masking()(one) for one in x])), (6, 5), (6, 5)
        ),
        "Dot": lambda: two(L.Dot(axes=1), (5,), (5,)),
        "Dot normalized": lambda: two(L.Dot(axes=1, normalize=True), (5,), (5,)),
        "Dot of rank 3": lambda: two(L.Dot(axes=(2, 2)), (None, 5), (3, 5)),
        "Dot axes 2 1": lambda: two(L.Dot(axes=(2, 1)), (4, 5), (5, 3)),
    }
    return found


def _attention():
    def heads(**options):
        return lambda x: L.MultiHeadAttention(2, 4, **options)(x, x)

    def call(**options):
        return lambda x: L.MultiHeadAttention(2, 4)(x, x, **options)

    return {
        "MultiHeadAttention": lambda: one(heads(), None, 8),
        "MultiHeadAttention value_dim": lambda: one(heads(value_dim=3, output_shape=5), None, 8),
        "MultiHeadAttention no bias": lambda: one(heads(use_bias=False), None, 8),
        "MultiHeadAttention gate": lambda: one(heads(use_gate=True), None, 8),
        "MultiHeadAttention causal": lambda: one(call(use_causal_mask=True), None, 8),
        "MultiHeadAttention scores": lambda: one(call(return_attention_scores=True), None, 8),
        "MultiHeadAttention masked": lambda: one(
            lambda x: heads()(L.Embedding(11, 8, mask_zero=True)(x)), None, dtype="int32"
        ),
        "MultiHeadAttention masked causal": lambda: one(
            lambda x: call(use_causal_mask=True)(L.Embedding(11, 8, mask_zero=True)(x)),
            None,
            dtype="int32",
        ),
        "MultiHeadAttention attention_mask": lambda: two(
            lambda x: L.MultiHeadAttention(2, 4)(x[0], x[0], attention_mask=x[1] > 0.0),
            (6, 8),
            (6, 6),
        ),
        "MultiHeadAttention cross": lambda: two(
            lambda x: L.MultiHeadAttention(2, 4)(x[0], x[1]), (None, 8), (None, 6)
        ),
        "MultiHeadAttention over two axes": lambda: one(
            lambda x: L.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x), 3, 4, 8
        ),
        "MultiHeadAttention mixed_float16": lambda: one(heads(dtype="mixed_float16"), None, 8),
        "GroupQueryAttention": lambda: one(lambda x: L.GroupQueryAttention(4, 4, 2)(x, x), None, 8),
        "GroupQueryAttention causal": lambda: one(
            lambda x: L.GroupQueryAttention(4, 4, 2)(x, x, use_causal_mask=True), None, 8
        ),
        "Attention": lambda: two(L.Attention(), (None, 5), (None, 5)),
        "Attention scaled": lambda: two(L.Attention(use_scale=True), (None, 5), (None, 5)),
        "Attention concat": lambda: two(
            L.Attention(use_scale=True, score_mode="concat"), (None, 5), (None, 5)
        ),
        "Attention causal": lambda: two(
            lambda x: L.Attention()(x, use_causal_mask=True), (6, 5), (6, 5)
        ),
        "AdditiveAttention": lambda: two(L.AdditiveAttention(), (None, 5), (None, 5)),
        "Attention masked": lambda: one(
            lambda x: L.Attention()([(e := L.Embedding(11, 5, mask_zero=True)(x)), e]),
            None,
            dtype="int32",
        ),
    }


def _regularization():
    names = (
        "Dropout", "SpatialDropout1D", "GaussianDropout", "GaussianNoise", "AlphaDropout",
    )  # fmt: skip
    found = {
        name: lambda n=name: one(lambda x: L.Dense(4)(getattr(L, n)(0.3)(x)), None, 5)
        for name in names
    }
    found["SpatialDropout2D"] = lambda: one(lambda x: L.SpatialDropout2D(0.3)(x) * 2.0, 4, 5, 3)
    found["SpatialDropout3D"] = lambda: one(lambda x: L.SpatialDropout3D(0.3)(x) * 2.0, 4, 5, 2, 3)
    found["ActivityRegularization"] = lambda: one(
        lambda x: L.ActivityRegularization(0.1)(x) * 2.0, 5
    )
    return found


def _adapted(layer, data):
    layer.adapt(data)
    return layer


def _preprocessing():
    random = np.random.default_rng(3)
    table = random.normal(2.0, 3.0, (50, 5)).astype("float32")
    found = {
        "Rescaling": lambda: one(L.Rescaling(1 / 127.5, -1.0), None, None, 3, dtype="uint8"),
        "Rescaling per channel": lambda: one(L.Rescaling([0.1, 0.2, 0.3]), 4, 5, 3),
        "Normalization": lambda: one(_adapted(L.Normalization(), table), 5),
        "Normalization given": lambda: one(L.Normalization(mean=3.0, variance=2.0), 5),
        "Normalization inverted": lambda: one(_adapted(L.Normalization(invert=True), table), 5),
        "Normalization of one number": lambda: one(
            _adapted(L.Normalization(axis=None), table), 4, 5
        ),
        "Discretization": lambda: one(L.Discretization([-1.0, 0.0, 0.5]), 5),
        "Discretization one_hot": lambda: one(
            L.Discretization([-1.0, 0.0, 0.5], output_mode="one_hot"), 1
        ),
        "Discretization multi_hot": lambda: one(
            L.Discretization([-1.0, 0.0, 0.5], output_mode="multi_hot"), 5
        ),
        "Discretization adapted": lambda: one(_adapted(L.Discretization(num_bins=4), table), 5),
        "CategoryEncoding one_hot": lambda: one(
            L.CategoryEncoding(11, output_mode="one_hot"), 1, dtype="int32"
        ),
        "CategoryEncoding multi_hot": lambda: one(
            L.CategoryEncoding(11, output_mode="multi_hot"), 5, dtype="int32"
        ),
        "CategoryEncoding count": lambda: one(
            L.CategoryEncoding(11, output_mode="count"), 5, dtype="int32"
        ),
        "IntegerLookup": lambda: one(L.IntegerLookup(vocabulary=[2, 5, 7, 3]), 5, dtype="int64"),
        "IntegerLookup mask_token": lambda: one(
            L.IntegerLookup(vocabulary=[2, 5, 7], mask_token=0), 5, dtype="int64"
        ),
        "IntegerLookup 3 oov": lambda: one(
            L.IntegerLookup(vocabulary=[2, 5, 7], num_oov_indices=3), 5, dtype="int64"
        ),
        "IntegerLookup multi_hot": lambda: one(
            L.IntegerLookup(vocabulary=[2, 5, 7], output_mode="multi_hot"), 5, dtype="int64"
        ),
        "IntegerLookup inverted": lambda: one(
            L.IntegerLookup(vocabulary=[2, 5, 7], invert=True), 5, dtype="int64"
        ),
        "Hashing": lambda: one(L.Hashing(7), 5, dtype="int64"),
        "Hashing with a salt": lambda: one(L.Hashing(7, salt=3), 5, dtype="int64"),
        "HashedCrossing": lambda: two(L.HashedCrossing(7), (1,), (1,), dtype="int64"),
        "CenterCrop": lambda: one(L.CenterCrop(4, 5), 8, 9, 3),
        "CenterCrop larger": lambda: one(L.CenterCrop(12, 10), 8, 9, 3),
        "CenterCrop free size": lambda: one(L.CenterCrop(4, 5), None, None, 3),
        "STFTSpectrogram": lambda: one(
            L.STFTSpectrogram(frame_length=16, frame_step=8, fft_length=16), 64, 1
        ),
        "STFTSpectrogram log": lambda: one(
            L.STFTSpectrogram("log", frame_length=16, frame_step=8, fft_length=16), 64, 1
        ),
        "MelSpectrogram": lambda: one(
            L.MelSpectrogram(fft_length=64, sequence_stride=16, num_mel_bins=8), 256
        ),
        # Keras makes a cycle of it in a functional model; while it serves it leaves images alone.
        "Equalization": lambda: one(
            L.Lambda(lambda x: L.Equalization()(x, training=False) * 2.0), 8, 9, 3
        ),
        "AutoContrast": lambda: one(L.AutoContrast(), 8, 9, 3),
        "Solarization": lambda: one(
            L.Solarization(addition_factor=0.0, threshold_factor=0.5), 8, 9, 3, dtype="uint8"
        ),
    }
    for method in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"):
        found[f"Resizing {method} up"] = lambda m=method: one(
            L.Resizing(13, 17, interpolation=m), 8, 9, 3
        )
        found[f"Resizing {method} down"] = lambda m=method: one(
            L.Resizing(5, 4, interpolation=m), 12, 13, 3
        )
    found |= {
        "Resizing antialias": lambda: one(L.Resizing(5, 4, antialias=True), 12, 13, 3),
        "Resizing bicubic antialias": lambda: one(
            L.Resizing(5, 4, interpolation="bicubic", antialias=True), 12, 13, 3
        ),
        "Resizing free size": lambda: one(L.Resizing(8, 8), None, None, 3),
        "Resizing of uint8": lambda: one(L.Resizing(8, 8), None, None, 3, dtype="uint8"),
        "Resizing keep aspect": lambda: one(L.Resizing(8, 8, pad_to_aspect_ratio=True), 12, 16, 3),
        "Resizing crop": lambda: one(L.Resizing(8, 8, crop_to_aspect_ratio=True), 12, 16, 3),
        "Resizing crop free size": lambda: one(
            L.Resizing(8, 8, crop_to_aspect_ratio=True), None, None, 3
        ),
        "Resizing channels_first": lambda: one(
            L.Resizing(8, 8, data_format="channels_first"), 3, 12, 13
        ),
        "Pipeline": lambda: one(L.Pipeline([L.Rescaling(2.0), L.CenterCrop(4, 4)]), 8, 9, 3),
    }
    return found


def _augmentation():
    given = {
        "RandomBrightness": 0.2, "RandomContrast": 0.2, "RandomFlip": "horizontal",
        "RandomRotation": 0.2, "RandomZoom": 0.2, "RandomShear": 0.2, "RandomHue": 0.2,
        "RandomSaturation": 0.5, "RandomSharpness": 0.5, "RandomGrayscale": 0.5,
        "RandomPosterization": 4, "RandomColorDegeneration": 0.5, "RandomInvert": 0.5,
        "RandomErasing": 0.5, "RandomPerspective": 0.5, "RandomGaussianBlur": 0.5,
    }  # fmt: skip
    found = {
        name: lambda n=name, a=argument: one(lambda x: L.Conv2D(4, 3)(getattr(L, n)(a)(x)), 8, 9, 3)
        for name, argument in given.items()
    }
    for name in ("RandomColorJitter", "RandAugment", "AugMix", "RandomElasticTransform", "MixUp"):
        found[name] = lambda n=name: one(lambda x: L.Conv2D(4, 3)(getattr(L, n)()(x)), 8, 9, 3)
    found["RandomTranslation"] = lambda: one(
        lambda x: L.Conv2D(4, 3)(L.RandomTranslation(0.2, 0.2)(x)), 8, 9, 3
    )
    found["RandomCrop"] = lambda: one(lambda x: L.Conv2D(4, 3)(L.RandomCrop(6, 6)(x)), 8, 9, 3)
    return found
