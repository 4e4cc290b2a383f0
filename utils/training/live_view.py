"""The live view: what a run looks like while it goes on, and what looks unhealthy."""

from __future__ import annotations

import io
import os
import textwrap
import time

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..music.grid import voice_names
from ..pictures.curves import plot_loss_logs
from ..pictures.rolls import TRAINING_RANGE, draw_roll
from ..pictures.style import COLORS, DPI, INK, STYLE, png_outputs

LOSSES = ("generator_loss", "critic_loss")
TESTS = {"conditioning gap": "-", "accuracy": "--"}  # of the listening tests, and how they are drawn
PROGRESS = "iterations"  # in the metadata of the figure: how many are done, and of how many


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
        sounding = np.asarray(samples) > 0
        accompaniment = sounding[..., 1:]
        silent = np.sum(~sounding.any(axis=(1, 2)), axis=0)
        if silent[1:].any():
            names = voice_names(len(silent))
            of = ", ".join(f"{name} in {n}" for name, n in zip(names, silent, strict=True) if n)
            findings.append(f"Voices are silent: of {len(sounding)} samples, {of}.")
        elif len(accompaniment) > 1 and (accompaniment == accompaniment[:1]).all():
            findings.append("Every melody gets the same accompaniment: the generator has collapsed.")
    return findings


def look_back(metrics, tracks):
    """Say in words which voices were silent earlier in a run.

    Parameters
    ----------
    metrics : MetricsManager
    tracks : int

    Returns
    -------
    list of str
        One sentence; none if no voice was.
    """
    names = voice_names(tracks)
    silent = sorted(metrics.silences().items())
    told = ", ".join(f"{names[track]} {' to '.join(map(str, dict.fromkeys(when)))}" for track, when in silent)
    return [f"Silent in half of the bars or more, at iterations: {told}."] if told else []


class LiveView:
    """Shows losses, whether the generator listens, a sample, time left and warnings while a run goes on.

    One figure that stays in place.

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
    SIZE = (12, 4)  # inches
    # Left, bottom, width, height, of the figure; at the left there is space for losses of thousands.
    LOSSES_PLACE = (0.085, 0.13, 0.25, 0.56)
    TESTS_PLACE = (0.385, 0.13, 0.25, 0.56)
    SAMPLE_PLACE = (0.685, 0.13, 0.305, 0.56)
    MOST_FINDINGS = 2  # as many lines are kept free
    LINE = 138  # letters

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
        samples = self._run.samples
        past = [] if samples is None else look_back(self._run.metrics, samples.shape[-1])
        if self._handle is None:
            last = {name: self._run.history[name][-1:] for name in LOSSES}
            losses = [f"{name.replace('_', ' ')} {x:.3f}" for name, values in last.items() for x in values]
            print(" | ".join([progress, *losses, *self._last_test(), *(findings or past)]), flush=True)
            return
        stored = io.BytesIO()
        with mpl.rc_context(STYLE):
            self._figure(progress, findings, past).savefig(stored, format="png")
        told = " ".join([f"{', '.join([progress.strip('█░ '), *self._last_test()])}.", *findings, *past])
        alt = f"Losses, listening tests and a sample of the training: {told}"
        picture, metadata = png_outputs(stored.getvalue(), alt)
        # Who executes the lesson without a browser tells its user how far it is.
        metadata[PROGRESS] = [self._run.iteration, self._iterations]
        self._handle.update(picture, metadata=metadata, raw=True)

    @mpl.rc_context(STYLE)
    def _figure(self, progress, findings, past):
        figure = Figure(self.SIZE, dpi=DPI)
        left = self.LOSSES_PLACE[0]
        figure.text(left, 0.97, progress, va="top")
        calm = "Nothing unusual now." if self._run.iteration else "The first iteration takes longest."
        warnings = "\n".join(f"Warning: {finding}" for finding in findings[: self.MOST_FINDINGS])
        figure.text(
            left,
            0.9,
            warnings or textwrap.fill(" ".join([calm, *past]), self.LINE),
            va="top",
            weight="bold" if warnings else "normal",
        )
        self._draw_losses(figure.add_axes(self.LOSSES_PLACE))
        self._draw_tests(figure.add_axes(self.TESTS_PLACE))
        self._draw_sample(figure.add_axes(self.SAMPLE_PLACE))
        return figure

    def _draw_losses(self, ax):
        stride = 1 + self._run.iteration // self.POINTS
        losses = (self._run.history[name][::stride] for name in LOSSES)
        plot_loss_logs(*losses, smoothing=0.05, ax=ax)
        ax.set(title="", xlim=(0, max(self._iterations, 1) / stride))  # the whole way, from the beginning
        ax.ticklabel_format(axis="y", scilimits=(-3, 5))  # an explosion has long figures
        ax.xaxis.set_major_formatter(lambda place, _: f"{place * stride:,.0f}")

    def _draw_tests(self, ax):
        for (name, line), color in zip(TESTS.items(), COLORS, strict=False):
            values = self._run.tests.get(name, [])
            places = self._run.tests["iteration"][: len(values)]
            ax.plot(places, values, line, marker=".", color=color, lw=2, label=name)
        gap = next(iter(TESTS))
        if gap in self._run.bach:
            ax.axhline(self._run.bach[gap], color=INK, ls=":", lw=1, label="Bach's gap")
        ax.set(xlabel="iteration", xlim=(0, max(self._iterations, 1)), ylim=(-0.05, 0.8))
        ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        ax.tick_params(colors=INK)
        ax.legend(frameon=False, fontsize=9, loc="lower right")

    def _last_test(self):
        return [f"{name} {self._run.tests[name][-1]:.2f}" for name in TESTS if name in self._run.tests]

    def _draw_sample(self, ax):
        if self._run.samples is None:
            ax.set_axis_off()
            ax.text(0.5, 0.5, "The first sample comes with the first iteration.", ha="center")
            return
        low, high = TRAINING_RANGE
        draw_roll(self._run.samples[0], ax=ax, min_pitch=low, max_pitch=high)
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
