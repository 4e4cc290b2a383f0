"""What a run costs beside the training steps: the monitor, and the data."""

import time

import numpy as np
import psutil
import tensorflow as tf

from utils import dataset_utils, display_utils, inference_utils, layer_utils, midi_utils, path_utils
from utils.corpus.pieces import load_chorales
from utils.midi_utils import PITCHES, REST, STEPS_PER_WINDOW, VOICES
from utils.training.batches import TRANSPOSITIONS
from utils.training.live_view import LiveView
from utils.training_utils import Run


class Page:
    """Takes pictures as a notebook does."""

    def update(self, picture):
        pass


class Monitor:
    """A run with a made history, to time what the loop of the lesson does around the steps."""

    def __init__(self, engine, folder):
        self._engine, self._folder = engine, folder
        self._sample_x, self._sample_z = inference_utils.load_melody_samples(path="dataset/valid.npy")
        self._melodies = tf.constant(self._sample_x[..., :1])

    def share(self, done, iteration_seconds):
        """Time the fifty iterations after ``done``, as the loop of the lesson would look at them.

        Parameters
        ----------
        done : int
            A multiple of fifty.
        iteration_seconds : float
            What the training steps of one iteration take.

        Returns
        -------
        dict of str to float
            Seconds of one call of each kind, and ``share``, the part of the training time.
        """
        run, every = self._made_run(done), self._engine.config.save_every
        view = LiveView(run, 10 * done)
        view._handle = Page()  # a picture must be made, although no notebook shows it
        run._started = time.perf_counter()
        run.log(0.0, 0.0)
        fake = self._sample()
        cost = {
            "draw": seconds_of(lambda: LiveView.update(self._due(view))),
            "measure": seconds_of(lambda: run.measure(self._sample())),
            "picture": seconds_of(lambda: self._picture(run, done, fake)),
            "MIDI": seconds_of(lambda: self._write(run, done, fake)),
            "checkpoint": seconds_of(run.save),
        }
        measured = sum(i < 100 or i % every == 0 for i in range(done, done + every))
        # The view lets itself be drawn after each pause, but no more than once an iteration.
        pause = max(LiveView.LEAST_PAUSE, cost["draw"] / LiveView.SHARE_OF_TIME, iteration_seconds)
        drawn = cost["draw"] / pause
        rest = measured * cost["measure"] + cost["picture"] + cost["MIDI"] + cost["checkpoint"]
        return cost | {"share": drawn + rest / (every * iteration_seconds)}

    def _made_run(self, done):
        run = Run(f"monitor-{done}", self._engine.config, self._engine.gan._asdict(), self._folder)
        rng = np.random.default_rng(0)
        run.history["critic_loss"] = rng.normal(size=done).tolist()
        run.history["generator_loss"] = rng.normal(size=done).tolist()
        run.history["seconds"] = rng.uniform(4, 5, done).tolist()
        fake = self._sample()
        for iteration in range(done):
            if iteration < 100 or iteration % self._engine.config.save_every == 0:
                run.metrics.append_metrics_for_iteration(fake, iteration)
        return run

    def _due(self, view):
        view._next = 0.0
        return view

    def _sample(self):
        fake = self._engine.gan.generator((self._melodies, self._sample_z), training=False)
        return layer_utils.harden(fake, self._engine.config.head)

    def _picture(self, run, iteration, fake):
        display_utils.plot_pianoroll(iteration, self._sample_x, fake, save_dir=run.dirs["train"])

    def _write(self, run, iteration, fake):
        file = path_utils.generated_midi_path_for_iteration(iteration, run.dirs["sample"])
        midi_utils.save_pianoroll_as_midi(fake[:4], destination_path=file)


def seconds_of(call, repeats=3):
    """Time a call: the median of some, after one to warm up."""
    call()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def share_of_waiting(engine, iterations):
    """Train on the corpus in all keys, and give the share of the time spent waiting for batches."""
    config = engine.config
    served = iter(dataset_utils.batches(corpus_windows(), config.batch_size, config.seed, transpose=True))
    engine.iterate([next(served) for _ in range(config.critic_steps + 1)])
    waited, started = 0.0, time.perf_counter()
    for _ in range(iterations):
        asked = time.perf_counter()
        batches = [next(served) for _ in range(config.critic_steps + 1)]
        waited += time.perf_counter() - asked
        engine.iterate(batches)
    return waited / (time.perf_counter() - started)


def corpus_windows():
    return dataset_utils.windows(load_chorales())[0]


def memory_of_pipeline(batch_size=64):
    """Serve every window of the corpus in every key once, and watch the memory.

    Returns
    -------
    dict of str to int or float
        ``samples``; ``mb``, the most resident memory beyond that of TensorFlow with a pipeline of one
        window; ``mb_as_rolls``, what the samples would take as float32 rolls.
    """
    process = psutil.Process()
    silence = np.full((1, STEPS_PER_WINDOW, len(VOICES)), REST, np.int8)
    for _ in dataset_utils.batches(silence, 1, 0, transpose=True).take(10):
        pass
    before = process.memory_info().rss
    windows = corpus_windows()
    samples = len(windows) * len(TRANSPOSITIONS)
    most = before
    for _ in dataset_utils.batches(windows, batch_size, 0, transpose=True).take(-(-samples // batch_size)):
        most = max(most, process.memory_info().rss)
    floats = samples * STEPS_PER_WINDOW * PITCHES * len(VOICES)
    return {"samples": samples, "mb": (most - before) / 1e6, "mb_as_rolls": 4 * floats / 1e6}
