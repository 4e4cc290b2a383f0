"""What surrounds the training loop: history, interrupts, going on.

A run is exact: data, noise and interpolation weights depend on the seed and the iteration alone, so the
networks, the optimizers and the history are all there is to save.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import signal
import subprocess
import threading
import time
import zlib
from pathlib import Path

import numpy as np

from ..path_utils import MODEL_DIR, atomic_write, experiment_dirs, of_chief, worker
from .checkpoints import CheckpointStore
from .device import versions
from .live_view import LiveView, diverged
from .metrics import MetricsManager
from .replicas import broadcast_text, broadcast_variables, gather_from_workers
from .tensorboard import open_board

# No more than these seconds of work, and the iteration in progress, are lost with a process that is killed.
LONGEST_UNSAVED = 60
# What may change while a run goes on: how far it goes, and how often it is looked at.
FREE_FIELDS = ("iterations", "save_every", "test_every")
# What may be different on every machine of one training: where its copy of the data lies.
OWN_FIELDS = ("data", "valid")


def run_name(name: str, config) -> str:
    """Name an experiment after its config, so that different ones never share a folder.

    Parameters
    ----------
    name : str
    config : dataclass

    Returns
    -------
    str
        ``name`` and six digits that change with every field but the free ones.
    """
    binding = {k: v for k, v in dataclasses.asdict(config).items() if k not in FREE_FIELDS}
    digest = hashlib.sha256(json.dumps(binding, sort_keys=True).encode()).hexdigest()
    return f"{name}-{digest[:6]}"


class Run:
    """One training run: its folders, its history, its checkpoints.

    Parameters
    ----------
    name : str
        Its folder under ``Experiments/2Bar``.
    config : dataclass
        Whatever the run depends on; written beside the checkpoints and compared when the run goes on.
    networks : dict of str to keras.Model or keras.Optimizer
        All that learns. The optimizers must be built.
    model_dir : str or Path

    Notes
    -----
    Where several workers train together, the chief alone reads and writes checkpoints, and sends the others
    what it has read; pictures and samples go to a folder of each worker's own.

    Attributes
    ----------
    dirs : dict of str to Path
        See :func:`.path_utils.experiment_dirs`.
    history : dict of str to list of float
        ``critic_loss``, ``generator_loss``, the ``critic_slope`` (None where it was not measured) and the
        ``seconds`` that they took, one item an iteration.
    tests : dict of str to list
        The listening tests so far: their ``iteration`` and, by the name of each figure, what it was.
    bach : dict of str to float
        The same figures of the pieces that the tests ask about; empty before the first test.
    metrics : MetricsManager
    iteration : int
        Iterations done so far.

    Raises
    ------
    ValueError
        If the folder holds a run with another config, which the message compares with this one, or with
        networks of other shapes.
    RuntimeError
        If another process is training in the folder, or the workers have different configs.
    """

    def __init__(self, name, config, networks, model_dir=MODEL_DIR):
        self.dirs = experiment_dirs(name, model_dir)
        self.history = {"critic_loss": [], "generator_loss": [], "critic_slope": [], "seconds": []}
        self.metrics = MetricsManager()
        self.tests, self.bach = {"iteration": []}, {}
        self.samples = None
        self._networks = networks
        self._saved = self._saved_at = self._started = None
        self._chief = worker()[0] == 0
        self._store = CheckpointStore(of_chief(self.dirs["preload"]), networks)
        self._board = open_board(name) if self._chief else None
        self._describe(config)
        self._resume()

    @property
    def iteration(self):
        """Iterations done so far."""
        return len(self.history["critic_loss"])

    def until(self, iterations):
        """Yield one iteration number after the other, from where the run stands.

        An interrupt (Ctrl-C, or the notebook's stop button) ends the loop after the iteration in
        progress; a second one ends it at once. Every orderly end saves a checkpoint, and so does a minute
        without one. What one of several workers is told, all of them do.

        Parameters
        ----------
        iterations : int
            Stop when so many are done.

        Yields
        ------
        int

        Raises
        ------
        SystemExit
            If the process was told to terminate (SIGTERM), when all is saved.
        RuntimeError
            If another process is training this run, or has trained it further meanwhile.
        """
        with self._store.locked(self.iteration) if self._chief else contextlib.nullcontext():
            asked = yield from self._iterate(iterations)
        if asked == signal.SIGTERM:
            raise SystemExit("Told to terminate.")

    def _iterate(self, iterations):
        """Yield iteration numbers, save, and return the signal that ended it, or 0."""
        view = LiveView(self, iterations)
        self._saved_at = time.perf_counter()
        with Interrupt() as interrupt:
            while self.iteration < iterations and not interrupt.heard() and not diverged(self.history):
                self._started, iteration = time.perf_counter(), self.iteration
                yield iteration
                if self.iteration != iteration + 1:
                    raise RuntimeError("Note the losses of every iteration once, with run.log(...).")
                if time.perf_counter() - self._saved_at > LONGEST_UNSAVED:
                    self.save()
                view.update()
            asked = interrupt.heard()  # by then every worker is here
        view.finish()
        if diverged(self.history):
            print("The losses are no longer numbers, so training stopped. The last checkpoint stays.")
        elif self._saved != self.iteration:
            self.save()
        if asked:
            what = "Terminated" if asked == signal.SIGTERM else "Interrupted"
            kept = "all is saved" if self._saved == self.iteration else "the last checkpoint stays"
            print(f"{what} after {self.iteration} of {iterations} iterations; {kept}.", flush=True)
        return asked

    def log(self, critic_loss, generator_loss, critic_slope=None):
        """Note the losses of the iteration in progress, and how steep the critic was (numbers)."""
        self.history["critic_loss"].append(float(critic_loss))
        self.history["generator_loss"].append(float(generator_loss))
        self.history["critic_slope"].append(None if critic_slope is None else float(critic_slope))
        self.history["seconds"].append(time.perf_counter() - self._started)
        if self._board:
            last = {name: values[-1] for name, values in self.history.items() if values[-1] is not None}
            self._board.add_scalars(self.iteration - 1, last)

    def measure(self, rolls):
        """Measure the samples of the iteration in progress.

        Parameters
        ----------
        rolls : float array or tensor [sample, step, pitch, track]
        """
        self.samples = np.asarray(rolls)
        self.metrics.append_metrics_for_iteration(self.samples, self.iteration - 1)

    def note_test(self, figures, bach):
        """Note how well the generator listens after the iteration in progress.

        Parameters
        ----------
        figures : dict of str to float
            Of a :class:`.listening.ListeningTest`.
        bach : dict of str to float
            What Bach himself has in the same test.
        """
        self.bach = dict(bach)
        for name, value in {"iteration": self.iteration - 1, **figures}.items():
            self.tests.setdefault(name, []).append(value)
        if self._board:
            self._board.add_scalars(self.iteration - 1, figures)

    def save(self):
        """Write a checkpoint aside, rename it, and keep the newest five.

        Where a loss or a weight is not a number, it says so and leaves the checkpoints as they are. Of
        several workers only the chief writes.

        Raises
        ------
        OSError
            If it cannot be written; the checkpoints before it are untouched.
        """
        self._saved_at = time.perf_counter()
        if not self._finite():
            print(f"No checkpoint after {self.iteration} iterations: a loss or a weight is not a number.")
            return
        self._saved = self.iteration
        if not self._chief:
            return
        try:
            self._store.write(self.iteration, self._state())
        except OSError:
            self._saved = None
            raise
        if self._board:
            self._board.add_samples(self.iteration - 1, self.dirs)

    def _finite(self):
        variables = [v for network in self._networks.values() for v in network.variables]
        return not diverged(self.history) and all(np.isfinite(v.numpy()).all() for v in variables)

    def _resume(self):
        if self._chief and (state := self._store.restore()):
            self._load_state(state)
        state = json.loads(broadcast_text(json.dumps(self._state())))
        broadcast_variables([v for network in self._networks.values() for v in network.variables])
        self._load_state(state)
        if self.iteration and not self._chief:
            print(f"Resumed from the chief's checkpoint: {self.iteration} iterations done.")

    def _state(self):
        return {
            "history": self.history,
            "metrics": self.metrics.state(),
            "tests": self.tests,
            "bach": self.bach,
        }

    def _load_state(self, state):
        # Older checkpoints have no slopes, those of the first release no tests.
        unknown = [None] * len(state["history"]["critic_loss"])
        self.history = {"critic_slope": unknown} | state["history"]
        self.tests, self.bach = state.get("tests", {"iteration": []}), state.get("bach", {})
        self.metrics = MetricsManager.from_state(state["metrics"])
        self._saved = self.iteration or None

    def _describe(self, config):
        """Write what the run depends on, or compare it with what is written."""
        file = self._store.folder.parent / "run.json"
        own = json.loads(json.dumps(dataclasses.asdict(config)))  # a tuple is a list in the file
        shared = json.dumps({k: v for k, v in own.items() if k not in OWN_FIELDS}, sort_keys=True)
        if len(set(gather_from_workers(zlib.crc32(shared.encode())))) > 1:
            raise RuntimeError(f"The workers have different configs; here it is {shared}. Start all alike.")
        if file.is_file():
            before = json.loads(file.read_text())["config"]
            changed = [k for k in own | before if k not in FREE_FIELDS and own.get(k) != before.get(k)]
            if changed:
                differences = "; ".join(f"{k} was {before.get(k)!r}, is {own.get(k)!r}" for k in changed)
                raise ValueError(
                    f"{file.parent} holds a run with another config: {differences}. "
                    "Give this run another name, or set the fields back to go on with that one."
                )
        if not self._chief:
            return
        description = {"config": own, "versions": versions(), "revision": _revision()}
        atomic_write(file, lambda name: Path(name).write_text(json.dumps(description, indent=1)))


def read_histories(model_dir: str | Path = MODEL_DIR) -> dict[str, dict]:
    """Read the losses and the listening tests of every run, to lay them over one another.

    Parameters
    ----------
    model_dir : str or Path

    Returns
    -------
    dict of str to dict
        By run, in the order of their names: the history in the newest readable checkpoint, and as its
        ``tests`` the listening tests; see :class:`Run`.
    """
    histories = {}
    for file in sorted(Path(model_dir).glob("*/preload/checkpoint-*/history.json")):
        with contextlib.suppress(ValueError):  # a damaged one; the run itself will say so when it goes on
            state = json.loads(file.read_text())
            histories[file.parts[-4]] = state["history"] | {"tests": state.get("tests", {})}
    return histories


def _revision():
    try:
        return subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=5
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


class Interrupt:
    """Turn the first interrupt into a request, so that no iteration is left half done."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __enter__(self):
        """Take the signals over."""
        self.asked = 0
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = {number: signal.signal(number, self._ask) for number in self.SIGNALS}
        return self

    def heard(self):
        """Tell what this worker, or any other, was asked: the signal's number, or 0. All get one answer."""
        if self._main and not self.asked:
            # TensorFlow takes SIGTERM for itself when workers first exchange something.
            signal.signal(signal.SIGTERM, self._ask)
        agreed = max(gather_from_workers(self.asked))
        self.asked = max(self.asked, agreed)  # a signal may have come meanwhile; the others hear it next time
        return agreed

    def _ask(self, number, frame):
        self.asked = max(self.asked, number)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # the second one ends the loop at once

    def __exit__(self, *_):
        """Give them back."""
        if self._main:
            for number, handler in self._before.items():
                signal.signal(number, handler)
