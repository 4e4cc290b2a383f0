"""What surrounds the training loop: device, checkpoints, history, the live view.

A run is exact: data, noise and interpolation weights depend on the seed and the iteration alone, so the
networks, the optimizers and the history are all there is to save.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import shutil
import signal
import subprocess
import threading
import time
import zlib
from pathlib import Path

import keras
import matplotlib as mpl
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from utils import (
    display_utils,
    layer_utils,  # noqa: F401 (makes its layers known to Keras, for load_network)
    path_utils,
    replica_utils,
    tensorboard_utils,
)
from utils.metrics_utils import MetricsManager

KEPT_CHECKPOINTS = 5
# No more than these seconds of work, and the iteration in progress, are lost with a process that is killed.
LONGEST_UNSAVED = 60
# What may change while a run goes on: how far it goes, and how often it is looked at.
FREE_FIELDS = ("iterations", "save_every")
# What may be different on every machine of one training: where its copy of the data lies.
OWN_FIELDS = ("data", "valid")
# What later versions of Keras write down although it is their default, and earlier ones do not know.
LATER_DEFAULTS = {
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
    "input_axes": None,
    "output_axes": None,
    "optional": False,
    "quantization_config": None,
}
LOSSES = ("generator_loss", "critic_loss")


# --- Device ------------------------------------------------------------------


def describe_device():
    """Say what training will run on, to print."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    names = ", ".join(names) or f"CPU ({len(tf.config.list_logical_devices('CPU'))} device, no GPU found)"
    replicas, (index, workers) = replica_utils.count(), path_utils.worker()
    if workers > 1:
        names += f"; worker {index} of {workers}"
    return names if replicas == 1 else f"{names}; {replicas} replicas train together"


def choose_precision():
    """Choose the Keras dtype policy that this machine computes fastest in.

    Returns
    -------
    {"mixed_bfloat16", "float32"}
        bfloat16 where the GPU or the CPU multiplies in it natively.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return "mixed_bfloat16" if capability >= (8, 0) else "float32"
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return "mixed_bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"


def versions(packages=("tensorflow", "keras", "numpy", "music21", "pretty_midi", "pypianoroll")):
    """List what is installed: dict of package to version, Python first."""
    return {"python": platform.python_version()} | {p: importlib.metadata.version(p) for p in packages}


# --- A run -------------------------------------------------------------------


def run_name(name, config):
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
        See :func:`path_utils.experiment_dirs`.
    history : dict of str to list of float
        ``critic_loss``, ``generator_loss`` and the ``seconds`` that they took, one item an iteration.
    metrics : MetricsManager
    iteration : int
        Iterations done so far.

    Raises
    ------
    ValueError
        If the folder holds a run with another config, which the message compares with this one, or with
        networks of other shapes.
    RuntimeError
        If the workers have different configs.
    """

    def __init__(self, name, config, networks, model_dir=path_utils.MODEL_DIR):
        self.dirs = path_utils.experiment_dirs(name, model_dir)
        self.history = {"critic_loss": [], "generator_loss": [], "seconds": []}
        self.metrics = MetricsManager()
        self.samples = None
        self._networks = networks
        self._checkpoint = tf.train.Checkpoint(**networks)
        self._saved = self._saved_at = self._started = None
        self._chief = path_utils.worker()[0] == 0
        self._shelf = path_utils.of_chief(self.dirs["preload"])
        self._board = tensorboard_utils.open_board(name) if self._chief else None
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
        """
        view = LiveView(self, iterations)
        self._saved_at = time.perf_counter()
        with _Interrupt() as interrupt:
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
        if asked == signal.SIGTERM:
            raise SystemExit("Told to terminate.")

    def log(self, critic_loss, generator_loss):
        """Note the losses of the iteration in progress (floats or scalar tensors)."""
        self.history["critic_loss"].append(float(critic_loss))
        self.history["generator_loss"].append(float(generator_loss))
        self.history["seconds"].append(time.perf_counter() - self._started)
        if self._board:
            self._board.add_scalars(self.iteration - 1, {k: v[-1] for k, v in self.history.items()})

    def measure(self, rolls):
        """Measure the samples of the iteration in progress.

        Parameters
        ----------
        rolls : float array or tensor [sample, step, pitch, track]
        """
        self.samples = np.asarray(rolls)
        self.metrics.append_metrics_for_iteration(self.samples, self.iteration - 1)

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
        folder = self._shelf
        target = folder / f"checkpoint-{self.iteration:06d}"
        aside = folder / f".{target.name}.part"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir()
            self._checkpoint.write(str(aside / "networks"))
            (aside / "history.json").write_text(json.dumps(self._state()))
            if target.exists():
                shutil.rmtree(target)
            aside.rename(target)
        except (OSError, tf.errors.OpError) as error:
            self._saved = None
            shutil.rmtree(aside, ignore_errors=True)
            last = self._checkpoints()[-1:] or ["none yet"]
            raise OSError(
                f"Checkpoint {target} could not be written ({error}). Is the disk full? "
                f"The last good checkpoint: {last[0]}. Make room and run again; training goes on from there."
            ) from error
        if self._board:
            self._board.add_samples(self.iteration - 1, self.dirs)
        # Damaged ones from further on, if any, must not crowd out the good ones.
        for old in [c for c in self._checkpoints() if c <= target][:-KEPT_CHECKPOINTS]:
            shutil.rmtree(old)

    def _finite(self):
        variables = [v for network in self._networks.values() for v in network.variables]
        return not diverged(self.history) and all(np.isfinite(v.numpy()).all() for v in variables)

    def _checkpoints(self):
        return sorted(self._shelf.glob("checkpoint-*"))

    def _resume(self):
        if self._chief:
            for unfinished in self._shelf.glob(".checkpoint-*.part"):
                shutil.rmtree(unfinished)
            self._restore()
        state = json.loads(replica_utils.chiefs(json.dumps(self._state())))
        replica_utils.send_variables([v for network in self._networks.values() for v in network.variables])
        self._take(state)
        if self.iteration and not self._chief:
            print(f"Resumed from the chief's checkpoint: {self.iteration} iterations done.")

    def _restore(self):
        for folder in reversed(self._checkpoints()):
            try:
                state = json.loads((folder / "history.json").read_text())
                _read_through(folder / "networks")
            # TensorFlow's reader meets bad bytes with whatever exception they happen to cause.
            except Exception as error:
                print(f"{folder} is damaged ({_first_line(error)}); trying the one before.")
                continue
            try:
                self._checkpoint.read(str(folder / "networks")).assert_consumed()
            except (ValueError, AssertionError) as error:
                raise ValueError(
                    f"{folder} holds other networks than these ({_first_line(error)}). "
                    "Give this run another name, or build the networks as they were to go on with that one."
                ) from error
            self._take(state)
            print(f"Resumed from {folder}: {self.iteration} iterations done.")
            return

    def _state(self):
        return {"history": self.history, "metrics": self.metrics.state()}

    def _take(self, state):
        self.history = state["history"]
        self.metrics = MetricsManager.from_state(state["metrics"])
        self._saved = self.iteration or None

    def _describe(self, config):
        """Write what the run depends on, or compare it with what is written."""
        file = self._shelf.parent / "run.json"
        own = json.loads(json.dumps(dataclasses.asdict(config)))  # a tuple is a list in the file
        shared = json.dumps({k: v for k, v in own.items() if k not in OWN_FIELDS}, sort_keys=True)
        if len(set(replica_utils.of_all_workers(zlib.crc32(shared.encode())))) > 1:
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
        path_utils.write_whole(file, lambda name: Path(name).write_text(json.dumps(description, indent=1)))


def read_histories(model_dir=path_utils.MODEL_DIR):
    """Read the losses of every run, to lay them over one another.

    Parameters
    ----------
    model_dir : str or Path

    Returns
    -------
    dict of str to dict
        By run, in the order of their names: the history in the newest readable checkpoint.
    """
    histories = {}
    for file in sorted(Path(model_dir).glob("*/preload/checkpoint-*/history.json")):
        with contextlib.suppress(ValueError):  # a damaged one; the run itself will say so when it goes on
            histories[file.parts[-4]] = json.loads(file.read_text())["history"]
    return histories


def _read_through(path):
    """Read a checkpoint to its end, checksums included, so that a damaged one changes no variable."""
    reader = tf.train.load_checkpoint(str(path))
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _revision():
    try:
        return subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=5
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


class _Interrupt:
    """Turn the first interrupt into a request, so that no iteration is left half done."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __enter__(self):
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
        agreed = max(replica_utils.of_all_workers(self.asked))
        self.asked = max(self.asked, agreed)  # a signal may have come meanwhile; the others hear it next time
        return agreed

    def _ask(self, number, frame):
        self.asked = max(self.asked, number)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # the second one ends the loop at once

    def __exit__(self, *_):
        if self._main:
            for number, handler in self._before.items():
                signal.signal(number, handler)


# --- The live view -----------------------------------------------------------


def diverged(history):
    """Tell whether the last losses are no longer finite numbers."""
    return (
        bool(history["critic_loss"])
        and not np.isfinite([history["critic_loss"][-1], history["generator_loss"][-1]]).all()
    )


def diagnose(history, samples=None, recent=100):
    """Say in words what looks unhealthy.

    Parameters
    ----------
    history : dict of str to list of float
        ``critic_loss`` and ``generator_loss``, one item an iteration.
    samples : float array [sample, step, pitch, track], optional
        What the generator plays for different melodies.
    recent : int
        Iterations that count.

    Returns
    -------
    list of str
        One sentence a finding; empty when all is well.
    """
    findings = []
    critic = np.asarray(history["critic_loss"][-recent:])
    generator = np.asarray(history["generator_loss"][-recent:])
    if diverged(history):
        return ["A loss is not a number. Lower the learning rate, or raise the penalty weight."]
    if len(critic) and max(abs(critic).max(), abs(generator).max()) > 1e4:
        findings.append("A loss exceeds 10,000: training explodes. Lower the learning rate.")
    if len(critic) == recent and np.ptp(critic) < 1e-3:
        findings.append(f"The critic's loss has not moved for {recent} iterations: it has stopped learning.")
    if samples is not None:
        accompaniment = np.asarray(samples)[..., 1:] > 0
        if not accompaniment.any(axis=(1, 2)).all():
            findings.append("Some accompaniments are silent: look at the empty bar rate.")
        elif len(accompaniment) > 1 and (accompaniment == accompaniment[:1]).all():
            findings.append("Every melody gets the same accompaniment: the generator has collapsed.")
    return findings


class LiveView:
    """Shows losses, a sample, time left and warnings while a run goes on, in one figure that stays in place.

    Every picture has the same size and the same axes, so that nothing jumps. It draws at most every two
    seconds and for no more than a fiftieth of the time, and it thins long histories out, so that its cost
    does not grow with the iterations. Where nobody looks at a figure, in a terminal or with
    ``LIVE_VIEW=lines`` in the environment, it prints lines.

    Parameters
    ----------
    run : Run
    iterations : int
        Where the run will stop.
    """

    SHARE_OF_TIME = 0.02
    LEAST_PAUSE = 2.0  # seconds
    LINES_PAUSE = 10.0  # a log is read later, if at all
    POINTS = 1000  # of a curve, at most
    SIZE = (11, 4)  # inches
    LOSSES_PLACE = (0.06, 0.13, 0.42, 0.56)  # left, bottom, width, height, of the figure
    SAMPLE_PLACE = (0.54, 0.13, 0.45, 0.56)
    PITCHES = (36, 84)  # C2 to C6, whatever the sample
    MOST_FINDINGS = 2  # as many lines are kept free

    def __init__(self, run, iterations):
        self._run, self._iterations = run, iterations
        self._started = self._next = time.perf_counter()
        self._paced_from = None  # the first iteration is no measure: TensorFlow compiles in it
        self._handle = _display_handle()
        if self._handle is not None:
            self._draw()

    def update(self):
        """Draw if it is time to."""
        now = time.perf_counter()
        if self._paced_from is None:
            self._paced_from = self._run.iteration, now
        if now >= self._next:
            self._draw()
            spent = time.perf_counter() - now
            pause = self.LEAST_PAUSE if self._handle else self.LINES_PAUSE
            self._next = now + max(pause, spent / self.SHARE_OF_TIME)

    def finish(self):
        """Draw the last state."""
        self._draw()

    def _draw(self):
        progress, findings = self._progress(), diagnose(self._run.history, self._run.samples)
        if self._handle is None:
            last = {name: self._run.history[name][-1:] for name in LOSSES}
            losses = [f"{name.replace('_', ' ')} {x:.3f}" for name, values in last.items() for x in values]
            print(" | ".join([progress, *losses, *findings]), flush=True)
            return
        from IPython.display import Image

        stored = io.BytesIO()
        with mpl.rc_context(display_utils.STYLE):
            self._figure(progress, findings).savefig(stored, format="png")
        # Its size is told beforehand, so that the page keeps the room while the picture loads.
        width, height = (round(inches * display_utils.DPI) for inches in self.SIZE)
        alt = "Losses and a sample of the training: " + ". ".join([progress, *findings])
        self._handle.update(Image(stored.getvalue(), width=width, height=height, alt=alt))

    @mpl.rc_context(display_utils.STYLE)
    def _figure(self, progress, findings):
        figure = Figure(self.SIZE, dpi=display_utils.DPI)
        left = self.LOSSES_PLACE[0]
        figure.text(left, 0.97, progress, va="top")
        calm = "Nothing unusual." if self._run.iteration else "The first iteration takes longest."
        warnings = "\n".join(f"Warning: {finding}" for finding in findings[: self.MOST_FINDINGS])
        figure.text(left, 0.9, warnings or calm, va="top", weight="bold" if warnings else "normal")
        self._draw_losses(figure.add_axes(self.LOSSES_PLACE))
        self._draw_sample(figure.add_axes(self.SAMPLE_PLACE))
        return figure

    def _draw_losses(self, ax):
        stride = 1 + self._run.iteration // self.POINTS
        losses = (self._run.history[name][::stride] for name in LOSSES)
        display_utils.plot_loss_logs(*losses, smoothing=0.05, ax=ax)
        ax.set(title="", xlim=(0, max(self._iterations, 1) / stride))  # the whole way, from the beginning
        ax.xaxis.set_major_formatter(lambda place, _: f"{place * stride:,.0f}")

    def _draw_sample(self, ax):
        if self._run.samples is None:
            ax.set_axis_off()
            ax.text(0.5, 0.5, "The first sample comes with the first iteration.", ha="center")
            return
        low, high = self.PITCHES
        display_utils.draw_roll(self._run.samples[0], ax=ax, min_pitch=low, max_pitch=high)
        ax.set_xlabel("bar, in the newest sample")

    def _progress(self):
        done, now = self._run.iteration, time.perf_counter()
        first, since = self._paced_from or (done, now)
        left = "time left not known yet"
        if done > first or done >= self._iterations:
            left = f"{_clock((now - since) / max(done - first, 1) * (self._iterations - done))} left"
        blocks = round(20 * done / max(self._iterations, 1))
        bar = "█" * blocks + "░" * (20 - blocks)
        return f"{bar} {done} of {self._iterations} iterations, {_clock(now - self._started)} gone, {left}"


def _clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _display_handle():
    """Open a place for the figure in a notebook; None where there is no front end.

    A job executes the notebook in a kernel as well, so the kernel alone does not tell.
    """
    from IPython import display, get_ipython

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel") or os.environ.get("LIVE_VIEW") == "lines":
        return None
    return display.display(display.HTML(""), display_id=True)


# --- Trained networks on disk ------------------------------------------------


def save_network(path, model):
    """Store architecture and weights in one file, in half precision and without pickle.

    Parameters
    ----------
    path : str or Path
        ``.npz``.
    model : keras.Model
        Of Keras' own layers and those of ``layer_utils``.

    Raises
    ------
    ValueError
        If a weight is not a number, or beyond the range of half precision.
    """
    with np.errstate(over="ignore"):
        weights = {f"weight_{i:03d}": w.astype(np.float16) for i, w in enumerate(model.get_weights())}
    if not all(np.isfinite(w).all() for w in weights.values()):
        raise ValueError(
            f"{path} is not written: {model.name} has weights that are not numbers or exceed 65,504, the "
            "largest in half precision. Save an earlier checkpoint."
        )
    architecture = np.array(model.to_json())
    path_utils.write_whole(path, lambda name: np.savez_compressed(name, architecture=architecture, **weights))


def load_network(path):
    """Rebuild a network that :func:`save_network` stored, in float32.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    keras.Model

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or if it is none of these.
    """
    cure = f"It comes with the project: `git checkout {path}`."
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is missing. {cure}")
    try:
        with np.load(path, allow_pickle=False) as stored:
            # Trained in bfloat16 on one machine, it is to run anywhere.
            text = str(stored["architecture"]).replace("mixed_bfloat16", "float32")
            architecture = json.dumps(json.loads(text, object_hook=_without_later_defaults))
            keys = sorted(set(stored.files) - {"architecture"})
            weights = [stored[key].astype(np.float32) for key in keys]
        model = keras.models.model_from_json(architecture)
        model.set_weights(weights)
    # The readers below meet bad bytes with whatever exception they happen to cause.
    except Exception as error:
        raise ValueError(
            f"{path} holds no network ({_first_line(error)}); expected a file by save_network. {cure}"
        ) from error
    return model


def _without_later_defaults(config):
    nothing = object()
    return {key: value for key, value in config.items() if LATER_DEFAULTS.get(key, nothing) != value}
