"""A made corpus of a million windows: streamed from shards, and held in memory.

It is made of Bach's own bars: the first bar of one window, the second of another, moved by up to six
semitones. Prints the memory while it streams, and the rates of both ways with and without a training step.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

import utils.quiet_tensorflow  # noqa: F401
from utils.dataset_utils import batches, load_windows, write_shards
from utils.lesson.definitions import load_lesson
from utils.midi_utils import REST, STEPS_PER_BAR

PIECE = 10_000  # windows made at a time


def synthetic(windows, seed=0):
    """Make windows of Bach's bars, in pieces."""
    bach = load_windows("dataset/chorales.npz")
    rng = np.random.default_rng(seed)
    half = STEPS_PER_BAR
    for first in range(0, windows, PIECE):
        number = min(PIECE, windows - first)
        one, other = rng.integers(len(bach), size=(2, number))
        grid = np.concatenate([bach[one, :half], bach[other, half:]], axis=1)
        shift = rng.integers(-6, 6, size=(number, 1, 1))
        yield np.where(grid == REST, REST, grid + shift).astype(np.int8)


def resident():
    return psutil.Process().memory_info().rss / 1e6


def pipeline_rate(windows, number, batch_size=64):
    """Give samples a second of the pipeline by itself."""
    served = iter(batches(windows, batch_size, 0, transpose=True))
    for _ in range(20):
        next(served)
    began = time.perf_counter()
    for _ in range(number):
        next(served)
    return number * batch_size / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=1_000_000)
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=1.0, help="how long to watch the memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        files = write_shards(folder, synthetic(options.windows))
        print(f"{options.windows:,} windows in {files} shards, made in {time.perf_counter() - began:.0f} s")
        shards = load_windows(folder)
        watch_memory(shards, options.epochs)
        whole = np.concatenate([np.load(file) for file in sorted(Path(folder).glob("*.npy"))])
        compare(shards, whole, options.filters)


def watch_memory(shards, epochs, batch_size=64):
    served = iter(batches(shards, batch_size, 0, transpose=True))
    number = int(epochs * len(shards)) // batch_size
    print(f"resident MB while {number * batch_size:,} windows stream:", end="")
    for k in range(number):
        next(served)
        if k % (number // 10) == number // 100:
            print(f" {resident():.0f}", end="", flush=True)
    print()


def compare(shards, whole, filters):
    """Take turns, because the machine is not ours alone, and give the median of each."""
    rates = {"shards": [], "memory": []}
    for _ in range(5):
        for name, windows in (("memory", whole), ("shards", shards)):
            rates[name].append(pipeline_rate(windows, 200))
    show("pipeline alone", rates)

    import tensorflow as tf

    lesson = load_lesson()
    config = replace(lesson.BEST, filters=filters)
    gan = lesson.make_gan(config)
    step = lesson.make_train_iteration(gan, config)
    served = {
        name: iter(batches(windows, config.batch_size, 0, transpose=True))
        for name, windows in (("memory", whole), ("shards", shards))
    }
    rates = {"shards": [], "memory": []}
    for turn in range(12):
        for name, own in served.items():
            began = time.perf_counter()
            step([next(own) for _ in range(2)], tf.constant(turn))[0].numpy()
            rates[name].append(2 * config.batch_size / (time.perf_counter() - began))
    show(f"with training, {filters} filters", {name: values[2:] for name, values in rates.items()})


def show(what, rates):
    medians = {name: np.median(values) for name, values in rates.items()}
    print(
        f"{what}: {medians['memory']:,.0f} samples/s from memory, {medians['shards']:,.0f} from shards, "
        f"{medians['shards'] / medians['memory'] - 1:+.1%}"
    )


if __name__ == "__main__":
    main()
