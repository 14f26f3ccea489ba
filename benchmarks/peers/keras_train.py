"""Keras's training throughput with fit(): KERAS_BACKEND=jax keras_train.py --workload mlp_mnist --threads 2

The backend is KERAS_BACKEND, jax or tensorflow. Its best settings: one fit() over the eight batches again and
again, in epochs long enough that an epoch's own cost does not count, and 32 steps in each call of the compiled function
where a step is short (twice as fast for mlp_small on JAX).
"""
import os
import time

import common

parser = common.options(__doc__)
args = parser.parse_args()
common.use_threads(args.threads)
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
from keras import layers

EPOCH_BYTES = 32 << 20

keras.utils.set_random_seed(1)
random = np.random.default_rng(1)
batch = common.BATCH[args.workload]
rows = batch * common.BATCHES


def integers(below, *shape):
    return random.integers(0, below, shape, dtype=np.int32)


if args.workload in ("mlp_small", "mlp_mnist"):
    features, units = {"mlp_small": (20, 64), "mlp_mnist": (784, 512)}[args.workload]
    model = keras.Sequential([layers.Dense(units, activation="relu"), layers.Dense(units, activation="relu"),
                              layers.Dense(10, activation="softmax")])
    x, y = random.standard_normal((rows, features), dtype=np.float32), integers(10, rows)
    loss = "sparse_categorical_crossentropy"
elif args.workload == "lstm_text":
    model = keras.Sequential([layers.Embedding(10000, 50), layers.LSTM(64, dropout=0.2, recurrent_dropout=0.2),
                              layers.Dense(1, activation="sigmoid")])
    x, y, loss = integers(10000, rows, 100), integers(2, rows, 1), "binary_crossentropy"
else:
    model = keras.Sequential([layers.Embedding(65, 128), layers.LSTM(256, return_sequences=True),
                              layers.LSTM(256, return_sequences=True), layers.Dense(65, activation="softmax")])
    x, y, loss = integers(65, rows, 64), integers(65, rows, 64), "sparse_categorical_crossentropy"

short = args.workload.startswith("mlp")
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, steps_per_execution=32 if short else 1)


class Epochs(keras.callbacks.Callback):
    """Times epochs from end to end, so all but the first, until they fill `seconds` and are three at least."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.ends = seconds, []

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(time.perf_counter())
        if len(self.ends) > 3 and self.ends[-1] - self.ends[0] >= self.seconds:
            self.model.stop_training = True

    def times(self):
        return [end - start for start, end in zip(self.ends, self.ends[1:])]


def fit(repeats, seconds):
    """Seconds of each epoch over the eight batches, `repeats` times."""
    epochs = Epochs(seconds)
    xs, ys = np.concatenate([x] * repeats), np.concatenate([y] * repeats)
    model.fit(xs, ys, batch_size=batch, epochs=1 << 30, shuffle=False, verbose=0, callbacks=[epochs])
    return epochs.times()


model.fit(x[:batch], y[:batch], batch_size=batch, epochs=1, shuffle=False, verbose=0)
first_step_at = time.time()
if short:  # one call of the compiled function takes four times the eight batches
    x, y = np.concatenate([x] * 4), np.concatenate([y] * 4)
wanted = round(args.seconds / 8 / min(fit(1, 0)))
repeats = max(1, min(wanted, EPOCH_BYTES // (x.nbytes + y.nbytes)))
rates = [repeats * len(x) / t for t in fit(repeats, args.seconds)]
backend = keras.backend.backend()
version = __import__(backend).__version__
common.report(args, f"Keras {keras.__version__}, {backend} {version}", first_step_at, rates)
