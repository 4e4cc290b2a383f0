"""Replicas beside one device: how equal, how fast. ``--workers 1 2 4``, ``--filters 16``, ``--iterations 6``.

On one machine all share its cores, so the first rates show what the exchange costs, not what machines gain.
The last ones let each process have one core, as if it were a machine of its own.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from tests import workers


def difference(result, expected):
    """Give the largest difference of two weights as a share of the largest, and of two losses."""
    pairs = list(zip(result["weights"], expected["weights"], strict=True))
    weights = max(np.abs(np.array(a) - np.array(b)).max() for a, b in pairs)
    losses = []
    for name in ("critic_loss", "generator_loss"):
        found, wanted = (np.array(r["history"][name]) for r in (result, expected))
        losses.append(np.abs(found - wanted).max() / np.abs(wanted).max())
    return weights / max(np.abs(np.array(b)).max() for _, b in pairs), max(losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=6)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    options = parser.parse_args()
    size = {
        "filters": options.filters,
        "batch_size": options.batch_size,
        "iterations": options.iterations,
        "save_every": 10**6,
    }
    ways = {"two devices": {"devices": 2}} | {f"{n} workers": {"workers": n} for n in options.workers}
    print(f"{os.cpu_count()} cores, {size}")
    for optimizer, choices in (("plain descent", {"descent": True}), ("Adam", {})):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            alone = workers.trained(place / "alone", seconds=900, **size, **choices)
            print(
                f"{optimizer:>13}: one device, {rate(alone, options.batch_size):6.1f} samples/s", flush=True
            )
            nudged = workers.trained(place / "nudged", seconds=900, nudge=2e-7, **size, **choices)
            report(optimizer, "one, nudged", difference(nudged, alone), rate(nudged, options.batch_size))
            for name, how in ways.items():
                found = workers.trained(place / name.replace(" ", "-"), seconds=900, **how, **size, **choices)
                report(optimizer, name, difference(found, alone), rate(found, options.batch_size))
    for times in (1, 2):
        larger = size | {name: times * size[name] for name in ("filters", "batch_size")}
        compare_machines(larger, [n for n in options.workers if n <= os.cpu_count()])


def compare_machines(size, numbers):
    one = None
    with tempfile.TemporaryDirectory() as folder:
        for n in dict.fromkeys((1, *numbers)):
            found = workers.trained(Path(folder) / str(n), workers=n, seconds=900, pin=True, **size)
            samples = rate(found, size["batch_size"])
            one = one or samples
            print(
                f"a core each, {size['filters']} filters, batch {size['batch_size']}: {n} worker(s), "
                f"{samples:6.1f} samples/s, {samples / one:.2f} times one",
                flush=True,
            )


def rate(result, batch_size):
    """Give samples a second, those of the critic and of the generator, after the first iteration."""
    return 2 * batch_size / np.median(result["history"]["seconds"][1:])


def report(optimizer, name, differences, samples):
    weights, losses = differences
    print(
        f"{optimizer:>13}: {name:>11}, {samples:6.1f} samples/s, weights differ by {weights:.0e}, "
        f"losses by {losses:.0e}",
        flush=True,
    )


if __name__ == "__main__":
    main()
