"""The lesson's engine against two ports and against the arithmetic itself: ``make bench``.

Before anything is timed, all engines take the same weights, batch, noise and interpolation weights in
float32, and must agree on losses and gradients. Then they take turns, each in a process of its own, one
at a time. ``--quick`` tries it out with small networks.
"""

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

import utils.quiet_tensorflow  # noqa: F401
from tests.benchmarks import floor, lesson_engine
from utils import dataset_utils, training_utils

ITERATION_BATCHES = 6  # the classic five and one
CHECKED_SAMPLES = 8
QUIET = 0.05  # of the CPU time; what other programs may take
TIMING_ENDS = 450  # seconds after the start
TOLERANCE = 1e-3  # relative, in float32
MATMUL = {"size": 4096, "repeats": 3}


class Meter:
    """Tells how much of the machine others took: a timing beside another program is worth little."""

    def __init__(self):
        self._before = self._read()

    def others(self):
        """Give the share of all CPU time since the start that went to other programs or guests."""
        wall, busy, own = (b - a for a, b in zip(self._before, self._read(), strict=True))
        return max(0.0, busy - own) / (wall * os.cpu_count())

    def _read(self):
        total, own = psutil.cpu_times(), psutil.Process()
        idle = total.idle + getattr(total, "iowait", 0.0)
        # Guests' time is part of the users' already.
        guests = getattr(total, "guest", 0.0) + getattr(total, "guest_nice", 0.0)
        mine = [p.cpu_times() for p in (own, *own.children())]
        return time.perf_counter(), sum(total) - idle - guests, sum(t.user + t.system for t in mine)


class Process:
    """The other end of ``worker.py``."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def ask(self, method, **arguments):
        """Let a worker do one thing, and wait for its answer."""
        print(json.dumps([method, arguments]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"The worker broke off at {method}; its error stands above.")
        return json.loads(answer)

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def write_fixture(path, config, samples):
    """Store what all engines start from: weights, batches, and inputs of the comparison."""
    lesson = lesson_engine.load_lesson()
    gan = lesson.make_gan(lesson.Config(**config))
    rng = np.random.default_rng(0)
    networks = {
        name: [_stirred(weight, rng) for weight in getattr(gan, name).weights]
        for name in ("generator", "critic")
    }
    windows = dataset_utils.load_windows(lesson.Config().data)
    served = dataset_utils.batches(windows, config["batch_size"], seed=0)
    batches = np.stack(list(served.take(ITERATION_BATCHES))).astype(np.float32)
    np.savez(
        path,
        batches=batches,
        real=batches[0][:samples],
        noise=lesson_engine.noise(samples),
        epsilon=lesson_engine.interpolation(samples),
        **{f"{name} {i:02d}": w for name, weights in networks.items() for i, w in enumerate(weights)},
    )
    return {name: [w.shape for w in weights if w.ndim == 4] for name, weights in networks.items()}


def _stirred(weight, rng):
    """Move zeros and ones, which would hide a bias left out or two vectors swapped."""
    values = weight.numpy()
    if values.ndim == 1:
        values = values + rng.uniform(0.0, 0.3, values.shape)
    return values.astype(np.float32)


def compare(ours, port):
    """Give the largest relative difference of two engines' findings, and where it is.

    A tensor is measured by its largest member; one that is zero but for rounding by its network's largest.
    """
    if ours.keys() != port.keys():
        raise SystemExit(f"Different findings: {sorted(ours.keys() ^ port.keys())}")
    kinds = {name: name.rsplit(" ", 1)[0] for name in ours}
    largest = {}
    for name, kind in kinds.items():
        largest[kind] = max(largest.get(kind, 0.0), np.abs(ours[name]).max())
    differences = {
        name: np.abs(ours[name] - port[name]).max() / max(np.abs(ours[name]).max(), 1e-3 * largest[kind])
        for name, kind in kinds.items()
    }
    worst = max(differences, key=differences.get)
    return float(differences[worst]), worst


def check(processes, config, fixture, samples, only=""):
    """Compare the findings of all engines, in float32, and print by how much they differ."""
    found = {}
    write_fixture(fixture, config, samples)
    for name in ("ours", "TensorFlow port", "PyTorch port", "PyTorch, our upsampling"):
        result = fixture.with_name("found.npz")
        processes[name].ask("inspect", config=config, fixture=str(fixture), result=str(result))
        with np.load(result) as file:
            found[name] = {key: file[key] for key in file.files if only in key}
    ours = found.pop("ours")
    for name, port in found.items():
        difference, where = compare(ours, port)
        print(
            f"{name}, {config['filters']} filters: {len(ours)} findings differ from ours by at most "
            f"{difference:.0e} ({where})"
        )
        if not difference < TOLERANCE:
            raise SystemExit(f"That is not the same model: expected less than {TOLERANCE}.")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--quick", action="store_true", help="16 filters and two rounds")
    quick = arguments.parse_args().quick
    started = time.perf_counter()
    config = {"filters": 16 if quick else 64, "batch_size": 64}
    precision = training_utils.choose_precision()
    contestants = {
        "ours": {"engine": "lesson_engine", "precision": precision},
        "PyTorch port": {"engine": "torch_port", "precision": precision},
        "PyTorch, our upsampling": {"engine": "torch_port", "precision": precision, "summed_taps": True},
        "ours, float32": {"engine": "lesson_engine", "precision": "float32"},
        "TensorFlow port": {"engine": "tensorflow_port", "precision": "float32"},
    }
    if precision == "float32":
        del contestants["ours, float32"]

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        fixture = Path(folder) / "fixture.npz"
        kernels = write_fixture(fixture, config, CHECKED_SAMPLES)
        processes = {}
        for name, contestant in contestants.items():
            processes[name] = Process()
            stack.callback(processes[name].close)
            processes[name].ask("start", config=config, fixture=str(fixture), **contestant)
        # A large network has cells so near zero that rounding decides on which side of a ReLU they fall,
        # so gradients are compared on a small one.
        check(processes, {"filters": 4, "batch_size": 64}, fixture, samples=2)
        check(processes, config, fixture, CHECKED_SAMPLES, only="loss")

        first = {name: process.ask("train", iterations=1)[0] for name, process in processes.items()}
        count = floor.multiply_adds(kernels["generator"], kernels["critic"], config["batch_size"], 5)
        timings, rates = {name: [] for name in (*processes, "floor")}, []
        for name in itertools.cycle(timings):
            if len(rates) >= 2 and (quick or time.perf_counter() - started > TIMING_ENDS):
                break
            meter = Meter()
            if name == "floor":
                rates.append([processes[each].ask("matmul", **MATMUL) for each in ("ours", "PyTorch port")])
                taken = count / max(rates[-1])
            else:
                (taken,) = processes[name].ask("train", iterations=1)
            timings[name].append((taken, meter.others()))
        seconds = {name: undisturbed(pairs) for name, pairs in timings.items()}
        print_speed(seconds, first, precision, config)
        busy = statistics.median(others for pairs in timings.values() for _, others in pairs)
        disturbed = sum(others >= QUIET for pairs in timings.values() for _, others in pairs)
        print(
            f"{disturbed} of {sum(map(len, timings.values()))} timings had other programs take {QUIET:.0%} "
            f"of the CPU or more (median {busy:.0%}); they count only in rows that have no others"
        )
        by_tensorflow, by_torch = (max(column) / 1e9 for column in zip(*rates, strict=True))
        print(
            f"floor: {count / 1e9:.0f} G multiply-adds at the rate of {MATMUL['size']}x{MATMUL['size']} "
            f"products in {precision.removeprefix('mixed_')}, at best {by_tensorflow:.0f} G/s in TensorFlow, "
            f"{by_torch:.0f} G/s in PyTorch"
        )

        waiting = processes["ours"].ask("waiting", iterations=4)
        iteration = statistics.median(seconds["ours"])
        monitor = {
            done: processes["ours"].ask("monitor", done=done, iteration_seconds=iteration)
            for done in (50, 1000)
        }
        pipeline_process = Process()
        stack.callback(pipeline_process.close)
        print_housekeeping(monitor, waiting, pipeline_process.ask("memory"))
    print(f"whole benchmark: {(time.perf_counter() - started) / 60:.1f} minutes")


def undisturbed(timings):
    """Leave out what was timed beside other programs; where that is everything, keep everything."""
    return [s for s, others in timings if others < QUIET] or [s for s, _ in timings]


def print_speed(seconds, first, precision, config):
    print(
        f"\nSeconds of one iteration (5 critic steps, 1 generator step), batch {config['batch_size']}, "
        f"{config['filters']} filters, {os.cpu_count()} CPU cores, ours in {precision}"
    )
    print(f"{'':24} {'median':>7} {'min':>7} {'max':>7} {'/ ours':>7} {'counted':>8} {'first, compiled':>16}")
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        compiled = f"{first[name]:16.1f}" if name in first else ""
        print(
            f"{name:24} {medians[name]:7.2f} {min(values):7.2f} {max(values):7.2f} "
            f"{medians[name] / medians['ours']:7.2f} {len(values):8} {compiled}"
        )
    if "ours, float32" in medians:
        ratio = medians["TensorFlow port"] / medians["ours, float32"]
        print(f"TensorFlow port / ours, both in float32: {ratio:.2f}")
    print(f"ours / floor: {medians['ours'] / medians['floor']:.2f}")


def print_housekeeping(monitor, waiting, pipeline):
    print("\nMonitor: seconds of one call, and the share of training time over fifty iterations")
    print(f"{'iteration':>10}" + "".join(f"{kind:>12}" for kind in monitor[50]))
    for done, cost in monitor.items():
        *calls, share = cost.values()
        print(f"{done:10}" + "".join(f"{value:12.3f}" for value in calls) + f"{share:12.2%}")
    print(
        f"\nData: {pipeline['samples']:,} samples (all windows, all keys) take {pipeline['mb']:.0f} MB, "
        f"{pipeline['mb_as_rolls']:,.0f} MB as float rolls. Training waits for {waiting:.2%} of its time."
    )


if __name__ == "__main__":
    main()
