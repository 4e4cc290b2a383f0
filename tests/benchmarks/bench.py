"""The lesson's engine against two ports and against the arithmetic itself: ``make bench``.

Before anything is timed, all engines take the same weights, batch, noise and interpolation weights in
float32, and must agree on losses and gradients. Then they take turns, each in a process of its own, one
at a time. ``--quick`` tries it out with small networks.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.chdir(ROOT)

import utils.quiet_tensorflow  # noqa: E402, F401

import numpy as np  # noqa: E402, I001

from tests.benchmarks import floor, lesson_engine  # noqa: E402
from utils import dataset_utils, training_utils  # noqa: E402

ITERATION_BATCHES = 6  # the classic five and one
TOLERANCE = 1e-3  # relative, in float32
MATMUL = {"size": 4096, "repeats": 3}


class Process:
    """The other end of ``worker.py``."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
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
