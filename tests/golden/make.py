"""Writes the golden numbers beside this file: python make.py (two to three minutes; versions in requirements.txt).
`python make.py lstm schedules` writes these files alone.

Keras on JAX is the source, because the layers follow Keras; PyTorch checks what both define alike.
Layers, optimizers and losses are computed in double from inputs that float represents exactly.
"""
import importlib
import importlib.metadata
import json
import os
import pathlib
import struct
import subprocess
import sys

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
NAMES = sys.argv[1:]
PARTS = ["training", "training_f64"]   # each in a process of its own: JAX reads its precision when it is imported
PART = NAMES[0] if len(NAMES) == 1 and NAMES[0] in PARTS else None
os.environ["JAX_ENABLE_X64"] = "0" if PART == "training" else "1"

import jax
import jax.numpy as jnp
import keras
import numpy as np


class Torch:
    """PyTorch, imported when a case first asks for it: one that Keras alone defines does without."""

    def __getattr__(self, name):
        return getattr(importlib.import_module("torch"), name)


def versions():
    found = {"keras": keras.__version__, "jax": jax.__version__}
    try:
        found["torch"] = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        pass
    return found | {"numpy": np.__version__}


torch = Torch()
HERE = pathlib.Path(__file__).parent
KINDS = ["linear", "relu", "sigmoid", "tanh", "softmax"]
RARE_KINDS = ["gelu", "gelu_tanh", "silu", "elu", "leaky_relu", "softplus", "log_softmax"]
VERSIONS = versions()
DTYPES = {"float64": "F64", "float32": "F32", "int32": "I32", "uint8": "U8"}


def save(name, source, tensors):
    """The safetensors format: header size, JSON header padded to 8 bytes, data, widest elements first."""
    header, data, at = {"__metadata__": {"source": source, **VERSIONS}}, [], 0
    arrays = {key: np.asarray(value) for key, value in tensors.items()}
    for key in sorted(arrays, key=lambda k: (-arrays[k].dtype.itemsize, k)):
        array = np.ascontiguousarray(arrays[key]).reshape(arrays[key].shape)
        header[key] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape),
                       "data_offsets": [at, at + array.nbytes]}
        data.append(array.tobytes())
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (HERE / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))
    print(f"{name}: {len(arrays)} tensors, {8 + len(text) + at} bytes")


def normal(rng, *shape, scale=1.0):
    return (scale * rng.standard_normal(shape)).astype(np.float32).astype(np.float64)


def agree(what, a, b, tolerance=1e-12):
    worst = float(np.max(np.abs(np.asarray(a) - np.asarray(b))))
    assert worst <= tolerance, f"{what}: differs from PyTorch by {worst}"


def torch_gradients(outputs, upstream, inputs):
    sum((o * torch.tensor(d)).sum() for o, d in zip(outputs, upstream)).backward()
    return [i.grad.numpy() for i in inputs]


def leaf(array):
    return torch.tensor(np.asarray(array), requires_grad=True)


def run_layer(rng, layer, x, weights, states=(), **options):
    """Outputs, and the gradients of sum(output * upstream) over all outputs, of one Keras layer."""
    variables = [jnp.asarray(w) for w in weights]
    fixed = [v.value for v in layer.non_trainable_variables]

    def call(variables, x, states):
        if states:
            options["initial_state"] = list(states)
        outputs, after = layer.stateless_call(variables, fixed, x, **options)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        return outputs, after

    outputs, after = call(variables, jnp.asarray(x), [jnp.asarray(s) for s in states])
    upstream = [normal(rng, *o.shape) for o in outputs]

    def loss(variables, x, states):
        return sum(jnp.sum(o * d) for o, d in zip(call(variables, x, states)[0], upstream))

    if np.issubdtype(np.asarray(x).dtype, np.integer):
        gradients = (jax.grad(loss)(variables, jnp.asarray(x), []), None, [])
    else:
        gradients = jax.grad(loss, (0, 1, 2))(variables, jnp.asarray(x), [jnp.asarray(s) for s in states])
    return outputs, upstream, gradients, after


def keras_activation(kind):
    return (lambda x: keras.activations.gelu(x, approximate=True)) if kind == "gelu_tanh" else kind


def activation_cases():
    rng, tensors = np.random.default_rng(1), {}
    for kind in KINDS + RARE_KINDS:
        x = normal(rng, 5, 7, scale=2)
        x[0, :3] = [0, 20, -20]
        if kind == "leaky_relu":   # JAX's derivative at 0 is 1, PyTorch's and TensorFlow's the slope
            x[0, 0] = 1
        layer = keras.layers.Activation(keras_activation(kind))
        outputs, upstream, gradients, _ = run_layer(rng, layer, x, [])
        t = leaf(x)
        f = {"linear": lambda v: v * 1, "softmax": lambda v: torch.softmax(v, -1),
             "gelu": torch.nn.functional.gelu, "gelu_tanh": lambda v: torch.nn.functional.gelu(v, approximate="tanh"),
             "silu": torch.nn.functional.silu, "elu": torch.nn.functional.elu,
             "leaky_relu": lambda v: torch.nn.functional.leaky_relu(v, 0.2), "softplus": torch.nn.functional.softplus,
             "log_softmax": lambda v: torch.log_softmax(v, -1)}.get(kind) or getattr(torch, kind)
        y = f(t)
        agree(kind, y.detach(), outputs[0])
        agree(kind, torch_gradients([y], upstream, [t])[0], gradients[1])
        tensors |= {f"{kind}/x": x, f"{kind}/y": outputs[0], f"{kind}/dy": upstream[0], f"{kind}/dx": gradients[1]}
    save("activation", "keras", tensors)


def dense_cases():
    rng, tensors = np.random.default_rng(2), {}
    kinds = KINDS + ["time", "no_bias", "gelu", "silu", "leaky_relu", "log_softmax"]
    for kind in kinds:
        shape = (3, 5, 7) if kind == "time" else (5, 7)
        x, kernel, bias = normal(rng, *shape), normal(rng, 7, 4, scale=0.5), normal(rng, 4)
        weights = [kernel] if kind == "no_bias" else [kernel, bias]
        activation = "tanh" if kind in ("time", "no_bias") else kind
        layer = keras.layers.Dense(4, activation=activation, use_bias=kind != "no_bias")
        layer.build(shape)
        outputs, upstream, gradients, _ = run_layer(rng, layer, x, weights)
        names = ["kernel", "bias"][:len(weights)]
        tensors |= {f"{kind}/x": x, f"{kind}/y": outputs[0], f"{kind}/dy": upstream[0], f"{kind}/dx": gradients[1]}
        tensors |= {f"{kind}/{n}": w for n, w in zip(names, weights)}
        tensors |= {f"{kind}/d{n}": g for n, g in zip(names, gradients[0])}
    save("dense", "keras", tensors)


def embedding_cases():
    rng = np.random.default_rng(3)
    ids = np.array([[3, 3, 1, 0, 10, 2], [0, 0, 5, 3, 10, 1], [7, 4, 7, 7, 0, 0]], np.int32)
    table = normal(rng, 11, 5)
    layer = keras.layers.Embedding(11, 5, mask_zero=True)
    layer.build((3, 6))
    outputs, upstream, gradients, _ = run_layer(rng, layer, ids, [table])
    t = leaf(table)
    agree("embedding", torch_gradients([torch.nn.functional.embedding(torch.tensor(ids), t)], upstream, [t])[0],
          gradients[0][0])
    mask = np.asarray(layer.compute_mask(ids)).astype(np.uint8)
    save("embedding", "keras", {"ids": ids, "table": table, "y": outputs[0], "mask": mask, "dy": upstream[0],
                                "dtable": gradients[0][0]})


LSTM_NAMES = ["kernel", "recurrent_kernel", "bias"]


def lstm_weights(rng, d, u):
    return [normal(rng, d, 4 * u, scale=0.5), normal(rng, u, 4 * u, scale=0.5), normal(rng, 4 * u, scale=0.5)]


def time_mask():
    """Five rows: leading padding, trailing padding, holes, all masked, none masked."""
    rows = ["001111", "111100", "101101", "000000", "111111"]
    return np.array([[int(c) for c in row] for row in rows], np.uint8)


def torch_lstm_check(name, x, weights, sequences, upstream, gradients, y):
    kernel, recurrent, bias = [torch.tensor(w) for w in weights]
    layer = torch.nn.LSTM(x.shape[2], recurrent.shape[0], batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(kernel.T)
        layer.weight_hh_l0.copy_(recurrent.T)
        layer.bias_ih_l0.copy_(bias)
        layer.bias_hh_l0.zero_()
    t = leaf(x)
    out = layer(t)[0]
    out = out if sequences else out[:, -1]
    agree(name, out.detach(), y)
    dx, = torch_gradients([out], upstream[:1], [t])
    agree(name, dx, gradients[1])
    agree(name, layer.weight_ih_l0.grad.T, gradients[0][0])
    agree(name, layer.weight_hh_l0.grad.T, gradients[0][1])
    agree(name, layer.bias_ih_l0.grad, gradients[0][2])


def lstm_cases():
    rng, tensors = np.random.default_rng(4), {}
    time, d, u = 6, 5, 4

    def record(name, x, weights, result, outputs=("y", "h", "c"), states=(), extra=()):
        values, upstream, gradients, _ = result
        tensors.update({f"{name}/x": x, f"{name}/dx": gradients[1], **{f"{name}/{k}": v for k, v in extra}})
        for n, w, g in zip(LSTM_NAMES, weights, gradients[0]):
            tensors.update({f"{name}/{n}": w, f"{name}/d{n}": g})
        for n, v, g in zip(outputs, values, upstream):
            tensors.update({f"{name}/{n}": v, f"{name}/d{n}": g})
        for n, s, g in zip(("h0", "c0"), states, gradients[2]):
            tensors.update({f"{name}/{n}": s, f"{name}/d{n}": g})

    def case(name, mask=False, state=False, **options):
        mask = time_mask() if mask else None
        batch = 3 if mask is None else len(mask)
        x, weights = normal(rng, batch, time, d), lstm_weights(rng, d, u)
        states = [normal(rng, batch, u), normal(rng, batch, u)] if state else []
        layer = keras.layers.LSTM(u, **options)
        layer.build(x.shape)
        weights = weights if layer.cell.use_bias else weights[:2]
        call = {} if mask is None else {"mask": jnp.asarray(mask.astype(bool))}
        result = run_layer(rng, layer, x, weights, states, **call)
        record(name, x, weights, result, states=states, extra=[] if mask is None else [("mask", mask)])
        if name in ("last", "sequences"):
            torch_lstm_check(name, x, weights, name == "sequences", result[1], result[2], result[0][0])

    case("last")
    case("sequences", return_sequences=True)
    case("no_bias", use_bias=False)
    case("state", return_state=True)
    case("sequences_state", return_sequences=True, return_state=True)
    case("backwards", go_backwards=True)
    case("backwards_sequences", go_backwards=True, return_sequences=True)
    case("initial", state=True, return_state=True)
    case("initial_sequences", state=True, return_sequences=True, return_state=True)
    case("mask", mask=True)
    case("mask_sequences", mask=True, return_sequences=True)
    case("mask_state", mask=True, return_sequences=True, return_state=True)
    case("mask_initial", mask=True, state=True, return_sequences=True, return_state=True)
    case("mask_backwards", mask=True, go_backwards=True)
    case("mask_backwards_sequences", mask=True, go_backwards=True, return_sequences=True)

    # Stateful: the second batch starts from the states after the first, without a gradient between the two.
    weights = lstm_weights(rng, d, u)
    layer = keras.layers.LSTM(u, stateful=True, return_sequences=True, return_state=True)
    layer.build((3, time, d))
    layer.set_weights(weights)
    for part in ("first", "second"):
        x = normal(rng, 3, time, d)
        result = run_layer(rng, layer, x, weights)
        agree("stateful", layer(x)[0], result[0][0])
        record(f"stateful/{part}", x, weights, result)

    # Dropout with given masks. Keras draws one mask for all gates, but one per gate (i, f, c, o) as soon as
    # recurrent_dropout is not zero. Masks are the same for every time step and hold 0 or 1 / (1 - rate).
    def dropout(name, gates, recurrent, mask=False):
        mask = time_mask() if mask else None
        batch = 3 if mask is None else len(mask)
        x, weights = normal(rng, batch, time, d), lstm_weights(rng, d, u)
        draw = lambda n, size: ((rng.random((n, batch, size)) < 0.75) / np.float32(0.75)).astype(np.float64)
        inputs, hidden = draw(gates, d), draw(gates, u)
        layer = keras.layers.LSTM(u, dropout=0.25, recurrent_dropout=0.25 if recurrent else 0, return_sequences=True)
        layer.build(x.shape)
        masks = [jnp.asarray(m) for m in inputs]
        layer.cell.get_dropout_mask = lambda _: masks if gates == 4 else masks[0]
        layer.cell.get_recurrent_dropout_mask = lambda _: [jnp.asarray(m) for m in hidden]
        call = {} if mask is None else {"mask": jnp.asarray(mask.astype(bool))}
        result = run_layer(rng, layer, x, weights, training=True, **call)
        extra = [("input_mask", inputs if gates == 4 else inputs[0])]
        extra += [("recurrent_mask", hidden)] if recurrent else []
        extra += [] if mask is None else [("mask", mask)]
        record(name, x, weights, result, extra=extra)

    dropout("dropout", 1, False)
    dropout("recurrent_dropout", 4, True)
    dropout("recurrent_dropout_mask", 4, True, mask=True)
    save("lstm", "keras", tensors)


def bidirectional_cases():
    rng, tensors = np.random.default_rng(5), {}
    time, d, u = 6, 5, 4
    for merge in ("concat", "sum", "mul", "ave"):
        for sequences in (False, True):
            for masked in (False, True):
                name = merge + ("_sequences" if sequences else "") + ("_mask" if masked else "")
                mask = time_mask()
                x = normal(rng, len(mask), time, d)
                weights = lstm_weights(rng, d, u) + lstm_weights(rng, d, u)
                layer = keras.layers.Bidirectional(keras.layers.LSTM(u, return_sequences=sequences), merge_mode=merge)
                layer.build(x.shape)
                call = {"mask": jnp.asarray(mask.astype(bool))} if masked else {}
                outputs, upstream, gradients, _ = run_layer(rng, layer, x, weights, **call)
                tensors |= {f"{name}/x": x, f"{name}/dx": gradients[1]}
                tensors |= {f"{name}/y": outputs[0], f"{name}/dy": upstream[0]}
                tensors |= {f"{name}/mask": mask} if masked else {}
                places = [f"{side}/{{}}{n}" for side in ("forward", "backward") for n in LSTM_NAMES]
                for place, w, g in zip(places, weights, gradients[0]):
                    tensors |= {f"{name}/{place.format('')}": w, f"{name}/{place.format('d')}": g}
    save("bidirectional", "keras", tensors)


def pooling_cases():
    rng, tensors = np.random.default_rng(6), {}
    for name in ("plain", "mask"):
        x, mask = normal(rng, 4, 6, 5), time_mask()[[0, 1, 2, 4]]
        layer = keras.layers.GlobalAveragePooling1D()
        call = {"mask": jnp.asarray(mask.astype(bool))} if name == "mask" else {}
        outputs, upstream, gradients, _ = run_layer(rng, layer, x, [], **call)
        tensors |= {f"{name}/x": x, f"{name}/y": outputs[0], f"{name}/dy": upstream[0], f"{name}/dx": gradients[1]}
        tensors |= {f"{name}/mask": mask} if name == "mask" else {}
    save("global_average_pooling_1d", "keras", tensors)


def normalization_cases():
    rng, tensors = np.random.default_rng(9), {}
    keras.config.set_epsilon(0)   # Keras adds its global epsilon to the number of unmasked steps
    names = ["gamma", "beta"]

    def batch(name, *shape, training, mask=None, **options):
        x = normal(rng, *shape) * 2 + 1
        x = x.astype(np.float32).astype(float)
        layer = keras.layers.BatchNormalization(**options)
        layer.build(shape)
        used = [n for n in names if options.get({"gamma": "scale", "beta": "center"}[n], True)]
        weights = [normal(rng, shape[-1]) for _ in used]
        moving = [normal(rng, shape[-1]), rng.uniform(0.5, 2, shape[-1]).astype(np.float32).astype(float)]
        layer.set_weights(weights + moving)
        call = {} if mask is None else {"mask": jnp.asarray(mask.astype(bool))}
        outputs, upstream, gradients, after = run_layer(rng, layer, x, weights, training=training, **call)
        tensors.update({f"{name}/x": x, f"{name}/y": outputs[0], f"{name}/dy": upstream[0], f"{name}/dx": gradients[1]})
        tensors.update({} if mask is None else {f"{name}/mask": mask})
        for n, w, g in zip(used, weights, gradients[0]):
            tensors.update({f"{name}/{n}": w, f"{name}/d{n}": g})
        for n, v, a in zip(("moving_mean", "moving_variance"), moving, after):
            tensors.update({f"{name}/{n}": v, f"{name}/{n}_after": a})
        if mask is None and len(used) == 2 and len(shape) == 2:
            t, g, b = leaf(x), leaf(weights[0]), leaf(weights[1])
            mean, variance = [torch.tensor(v) for v in moving]
            y = torch.nn.functional.batch_norm(t, mean, variance, g, b, training, 1 - layer.momentum, layer.epsilon)
            agree(name, y.detach(), outputs[0])
            for theirs, ours in zip(torch_gradients([y], upstream, [t, g, b]), [gradients[1], *gradients[0]]):
                agree(name, theirs, ours)
            agree(name, mean, after[0])
            unbiased = x.var(0, ddof=1) - x.var(0) if training else 0
            agree(name, variance, after[1] + (1 - layer.momentum) * unbiased)

    for training, suffix in ((True, ""), (False, "_inference")):
        batch(f"plain{suffix}", 6, 5, training=training)
        batch(f"images{suffix}", 3, 4, 2, 5, training=training, momentum=0.8, epsilon=0.01)
        batch(f"mask{suffix}", 5, 6, 4, training=training, mask=time_mask())
    batch("no_scale", 6, 5, training=True, scale=False)
    batch("no_center", 6, 5, training=True, center=False)
    save("batch_normalization", "keras", tensors)

    tensors.clear()
    for name, shape, options in (("plain", (6, 5), {}), ("time", (3, 4, 7), {"epsilon": 0.01}), ("axes", (3, 4, 2, 5), {"axis": [-2, -1]}),
                                 ("no_scale", (6, 5), {"scale": False}), ("no_center", (6, 5), {"center": False})):
        x = normal(rng, *shape)
        layer = keras.layers.LayerNormalization(**options)
        layer.build(shape)
        weights = [normal(rng, *w.shape) for w in layer.weights]
        outputs, upstream, gradients, _ = run_layer(rng, layer, x, weights)
        tensors |= {f"{name}/x": x, f"{name}/y": outputs[0], f"{name}/dy": upstream[0], f"{name}/dx": gradients[1]}
        for w, value, g in zip(layer.weights, weights, gradients[0]):
            tensors |= {f"{name}/{w.name}": value, f"{name}/d{w.name}": g}
        if len(weights) == 2:
            t, g, b = leaf(x), leaf(weights[0]), leaf(weights[1])
            y = torch.nn.functional.layer_norm(t, weights[0].shape, g, b, layer.epsilon)
            agree(name, y.detach(), outputs[0])
            for theirs, ours in zip(torch_gradients([y], upstream, [t, g, b]), [gradients[1], *gradients[0]]):
                agree(name, theirs, ours)
    save("layer_normalization", "keras", tensors)
    keras.config.set_epsilon(1e-7)


def shaping_cases():
    """Layers that move values: Permute, RepeatVector, Masking, TimeDistributed."""
    rng, tensors = np.random.default_rng(20), {}

    def record(name, layer, x, weights=(), **options):
        layer(jnp.asarray(x))   # builds it
        outputs, upstream, gradients, _ = run_layer(rng, layer, x, list(weights), **options)
        tensors.update({f"{name}/x": x, f"{name}/y": outputs[0], f"{name}/dy": upstream[0], f"{name}/dx": gradients[1]})
        for n, w, g in zip(("kernel", "bias"), weights, gradients[0]):
            tensors.update({f"{name}/{n}": w, f"{name}/d{n}": g})

    record("permute_2_1", keras.layers.Permute((2, 1)), normal(rng, 2, 3, 4))
    record("permute_3_1_2", keras.layers.Permute((3, 1, 2)), normal(rng, 2, 3, 4, 2))
    record("repeat_vector", keras.layers.RepeatVector(4), normal(rng, 3, 5))
    for name, value in (("masking", 0.0), ("masking_value", -0.5)):
        x = normal(rng, 3, 4, 3)
        x[0, 1], x[1, 3], x[2] = value, value, value
        x[0, 2, 1] = value
        layer = keras.layers.Masking(value)
        record(name, layer, x)
        tensors[f"{name}/made"] = np.asarray(layer.compute_mask(jnp.asarray(x))).astype(np.uint8)
    for name in ("time_distributed", "time_distributed_mask"):
        mask = time_mask()[:3]
        x = normal(rng, 3, 6, 5)
        layer = keras.layers.TimeDistributed(keras.layers.Dense(4, activation="tanh"))
        call = {"mask": jnp.asarray(mask.astype(bool))} if name.endswith("mask") else {}
        record(name, layer, x, [normal(rng, 5, 4, scale=0.5), normal(rng, 4)], **call)
        if call:
            tensors[f"{name}/mask"] = mask
    save("shaping", "keras", tensors)


def loss_cases():
    """Per-sample losses with the gradient of their sum, then reduced ones with weights and masks."""
    rng, tensors = np.random.default_rng(7), {}

    def record(name, make, p, target, weights=None, mask=None):
        for suffix, dtype in (("f64", np.float64), ("f32", np.float32)):
            loss = make(reduction=None, dtype=np.dtype(dtype).name)
            reduced = make(dtype=np.dtype(dtype).name)
            x = jnp.asarray(p.astype(dtype))

            def mean(x, w=None, m=None):
                if m is not None:
                    x = x + 0
                    keras.src.backend.set_keras_mask(x, jnp.asarray(m.astype(bool)))
                return reduced(target, x, w)

            values, dp = loss(target, x), jax.grad(lambda x: jnp.sum(loss(target, x)))(x)
            tensors[f"{name}/{suffix}/loss"], tensors[f"{name}/{suffix}/dp"] = values, dp
            tensors[f"{name}/{suffix}/mean"] = np.asarray(mean(x))
            tensors[f"{name}/{suffix}/dmean"] = jax.grad(mean)(x)
            for key, w, m in (("weighted", weights, None), ("masked", None, mask), ("weighted_masked", weights, mask)):
                if (w is None and "weighted" in key) or (m is None and "masked" in key):
                    continue
                tensors[f"{name}/{suffix}/{key}"] = np.asarray(mean(x, w, m))
                tensors[f"{name}/{suffix}/d{key}"] = jax.grad(mean)(x, w, m)
        tensors.update({f"{name}/p": p, f"{name}/target": target})
        tensors.update({} if weights is None else {f"{name}/weights": weights})
        tensors.update({} if mask is None else {f"{name}/mask": mask})

    bce = lambda **k: keras.losses.BinaryCrossentropy(**k)
    bce_logits = lambda **k: keras.losses.BinaryCrossentropy(from_logits=True, **k)
    sce = lambda **k: keras.losses.SparseCategoricalCrossentropy(**k)
    sce_logits = lambda **k: keras.losses.SparseCategoricalCrossentropy(from_logits=True, **k)
    uniform = lambda *s: rng.uniform(0.02, 0.98, s).astype(np.float32).astype(float)
    positive = lambda *s: rng.uniform(0, 2, s).astype(np.float32).astype(float)
    bits = lambda *s: rng.integers(0, 2, s).astype(float)

    p, target = uniform(8, 1), np.array([[0, 1, 0, 1, 0, 1, 0, 1]], float).T
    p[:4, 0] = [0, 0, 1, 1]
    record("binary/probabilities", bce, p, target, positive(8))
    z = normal(rng, 8, 1, scale=3)
    z[:4, 0] = [50, 50, -50, 0]
    record("binary/logits", bce_logits, z, target, positive(8))
    record("binary/soft_targets", bce, uniform(6, 1), uniform(6, 1))
    record("binary/several", bce, uniform(4, 3), bits(4, 3), positive(4))
    record("binary/time", bce, uniform(5, 6, 1), bits(5, 6, 1), positive(5, 6), time_mask())

    def softmax(*shape):
        e = np.exp(normal(rng, *shape))
        return (e / e.sum(-1, keepdims=True)).astype(np.float32).astype(float)

    p, target = softmax(6, 4), rng.integers(0, 4, 6).astype(np.int32)
    p[0], p[1], target[0], target[1] = [0, 1, 0, 0], [0, 1, 0, 0], 1, 2
    record("sparse_categorical/probabilities", sce, p, target, positive(6))
    record("sparse_categorical/not_normalised", sce, uniform(5, 4), rng.integers(0, 4, 5).astype(np.int32))
    z = normal(rng, 6, 4, scale=3)
    z[0] = [100, -100, 0, 50]
    record("sparse_categorical/logits", sce_logits, z, target, positive(6))
    record("sparse_categorical/time", sce, softmax(5, 6, 4), rng.integers(0, 4, (5, 6)).astype(np.int32),
           positive(5, 6), time_mask())
    record("sparse_categorical/time_logits", sce_logits, normal(rng, 5, 6, 4),
           rng.integers(0, 4, (5, 6)).astype(np.int32), positive(5, 6), time_mask())
    t = leaf(z)
    torch.nn.functional.cross_entropy(t, torch.tensor(target, dtype=torch.int64)).backward()
    agree("cross-entropy", t.grad, tensors["sparse_categorical/logits/f64/dmean"])

    smooth = {"label_smoothing": 0.1}
    cce = lambda **k: keras.losses.CategoricalCrossentropy(**k)
    cce_logits = lambda **k: keras.losses.CategoricalCrossentropy(from_logits=True, **k)
    one_hot = lambda *s: np.eye(s[-1])[rng.integers(0, s[-1], s[:-1])]
    record("binary/smooth", lambda **k: bce(**smooth, **k), uniform(6, 2), bits(6, 2))
    record("binary/smooth_logits", lambda **k: bce_logits(**smooth, **k), normal(rng, 6, 2, scale=3), bits(6, 2))
    p, target = softmax(6, 4), one_hot(6, 4)
    p[0], p[1], target[0], target[1] = [0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]
    record("categorical/probabilities", cce, p, target, positive(6))
    record("categorical/not_normalised", cce, uniform(5, 4), uniform(5, 4))
    record("categorical/logits", cce_logits, z, target, positive(6))
    record("categorical/time", cce, softmax(5, 6, 4), one_hot(5, 6, 4), positive(5, 6), time_mask())
    record("categorical/time_logits", cce_logits, normal(rng, 5, 6, 4), one_hot(5, 6, 4), positive(5, 6), time_mask())
    record("categorical/smooth", lambda **k: cce(**smooth, **k), softmax(6, 4), target)
    record("categorical/smooth_logits", lambda **k: cce_logits(**smooth, **k), z, target)
    t = leaf(z)
    torch.nn.functional.cross_entropy(t, torch.tensor(target), label_smoothing=0.1).backward()
    agree("smoothed cross-entropy", t.grad, tensors["categorical/smooth_logits/f64/dmean"])
    for name, make in (("mean_squared_error", keras.losses.MeanSquaredError),
                       ("mean_absolute_error", keras.losses.MeanAbsoluteError), ("huber", keras.losses.Huber)):
        p, target = normal(rng, 8, 1), normal(rng, 8, 1)
        p[0] = target[0] if name != "mean_absolute_error" else p[0]   # JAX says that |x| has slope 1 at 0
        record(f"{name}/one", make, p, target, positive(8))
        record(f"{name}/several", make, normal(rng, 4, 3), normal(rng, 4, 3), positive(4))
        record(f"{name}/time", make, normal(rng, 5, 6, 3), normal(rng, 5, 6, 3), positive(5, 6), time_mask())
    p, target = normal(rng, 6, 3), normal(rng, 6, 3)
    record("huber/half", lambda **k: keras.losses.Huber(delta=0.5, **k), p, target)
    t = leaf(p)
    torch.nn.functional.huber_loss(t, torch.tensor(target), delta=0.5).backward()
    agree("huber", t.grad, tensors["huber/half/f64/dmean"])
    save("losses", "keras", tensors)


def metric_cases():
    """Metrics of the same ten rows, plain and weighted."""
    rng, tensors = np.random.default_rng(9), {}
    uniform = lambda *s: rng.uniform(0, 1, s).astype(np.float32).astype(float)
    p, t, w, labels = uniform(10, 3), uniform(10, 3), uniform(10), rng.integers(0, 3, 10).astype(np.int32)
    multi, one_hot = (uniform(10, 3) > 0.6).astype(float), np.eye(3)[labels]
    score, bits = uniform(10, 1), rng.integers(0, 2, (10, 1)).astype(float)
    tensors |= {"p": p, "t": t, "w": w, "labels": labels, "multi": multi, "score": score, "bits": bits}
    m = keras.metrics
    cases = {
        "mse": (m.MeanSquaredError(), t, p), "mae": (m.MeanAbsoluteError(), t, p),
        "rmse": (m.RootMeanSquaredError(), t, p), "r2": (m.R2Score(), t, p),
        "r2_variance": (m.R2Score(class_aggregation="variance_weighted_average"), t, p),
        "f1_micro": (m.F1Score(average="micro"), one_hot, p), "f1_macro": (m.F1Score(average="macro"), one_hot, p),
        "f1_weighted": (m.F1Score(average="weighted"), one_hot, p),
        "f1_threshold": (m.F1Score(average="macro", threshold=0.4), multi, p),
        "f1_binary": (m.F1Score(average="macro", threshold=0.5), bits, score),
        "top_1": (m.TopKCategoricalAccuracy(k=1), one_hot, p), "top_2": (m.TopKCategoricalAccuracy(k=2), one_hot, p),
        "sparse_top_2": (m.SparseTopKCategoricalAccuracy(k=2), labels, p),
        "categorical": (m.CategoricalAccuracy(), one_hot, p)}
    for name, metric in (("precision", m.Precision), ("recall", m.Recall)):
        for key, options, y, x in (("binary", {}, bits, score), ("low", {"thresholds": 0.3}, bits, score), ("multi", {}, multi, p),
                                   ("top_2", {"top_k": 2}, multi, p), ("class_1", {"class_id": 1}, multi, p),
                                   ("top_1_class_2", {"top_k": 1, "class_id": 2}, multi, p)):
            cases[f"{name}_{key}"] = (metric(**options), y, x)
    for key, (metric, y, x) in cases.items():
        for suffix, weights in (("", None), ("/weighted", w)):
            metric.reset_state()
            metric.update_state(y, x, sample_weight=weights)
            tensors[key + suffix] = np.asarray(metric.result(), dtype=np.float64)
    save("metrics", "keras", tensors)


def optimizer_cases():
    """Twenty steps on three tensors; w/0 and so on hold the values after each step, in double."""
    rng, tensors = np.random.default_rng(8), {}
    shapes, steps = [(4, 3), (5,), (1,)], 20
    start = [normal(rng, *s) for s in shapes]
    gradients = [normal(rng, steps, *s) for s in shapes]
    gradients[0][3:7, 1] = 0
    gradients[1][0] = 0
    gradients[2] *= 1e-6
    for i in range(3):
        tensors |= {f"start/{i}": start[i], f"gradient/{i}": gradients[i]}

    def trajectory(name, values):
        for i in range(3):
            tensors[f"{name}/w/{i}"] = np.stack([v[i] for v in values])

    def with_keras(name, optimizer, kept=()):
        variables = [keras.Variable(w, dtype="float64") for w in start]
        if kept:
            optimizer.exclude_from_weight_decay(var_list=[variables[i] for i in kept])
        optimizer.build(variables)
        assert optimizer.learning_rate.dtype == "float64"
        values = []
        for t in range(steps):
            optimizer.apply([jnp.asarray(g[t]) for g in gradients], variables)
            values.append([np.asarray(v.value) for v in variables])
        trajectory(name, values)
        return optimizer

    def with_torch(name, make):
        leaves = [leaf(w) for w in start]
        optimizer, values = make(leaves), []
        for t in range(steps):
            for w, g in zip(leaves, gradients):
                w.grad = torch.tensor(g[t])
            optimizer.step()
            values.append([w.detach().numpy().copy() for w in leaves])
        trajectory(name, values)

    adam = with_keras("adam", keras.optimizers.Adam())
    for i in range(3):
        tensors[f"adam/m/{i}"] = np.asarray(adam._momentums[i].value)
        tensors[f"adam/v/{i}"] = np.asarray(adam._velocities[i].value)
    with_keras("adam_other", keras.optimizers.Adam(0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3))
    with_keras("sgd", keras.optimizers.SGD(0.01))
    with_keras("sgd_momentum", keras.optimizers.SGD(0.01, momentum=0.9))
    with_keras("sgd_nesterov", keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True))
    with_torch("torch_adam", lambda p: torch.optim.Adam(p, lr=1e-3))
    with_torch("torch_sgd", lambda p: torch.optim.SGD(p, lr=0.01))

    def mean_of_gradients(p):
        optimizer = torch.optim.SGD(p, lr=0.1, momentum=0.8, dampening=0.8)
        for w in p:   # without it the first step takes the gradient undamped
            optimizer.state[w]["momentum_buffer"] = torch.zeros_like(w)
        return optimizer

    with_torch("torch_momentum_averaged", mean_of_gradients)
    with_torch("torch_nesterov", lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True))
    with_keras("adamw", keras.optimizers.AdamW())
    with_keras("adamw_other", keras.optimizers.AdamW(0.05, weight_decay=0.3, beta_1=0.8, beta_2=0.9, epsilon=1e-3), [1])
    with_torch("torch_adamw", lambda p: torch.optim.AdamW(p, lr=1e-3))
    with_keras("rmsprop", keras.optimizers.RMSprop())
    with_keras("rmsprop_momentum", keras.optimizers.RMSprop(0.01, rho=0.8, momentum=0.9, epsilon=1e-3))
    with_keras("rmsprop_centered", keras.optimizers.RMSprop(0.01, centered=True))
    with_keras("rmsprop_all", keras.optimizers.RMSprop(0.02, rho=0.7, momentum=0.5, epsilon=1e-4, centered=True))
    schedules = keras.optimizers.schedules
    with_keras("adam_cosine", keras.optimizers.Adam(schedules.CosineDecay(0.05, 12, alpha=0.1)))
    with_keras("momentum_warmup", keras.optimizers.SGD(
        schedules.CosineDecay(0.001, 10, warmup_target=0.02, warmup_steps=5), momentum=0.9))
    for i in range(3):
        agree("sgd", tensors[f"torch_sgd/w/{i}"], tensors[f"sgd/w/{i}"])
        agree("nesterov", tensors[f"torch_nesterov/w/{i}"], tensors[f"sgd_nesterov/w/{i}"])
    save("optimizers", "keras; torch_* from torch", tensors)


def schedule_cases():
    """Learning rates of the updates 0 to 99."""
    schedules, tensors = keras.optimizers.schedules, {}

    def record(name, schedule):
        tensors[name] = np.array([float(schedule(np.int64(step))) for step in range(100)])

    record("exponential_decay", schedules.ExponentialDecay(0.1, 7, 0.9))
    record("exponential_decay/staircase", schedules.ExponentialDecay(0.1, 7, 0.9, staircase=True))
    record("polynomial_decay", schedules.PolynomialDecay(0.1, 60))
    record("polynomial_decay/power", schedules.PolynomialDecay(0.1, 60, 0.02, power=2.5))
    record("polynomial_decay/cycle", schedules.PolynomialDecay(0.1, 30, 0.02, power=0.5, cycle=True))
    record("cosine_decay", schedules.CosineDecay(0.1, 60))
    record("cosine_decay/alpha", schedules.CosineDecay(0.1, 60, alpha=0.25))
    record("cosine_decay/warmup", schedules.CosineDecay(0.01, 60, alpha=0.25, warmup_target=0.2, warmup_steps=20))
    record("cosine_decay_restarts", schedules.CosineDecayRestarts(0.1, 11))
    record("cosine_decay_restarts/same", schedules.CosineDecayRestarts(0.1, 11, t_mul=1.0, m_mul=0.8, alpha=0.1))
    record("cosine_decay_restarts/other", schedules.CosineDecayRestarts(0.1, 11, t_mul=1.5, m_mul=0.8, alpha=0.1))
    record("piecewise_constant_decay", schedules.PiecewiseConstantDecay([10, 30, 31], [0.4, 0.3, 0.2, 0.1]))
    save("schedules", "keras", tensors)


def mix(block, count):
    """A hash of block * 2^20 + i in 32-bit arithmetic; README.md has the C++ twin."""
    x = (np.arange(count, dtype=np.uint64) + (block << 20)) & 0xFFFFFFFF
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x7FEB352D)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(15)
    x = (x * np.uint64(0x846CA68B)) & np.uint64(0xFFFFFFFF)
    return x ^ (x >> np.uint64(16))


def values(block, scale, *shape):
    """In [-scale/2, scale/2), exact in float for powers of two."""
    unit = (mix(block, int(np.prod(shape))) >> np.uint64(8)).astype(np.float32) * np.float32(2.0 ** -24)
    return ((unit - np.float32(0.5)) * np.float32(scale)).reshape(shape)


def integers(block, below, *shape):
    return (mix(block, int(np.prod(shape))) % np.uint64(below)).astype(np.int32).reshape(shape)


def lstm_start(block, d, u):
    bias = np.zeros(4 * u, np.float32)
    bias[u:2 * u] = 1
    return [values(block, 0.25, d, 4 * u), values(block + 1, 0.25, u, 4 * u), bias]


def padded_ids(block, below, batches, batch, time):
    """Row r has 3 + hash % (time - 2) tokens; odd rows are padded in front, even rows at the end."""
    ids = integers(block, below, batches * batch, time)
    for row, extra in enumerate(integers(block + 1, time - 2, batches * batch)):
        pad = time - 3 - extra
        ids[row, :pad if row % 2 else 0] = 0
        if row % 2 == 0:
            ids[row, time - pad:] = 0
    return ids.reshape(batches, batch, time)


def training_cases():
    layers, tensors = keras.layers, {}

    def train(name, model, loss, x, y, weights, sample_weight=None, steps=50):
        model.build((None,) + x.shape[2:])
        model(x[0])
        model.set_weights(weights)
        model.compile(keras.optimizers.Adam(1e-3), loss)
        losses = []
        for step in range(steps):
            model.reset_metrics()   # train_on_batch reports a running mean otherwise
            b = step % len(x)
            losses.append(model.train_on_batch(x[b], y[b], None if sample_weight is None else sample_weight[b]))
        tensors[f"{name}/losses"] = np.array(losses, keras.config.floatx())
        print(name, losses[0], losses[-1])
        return model

    model = keras.Sequential([layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(10, "softmax")])
    zeros = lambda n: np.zeros(n, np.float32)
    train("mlp_small", model, "sparse_categorical_crossentropy", values(1, 2, 8, 32, 20), integers(2, 10, 8, 32),
          [values(3, 0.5, 20, 64), zeros(64), values(4, 0.5, 64, 64), zeros(64), values(5, 0.5, 64, 10), zeros(10)])

    ones = lambda n: np.ones(n, np.float32)
    statistics = [ones(64), zeros(64), zeros(64), ones(64)]
    model = keras.Sequential([layers.Dense(64, use_bias=False), layers.BatchNormalization(), layers.Activation("relu"),
                              layers.Dense(64, "relu"), layers.BatchNormalization(), layers.Dense(10, "softmax")])
    model = train("batch_norm", model, "sparse_categorical_crossentropy", values(1, 2, 8, 32, 20), integers(2, 10, 8, 32),
                  [values(3, 0.5, 20, 64), *statistics, values(4, 0.5, 64, 64), zeros(64), *statistics,
                   values(5, 0.5, 64, 10), zeros(10)])
    for n in ("moving_mean", "moving_variance"):
        tensors[f"batch_norm/{n}"] = np.asarray(getattr(model.layers[1], n).value)
    model = keras.Sequential([layers.Dense(64, "relu"), layers.LayerNormalization(), layers.Dense(64, "relu"),
                              layers.LayerNormalization(), layers.Dense(10, "softmax")])
    train("layer_norm", model, "sparse_categorical_crossentropy", values(1, 2, 8, 32, 20), integers(2, 10, 8, 32),
          [values(3, 0.5, 20, 64), zeros(64), ones(64), zeros(64), values(4, 0.5, 64, 64), zeros(64), ones(64), zeros(64),
           values(5, 0.5, 64, 10), zeros(10)])
    model = keras.Sequential([layers.Embedding(50, 8, mask_zero=True), layers.BatchNormalization(), layers.LSTM(6),
                              layers.Dense(3, "softmax")])
    train("masked_batch_norm", model, "sparse_categorical_crossentropy", padded_ids(1, 50, 8, 16, 12), integers(3, 3, 8, 16),
          [values(4, 1, 50, 8), ones(8), zeros(8), zeros(8), ones(8), *lstm_start(5, 8, 6), values(7, 0.5, 6, 3), zeros(3)])

    model = keras.Sequential([layers.Embedding(10000, 50), layers.LSTM(64), layers.Dense(1, "sigmoid")])
    train("lstm_text", model, "binary_crossentropy", integers(1, 10000, 8, 32, 100), integers(2, 2, 8, 32, 1),
          [values(3, 1, 10000, 50), *lstm_start(4, 50, 64), values(6, 0.5, 64, 1), zeros(1)])

    model = keras.Sequential([layers.Embedding(50, 8, mask_zero=True), layers.Bidirectional(layers.LSTM(6)),
                              layers.Dense(3, "softmax")])
    train("masked", model, "sparse_categorical_crossentropy", padded_ids(1, 50, 8, 16, 12), integers(3, 3, 8, 16),
          [values(4, 0.125, 50, 8), *lstm_start(5, 8, 6), *lstm_start(7, 8, 6), values(9, 0.5, 12, 3), zeros(3)])

    # One loss per time step: mean over unmasked steps, then with weights of its own for each step.
    for name in ("tagger", "tagger_weighted"):
        model = keras.Sequential([layers.Embedding(50, 8, mask_zero=True), layers.LSTM(6, return_sequences=True),
                                  layers.Dense(5, "softmax")])
        weight = values(8, 2, 8, 16, 12) + 1 if name == "tagger_weighted" else None
        train(name, model, "sparse_categorical_crossentropy", padded_ids(1, 50, 8, 16, 12), integers(3, 5, 8, 16, 12),
              [values(4, 0.125, 50, 8), *lstm_start(5, 8, 6), values(7, 0.5, 6, 5), zeros(5)], weight)
    save(PART, f"keras, {keras.config.floatx()}", tensors)


def fit_cases():
    """What compile and fit take beside an optimizer and a loss: three epochs of one model in rows as they stand."""
    tensors, optimizers = {}, keras.optimizers
    x, y = values(1, 2, 24, 5).astype("float64"), integers(2, 3, 24)

    def fit(name, optimizer, kernel=None, constraint=None, batch=8, rows=24, **options):
        first = keras.layers.Dense(4, "tanh", kernel_regularizer=kernel, kernel_constraint=constraint)
        model = keras.Sequential([first, keras.layers.Dense(3, "softmax")])
        model.build((None, 5))
        model.set_weights([values(3, 0.5, 5, 4), np.zeros(4), values(4, 0.5, 4, 3), np.zeros(3)])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
        history = model.fit(x[:rows], y[:rows], batch_size=batch, epochs=3, shuffle=False, verbose=0, **options)
        for k, w in zip(("dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"), model.get_weights()):
            tensors[f"{name}/{k}"] = np.asarray(w)
        for k, v in history.history.items():
            tensors[f"{name}/{k}"] = np.array(v, "float64")
        tensors[f"{name}/evaluate"] = np.array([model.evaluate(x, y, batch_size=8, verbose=0)[0]], "float64")
        print(name, history.history["loss"])

    fit("plain", optimizers.SGD(0.5))
    fit("l1l2", optimizers.SGD(0.5), kernel=keras.regularizers.L1L2(0.01, 0.02))
    fit("max_norm", optimizers.SGD(0.5), constraint=keras.constraints.MaxNorm(0.4))
    fit("clip_value", optimizers.SGD(0.5, clipvalue=0.01))
    fit("clip_norm", optimizers.SGD(0.5, clipnorm=0.05))
    fit("clip_global_norm", optimizers.SGD(0.5, global_clipnorm=0.05))
    fit("ema", optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9))
    fit("accumulate", optimizers.Adam(0.05, gradient_accumulation_steps=3), batch=4)
    fit("class_weight", optimizers.SGD(0.5), class_weight={0: 2.0, 1: 0.5})
    fit("all", optimizers.Adam(0.05, global_clipnorm=0.05, use_ema=True, ema_momentum=0.9),
        kernel=keras.regularizers.L1L2(0.01, 0.02), class_weight={0: 2.0, 1: 0.5})
    save("fit", "keras, float64", tensors)


def adapted_normalization_cases():
    rng, tensors = np.random.default_rng(17), {}
    for name, shape, axis, invert in [("last", (7, 5), -1, False), ("time", (4, 6, 3), -1, False), ("two", (4, 6, 3), (1, 2), False),
                                      ("all", (4, 6, 3), None, False), ("invert", (7, 5), -1, True)]:
        data = normal(rng, 50, *shape[1:], scale=3) + np.arange(shape[-1]) * 10
        data[..., 0] = 2.5  # a column without variance
        x, dy = normal(rng, *shape), normal(rng, *shape)
        if not invert:
            x[..., 0] = 2.5
        layer = keras.layers.Normalization(axis=axis, invert=invert, dtype="float64")
        layer.adapt(data)
        y, back = jax.vjp(lambda v: layer(v), jnp.asarray(x))
        tensors |= {f"{name}/data": data, f"{name}/x": x, f"{name}/y": y, f"{name}/dy": dy, f"{name}/dx": back(jnp.asarray(dy))[0],
                    f"{name}/mean": np.asarray(layer.mean).reshape(-1), f"{name}/variance": np.asarray(layer.variance).reshape(-1)}
    save("normalization", "keras.layers.Normalization", tensors)


CASES = {"activation": activation_cases, "dense": dense_cases, "embedding": embedding_cases, "lstm": lstm_cases,
         "bidirectional": bidirectional_cases, "global_average_pooling_1d": pooling_cases, "batch_normalization": normalization_cases,
         "layer_normalization": normalization_cases, "normalization": adapted_normalization_cases, "losses": loss_cases,
         "metrics": metric_cases, "optimizers": optimizer_cases, "schedules": schedule_cases, "shaping": shaping_cases,
         "fit": fit_cases}

for name in NAMES:
    if name not in CASES and name not in PARTS:
        sys.exit(f"make.py: expects names of files ({', '.join([*CASES, *PARTS])}), got {name}")
if PART != "training":
    keras.config.set_floatx("float64")
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"   # else Keras on JAX narrows to float
if PART:
    training_cases()
else:
    wanted = NAMES or [*CASES, *PARTS]
    for make in dict.fromkeys(CASES[name] for name in wanted if name in CASES):
        make()
    for part in PARTS:
        if part in wanted:
            subprocess.run([sys.executable, __file__, part], check=True)
