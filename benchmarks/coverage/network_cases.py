"""Structures: sequential, functional, subclassed, nested, shared, several inputs and outputs."""

import keras
import numpy as np
from keras import layers as L
from keras import ops

from benchmarks.coverage.case import Case, one, two


def cases() -> list[Case]:
    """Returns all of them."""
    found = {**_structures(), **_dtypes(), **_operations(), **_networks()}
    return [
        Case(
            group="network",
            name=name,
            build=build,
            draw=DRAWN.get(name, {}),
            loops=name in LOOPED,
        )
        for name, build in found.items()
    ]


DRAWN = {"tabular with preprocessing": {"age": lambda random, shape: random.uniform(9, 90, shape)}}
"""Inputs without which an answer hardly varies."""
LOOPED = ("fori_loop", "map", "scan", "while_loop")
"""Loops of the user's own."""


def _structures():
    return {
        "Sequential": lambda: keras.Sequential(
            [keras.Input((5,)), L.Dense(4, "relu"), L.Dense(3, "softmax")]
        ),
        "Sequential without Input": _built_sequential,
        "subclassed": _called(lambda: Subclassed(), (3, 5)),
        "subclassed of a dict": _called(lambda: OfDict(), {"a": (3, 5), "b": (3, 4)}),
        "nested": _nested,
        "shared layer": _shared,
        "three inputs": lambda: two(L.Concatenate(), (5,), (4,), (3,)),
        "two outputs": lambda: one(
            lambda x: [L.Dense(3, name="left")(x), L.Dense(2, name="right")(x)], 5
        ),
        "dict of outputs": lambda: one(
            lambda x: {"class": L.Dense(3, "softmax")(x), "box": L.Dense(4)(x)}, 5
        ),
        "dict of inputs": _dict_inputs,
        "dict of inputs and outputs": lambda: _dict_inputs(as_dict=True),
        "nested outputs": lambda: one(
            lambda x: {"a": [L.Dense(2)(x), L.Dense(3)(x)], "b": L.Dense(1)(x)}, 5
        ),
        "input is output": lambda: one(lambda x: [x, L.Dense(3)(x)], 5),
        "same tensor twice": lambda: one(lambda x: [(y := L.Dense(3)(x)), y], 5),
        "one layer, two outputs": lambda: one(lambda x: L.LSTM(3, return_state=True)(x), None, 4),
        "unused input": lambda: two(lambda x: L.Dense(3)(x[0]), (5,), (4,)),
        "constant output": lambda: one(
            lambda x: [L.Dense(3)(x), ops.ones_like(x[:1, :2])], 5
        ),
        "fixed batch": _fixed_batch,
        "batch reduced": lambda: one(lambda x: ops.mean(L.Dense(3)(x), axis=0), 5),
        "odd names": lambda: _odd_names(),
        "model in TimeDistributed": lambda: one(
            L.TimeDistributed(keras.Sequential([L.Dense(4, "gelu"), L.LayerNormalization()])),
            None, 5,
        ),
        "multi-branch": _branches,
        "residual": _residual,
    }  # fmt: skip


def _called(make, shape):
    def build():
        model = make()
        if isinstance(shape, dict):
            model({name: np.ones(one, "float32") for name, one in shape.items()})
        else:
            model(np.ones(shape, "float32"))
        return model

    return build


@keras.saving.register_keras_serializable("coverage")
class Subclassed(keras.Model):
    """A model in Python, as in Keras' guide."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first, self.second = L.Dense(7, "gelu"), L.Dense(3)

    def call(self, x, training=False):
        return self.second(self.first(x))


@keras.saving.register_keras_serializable("coverage")
class OfDict(keras.Model):
    """A model in Python that takes and gives dicts."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = L.Dense(3)

    def call(self, x):
        y = ops.concatenate([x["a"], x["b"]], axis=-1)
        return {"score": self.dense(y), "norm": ops.norm(y, axis=-1)}


def _built_sequential():
    model = keras.Sequential([L.Dense(4, "relu"), L.Dense(3)])
    model.build((None, 5))
    return model


def _nested():
    inner = keras.Sequential([keras.Input((6,)), L.Dense(4, "silu"), L.BatchNormalization()])
    x = keras.Input((5,), name="x")
    middle = keras.Model(x, inner(L.Dense(6)(x)), name="middle")
    y = keras.Input((5,), name="y")
    return keras.Model(y, L.Dense(2)(middle(y)))


def _shared():
    tower = keras.Sequential([L.Conv2D(4, 3, activation="relu"), L.GlobalAveragePooling2D()])
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    distance = ops.norm(tower(left) - tower(right), axis=-1, keepdims=True)
    return keras.Model([left, right], L.Dense(1, activation="sigmoid")(distance))


def _dict_inputs(*, as_dict=False):
    inputs = {
        "age": keras.Input((1,), name="age"),
        "city": keras.Input((1,), name="city", dtype="int32"),
    }
    y = L.Concatenate()([inputs["age"], L.Flatten()(L.Embedding(11, 3)(inputs["city"]))])
    score = L.Dense(2, name="score")(y)
    return keras.Model(inputs, {"score": score, "twice": score * 2.0} if as_dict else score)


def _fixed_batch():
    x = keras.Input(batch_shape=(4, 5), name="x")
    return keras.Model(x, L.Dense(3)(x))


def _odd_names():
    x = keras.Input((5,), name="my input:0")
    return keras.Model(x, L.Dense(3, name="a-b.c")(x))


def _branches():
    image, table = keras.Input((12, 12, 3), name="image"), keras.Input((4,), name="table")
    y = L.Flatten()(L.MaxPooling2D()(L.Conv2D(4, 3, activation="relu")(image)))
    y = L.Concatenate()([y, L.Dense(6, "tanh")(table)])
    return keras.Model([image, table], [L.Dense(3, "softmax")(y), L.Dense(1, "sigmoid")(y)])


def _residual():
    x = keras.Input((12, 12, 4), name="x")
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x)))
    y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(y))
    return keras.Model(x, L.Dense(3)(L.GlobalAveragePooling2D()(L.ReLU()(x + y))))


def _dtypes():
    found = {}
    for dtype in ("uint8", "int8", "int16", "int32", "int64", "float16", "float64", "bool"):
        found[f"input {dtype}"] = lambda d=dtype: one(
            lambda x: L.Dense(3)(ops.cast(x, "float32")), 5, dtype=d
        )
    for dtype in ("uint8", "int32", "int64", "float16", "bool"):
        found[f"output {dtype}"] = lambda d=dtype: one(
            lambda x: ops.cast(L.Dense(3)(x) * 3.0 > 0.5, d), 5
        )
    found["integer arithmetic"] = lambda: one(lambda x: (x * 3 + 1) // 2 % 5, 5, dtype="int32")
    found["bool arithmetic"] = lambda: one(
        lambda x: ops.logical_or(ops.logical_not(x), ops.roll(x, 1, axis=1)), 5, dtype="bool"
    )
    return found


def _operations():
    def op(function, *shape, dtype="float32"):
        return lambda: one(function, *shape, dtype=dtype)

    return {
        "argmax": op(lambda x: ops.argmax(x, axis=-1), 4, 6),
        "argmin": op(lambda x: ops.argmin(x, axis=1), 4, 6),
        "argsort": op(lambda x: ops.argsort(x, axis=-1), 4, 6),
        "sort": op(lambda x: ops.sort(x, axis=-1), 4, 6),
        "top_k": op(lambda x: ops.top_k(x, 3), 4, 6),
        "in_top_k": op(lambda x: ops.cast(x[:, :1] > 0, "int32") + 1, 6),
        "one_hot": op(lambda x: ops.one_hot(x, 11), None, dtype="int32"),
        "multi_hot": op(lambda x: ops.multi_hot(x, 11), 5, dtype="int32"),
        "cumsum": op(lambda x: ops.cumsum(x, axis=1), None, 6),
        "cumprod": op(lambda x: ops.cumprod(x, axis=1), 5, 6),
        "einsum": op(lambda x: ops.einsum("bij,bkj->bik", x, x), None, 6),
        "matmul": op(lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), None, 6),
        "tensordot": op(lambda x: ops.tensordot(x, ops.ones((6, 3)), axes=1), 4, 6),
        "take": op(lambda x: ops.take(x, [2, 0, 3], axis=1), 4, 6),
        "take_along_axis": op(
            lambda x: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1), 4, 6
        ),
        "scatter": op(lambda x: ops.scatter_update(x, [[0, 1]], ops.zeros((1,))), 6),
        "segment_sum": op(
            lambda x: ops.segment_sum(x[0], ops.array([0, 0, 1, 1]), num_segments=2), 4
        ),
        "where": op(lambda x: ops.where(x > 0, x, -2.0 * x), 4, 6),
        "clip": op(lambda x: ops.clip(x, -0.5, 0.5), 4, 6),
        "floor, ceil, round": op(
            lambda x: ops.floor(x) + 2 * ops.ceil(3 * x) + 5 * ops.round(x * 2), 6
        ),
        "sign and abs": op(lambda x: ops.sign(x) + ops.abs(x), 6),
        "power": op(lambda x: ops.power(ops.abs(x), 2.5), 6),
        "exp and log": op(lambda x: ops.log1p(ops.abs(x)) + ops.expm1(x) + ops.log2(x * x + 1), 6),
        "erf": op(lambda x: ops.erf(x) + ops.erfinv(ops.tanh(x) * 0.9), 6),
        "trigonometry": op(
            lambda x: ops.sin(x) + ops.cos(x) + ops.arctan(x) + ops.sinh(x) + ops.arctan2(x, x + 3),
            6,
        ),
        "rsqrt": op(lambda x: ops.rsqrt(ops.abs(x) + 0.1), 6),
        "logsumexp": op(lambda x: ops.logsumexp(x, axis=-1), 4, 6),
        "mean, var, std": op(
            lambda x: ops.mean(x, axis=1) + ops.var(x, axis=1) + ops.std(x, axis=1), 4, 6
        ),
        "max, min, prod": op(
            lambda x: ops.max(x, axis=1) + ops.min(x, axis=1) + ops.prod(x, axis=1), 4, 6
        ),
        "all and any": op(lambda x: ops.all(x > -1.0, axis=1) | ops.any(x > 1.5, axis=1), 4, 6),
        "median": op(lambda x: ops.median(x, axis=-1), 4, 6),
        "quantile": op(lambda x: ops.quantile(x, 0.3, axis=-1), 4, 6),
        "norm": op(lambda x: ops.norm(x, ord=1, axis=-1), 4, 6),
        "normalize": op(lambda x: ops.normalize(x, axis=-1), 4, 6),
        "pad reflect": op(lambda x: ops.pad(x, [[0, 0], [2, 1], [0, 0]], mode="reflect"), 6, 3),
        "pad symmetric": op(lambda x: ops.pad(x, [[0, 0], [2, 1], [0, 0]], mode="symmetric"), 6, 3),
        "roll": op(lambda x: ops.roll(x, 2, axis=1), None, 6),
        "flip": op(lambda x: ops.flip(x, axis=1), None, 6),
        "repeat": op(lambda x: ops.repeat(x, 3, axis=1), None, 6),
        "tile": op(lambda x: ops.tile(x, (1, 2, 3)), None, 6),
        "stack": op(lambda x: ops.stack([x, 2.0 * x], axis=1), None, 6),
        "split": op(lambda x: ops.split(x, 3, axis=-1), None, 6),
        "unstack": op(lambda x: ops.unstack(x, axis=1)[1], 4, 6),
        "slices": op(lambda x: x[:, 1:-1, ::2] + x[:, :-2, ::-2], None, 6),
        "last step": op(lambda x: x[:, -1], None, 6),
        "expand and squeeze": op(lambda x: ops.squeeze(ops.expand_dims(x, 1)[:, :, 1:2], 2), 4, 6),
        "broadcast_to": op(lambda x: ops.broadcast_to(x[0], (4, 6)) + x[:1, :], 6),
        "shape arithmetic": op(
            L.Lambda(lambda x: ops.reshape(x, (ops.shape(x)[0] * ops.shape(x)[1], 6))), None, 6
        ),
        "meshgrid": op(lambda x: x + ops.meshgrid(ops.arange(6.0), ops.arange(4.0))[0], 4, 6),
        "arange of a length": op(
            L.Lambda(lambda x: x + ops.cast(ops.arange(ops.shape(x)[1]), "float32")[:, None]),
            None, 6,
        ),
        "triu and tril": op(lambda x: ops.triu(x) + 2 * ops.tril(x, -1), 5, 5),
        "diagonal": op(lambda x: ops.diagonal(x, axis1=1, axis2=2), 5, 5),
        "trace": op(lambda x: ops.trace(x, axis1=1, axis2=2), 5, 5),
        "extract_patches": op(lambda x: ops.image.extract_patches(x, (2, 3)), 8, 9, 3),
        "extract_patches same": op(
            lambda x: ops.image.extract_patches(x, (3, 3), strides=(2, 2), padding="same"), 8, 9, 3
        ),
        "depth to space": op(
            lambda x: ops.reshape(
                ops.transpose(ops.reshape(x, (-1, 4, 5, 2, 2, 3)), (0, 1, 3, 2, 4, 5)),
                (-1, 8, 10, 3),
            ),
            4, 5, 12,
        ),
        "rgb_to_grayscale": op(ops.image.rgb_to_grayscale, 4, 5, 3),
        "hsv_to_rgb": op(lambda x: ops.image.hsv_to_rgb(ops.sigmoid(x)), 4, 5, 3),
        "affine_transform": op(
            lambda x: ops.image.affine_transform(
                x, np.array([[1, 0.2, -1, 0.1, 1, 0.5, 0, 0]], "float32")
            ), 8, 9, 3,
        ),
        "fft": op(lambda x: ops.fft((x, ops.zeros_like(x)))[0], 8),
        "rfft": op(lambda x: ops.rfft(x)[1], 8),
        "stft": op(lambda x: ops.stft(x, 8, 4, 8)[0], 32),
        "istft": op(
            lambda x: ops.istft(ops.stft(x, 8, 4, 8), 8, 4, 8), 32
        ),
        "solve": op(lambda x: ops.solve(x + 9.0 * ops.eye(4), x[..., :1]), 4, 4),
        "inverse": op(lambda x: ops.inv(x + 9.0 * ops.eye(4)), 4, 4),
        "determinant": op(lambda x: ops.det(x), 3, 3),
        "cholesky": op(
            lambda x: ops.cholesky(ops.matmul(x, ops.transpose(x, (0, 2, 1))) + 3.0 * ops.eye(3)),
            3, 3,
        ),
        "searchsorted": op(lambda x: ops.searchsorted(ops.arange(-2.0, 2.0), x[0]), 6),
        "digitize": op(lambda x: ops.digitize(x, np.array([-1.0, 0.0, 1.0])), 6),
        "bincount": op(lambda x: ops.bincount(x, minlength=11), 6, dtype="int32"),
        "isnan and nan_to_num": op(
            lambda x: ops.nan_to_num(ops.log(x), nan=-5.0) + ops.cast(ops.isfinite(x), "float32"), 6
        ),
        "bitwise": op(
            lambda x: ops.bitwise_xor(
                ops.bitwise_and(x, ops.array(6)), ops.left_shift(x, ops.array(1))
            ), 6, dtype="int32",
        ),
        "floor_divide": op(lambda x: ops.floor_divide(x, 0.3), 6),
        "mod": op(lambda x: ops.mod(x, 0.3), 6),
        "cross": op(lambda x: ops.cross(x, ops.flip(x, axis=-1)), 4, 3),
        "outer": op(lambda x: ops.outer(x[0], x[0]), 4),
        "correlate": op(lambda x: ops.correlate(x[0], ops.arange(3.0), mode="valid"), 6),
        "vectorized_map": op(lambda x: ops.vectorized_map(lambda y: y * ops.sum(y), x), 4, 6),
        "map": op(lambda x: ops.map(lambda y: y * ops.sum(y), x), 4, 6),
        "scan": op(lambda x: ops.scan(lambda c, y: (c + y, c * y), ops.zeros((6,)), x[0])[1], 4, 6),
        "while_loop": op(
            lambda x: ops.while_loop(
                lambda i, y: i < 5, lambda i, y: (i + 1, ops.tanh(y) + 0.1), (ops.array(0), x)
            )[1], 6,
        ),
        "fori_loop": op(lambda x: ops.fori_loop(0, 4, lambda i, y: ops.tanh(y) + 0.1, x), 6),
        "cond": op(
            L.Lambda(lambda x: ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: x - 1)), 6
        ),
        "binary_crossentropy": op(lambda x: ops.binary_crossentropy(ops.ones_like(x), x, True), 6),
        "random uniform, seeded": op(
            lambda x: x + 0.0 * keras.random.uniform((6,), seed=3), 6
        ),
        "depthwise_conv": op(
            lambda x: ops.depthwise_conv(x, np.ones((3, 3, 3, 1), "float32") / 9), 8, 9, 3
        ),
        "conv through ops": op(
            lambda x: ops.conv(x, np.ones((3, 3, 3, 6), "float32") / 9, padding="same"), 8, 9, 3
        ),
        "average_pool": op(lambda x: ops.average_pool(x, 3, 2, "same"), 8, 9, 3),
        "unfold": op(lambda x: ops.unfold(x, 3) if hasattr(ops, "unfold") else x * 2.0, 3, 8, 9),
        "batch_normalization": op(
            lambda x: ops.batch_normalization(x, np.ones(6), np.ones(6) * 2, -1), 4, 6
        ),
        "dot_product_attention": op(
            lambda x: ops.dot_product_attention(x, x, x), None, 2, 8
        ),
        "nonzero positions": op(lambda x: ops.sum(ops.cast(x > 0, "int32"), axis=-1), 4, 6),
        "logdet": op(lambda x: ops.slogdet(x)[1], 3, 3),
        "svd": op(lambda x: ops.svd(x, compute_uv=False), 3, 3),
    }  # fmt: skip


def _networks():
    return {
        "U-Net": _unet,
        "vision transformer": _vision_transformer,
        "text transformer": _text_transformer,
        "autoencoder": _autoencoder,
        "variational autoencoder": _variational,
        "WaveNet": _wavenet,
        "DCGAN generator": _generator,
        "MLP-Mixer": _mixer,
        "ConvMixer": _convmixer,
        "squeeze and excitation": _squeeze,
        "super-resolution": _super_resolution,
        "tabular with preprocessing": _tabular,
        "recommender": _recommender,
        "text convolution": _text_convolution,
        "point net": _point_net,
        "detector head": _detector,
    }


def _unet():
    x = keras.Input((16, 16, 1), name="image")
    a = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = L.Conv2D(8, 3, padding="same", activation="relu")(L.MaxPooling2D()(a))
    up = L.UpSampling2D()(b)
    y = L.Concatenate()([a, L.Conv2DTranspose(4, 2, strides=2, padding="same")(b), up])
    return keras.Model(x, L.Conv2D(1, 1, activation="sigmoid")(y))


@keras.saving.register_keras_serializable("coverage")
class ClassToken(L.Layer):
    """A learned vector put before a sequence, with learned positions."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="normal", name="token")
        self.position = self.add_weight(
            shape=(1, shape[1] + 1, shape[-1]), initializer="normal", name="position"
        )

    def call(self, x):
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([token, x], axis=1) + self.position


def _block(x, heads=2, width=8):
    y = L.LayerNormalization(epsilon=1e-6)(x)
    x = x + L.MultiHeadAttention(heads, width // heads)(y, y)
    y = L.LayerNormalization(epsilon=1e-6)(x)
    return x + L.Dense(width)(L.Dropout(0.1)(L.Dense(2 * width, activation="gelu")(y)))


def _vision_transformer():
    image = keras.Input((12, 12, 3), name="image")
    y = L.Reshape((9, 8))(L.Conv2D(8, 4, strides=4)(image))
    y = ClassToken()(y)
    for _ in range(2):
        y = _block(y)
    return keras.Model(image, L.Dense(5, activation="softmax")(L.LayerNormalization()(y)[:, 0]))


@keras.saving.register_keras_serializable("coverage")
class Positions(L.Layer):
    """Token and position embedding, as in Keras' examples."""

    def __init__(self, **options):
        super().__init__(**options)
        self.tokens = L.Embedding(11, 8, mask_zero=True)
        self.positions = L.Embedding(64, 8)

    def call(self, x):
        return self.tokens(x) + self.positions(ops.arange(0, ops.shape(x)[-1], 1))

    def compute_mask(self, x, mask=None):
        return self.tokens.compute_mask(x)


def _text_transformer():
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    y = Positions()(tokens)
    y = L.LayerNormalization()(y + L.MultiHeadAttention(2, 4)(y, y, use_causal_mask=True))
    y = L.LayerNormalization()(y + L.Dense(8)(L.Dense(16, activation="gelu")(y)))
    return keras.Model(tokens, L.Dense(11)(y))


def _autoencoder():
    x = keras.Input((12, 12, 1), name="image")
    y = L.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    code = L.Dense(5)(L.Flatten()(y))
    y = L.Reshape((6, 6, 4))(L.Dense(144, "relu")(code))
    y = L.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(y)
    return keras.Model(x, [y, code])


@keras.saving.register_keras_serializable("coverage")
class Sampling(L.Layer):
    """The reparametrization of Keras' example, whose noise is off at inference."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, inputs, training=False):
        mean, log_variance = inputs
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


def _variational():
    x = keras.Input((12,), name="x")
    y = L.Dense(8, "swish")(x)
    mean, log_variance = L.Dense(3, name="mean")(y), L.Dense(3, name="log_variance")(y)
    z = Sampling()([mean, log_variance])
    return keras.Model(x, [L.Dense(12, "sigmoid")(L.Dense(8, "swish")(z)), mean, log_variance])


def _wavenet():
    x = keras.Input((None, 1), name="wave")
    y, skips = L.Conv1D(4, 2, padding="causal")(x), []
    for rate in (1, 2, 4):
        gate = L.Conv1D(4, 2, padding="causal", dilation_rate=rate, activation="sigmoid")(y)
        filtered = L.Conv1D(4, 2, padding="causal", dilation_rate=rate, activation="tanh")(y)
        z = L.Conv1D(4, 1)(L.Multiply()([gate, filtered]))
        skips.append(z)
        y = L.Add()([y, z])
    return keras.Model(x, L.Conv1D(1, 1)(L.ReLU()(L.Add()(skips))))


def _generator():
    z = keras.Input((6,), name="latent")
    y = L.Reshape((4, 4, 8))(L.Dense(128, use_bias=False)(z))
    for width in (6, 4):
        y = L.LeakyReLU(0.2)(L.BatchNormalization()(y))
        y = L.Conv2DTranspose(width, 5, strides=2, padding="same", use_bias=False)(y)
    return keras.Model(z, L.Activation("tanh")(L.Conv2D(3, 3, padding="same")(y)))


def _mixer():
    x = keras.Input((9, 8), name="patches")
    y = L.LayerNormalization()(x)
    y = L.Permute((2, 1))(L.Dense(9)(L.Dense(12, "gelu")(L.Permute((2, 1))(y))))
    x1 = x + y
    y = L.Dense(8)(L.Dense(12, "gelu")(L.LayerNormalization()(x1)))
    return keras.Model(x, L.Dense(4)(L.GlobalAveragePooling1D()(x1 + y)))


def _convmixer():
    x = keras.Input((12, 12, 3), name="image")
    y = L.BatchNormalization()(L.Activation("gelu")(L.Conv2D(6, 3, strides=3)(x)))
    z = L.BatchNormalization()(L.Activation("gelu")(L.DepthwiseConv2D(3, padding="same")(y)))
    y = L.BatchNormalization()(L.Activation("gelu")(L.Conv2D(6, 1)(y + z)))
    return keras.Model(x, L.Dense(4, "softmax")(L.GlobalAveragePooling2D()(y)))


def _squeeze():
    x = keras.Input((None, None, 3), name="image")
    y = L.Activation("hard_silu")(L.BatchNormalization()(L.Conv2D(8, 3, strides=2)(x)))
    z = L.GlobalAveragePooling2D(keepdims=True)(y)
    z = L.Conv2D(8, 1, activation="hard_sigmoid")(L.Conv2D(4, 1, activation="relu")(z))
    return keras.Model(x, L.Conv2D(5, 1)(L.Multiply()([y, z])))


def _super_resolution():
    x = keras.Input((None, None, 1), name="image")
    y = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = L.UpSampling2D(2, interpolation="bilinear")(y)
    return keras.Model(x, L.Conv2D(1, 3, padding="same")(y))


def _tabular():
    age = keras.Input((1,), name="age")
    city = keras.Input((1,), name="city", dtype="int64")
    normal = L.Normalization(mean=[40.0], variance=[100.0])(age)
    binned = L.Discretization([20.0, 40.0, 60.0], output_mode="one_hot")(age)
    known = L.IntegerLookup(vocabulary=[1, 3, 4], output_mode="one_hot")(city)
    y = L.Concatenate()([normal, binned, known])
    return keras.Model({"age": age, "city": city}, L.Dense(1, "sigmoid")(L.Dense(6, "relu")(y)))


def _recommender():
    user = keras.Input((1,), dtype="int32", name="user")
    item = keras.Input((1,), dtype="int32", name="item")
    u, i = L.Embedding(11, 4)(user), L.Embedding(13, 4)(item)
    score = L.Flatten()(L.Dot(axes=2)([u, i])) + L.Flatten()(L.Embedding(11, 1)(user))
    return keras.Model([user, item], ops.sigmoid(score))


def _text_convolution():
    tokens = keras.Input((None,), dtype="int64", name="tokens")
    y = L.Embedding(11, 6)(tokens)
    found = [
        L.GlobalMaxPooling1D()(L.Conv1D(4, width, padding="same", activation="relu")(y))
        for width in (2, 3, 4)
    ]
    return keras.Model(tokens, L.Dense(2, "softmax")(L.Concatenate()(found)))


def _point_net():
    points = keras.Input((None, 3), name="points")
    y = L.ReLU()(L.BatchNormalization()(L.Conv1D(9, 1)(points)))
    transform = L.Reshape((3, 3))(L.Dense(9)(L.GlobalMaxPooling1D()(y)))
    y = L.Dot(axes=(2, 1))([points, transform])
    return keras.Model(points, L.Dense(4, "softmax")(L.GlobalMaxPooling1D()(L.Conv1D(8, 1)(y))))


def _detector():
    x = keras.Input((16, 16, 3), name="image")
    features, outputs = x, []
    for width in (4, 6):
        features = L.Conv2D(width, 3, strides=2, padding="same", activation="relu")(features)
        outputs.append(L.Reshape((-1, 4))(L.Conv2D(8, 3, padding="same")(features)))
    boxes = L.Concatenate(axis=1)(outputs)
    corners = ops.concatenate(
        [
            boxes[..., :2] - ops.exp(boxes[..., 2:]) / 2,
            boxes[..., :2] + ops.exp(boxes[..., 2:]) / 2,
        ],
        axis=-1,
    )
    return keras.Model(x, {"boxes": corners, "areas": ops.prod(boxes[..., 2:], axis=-1)})
