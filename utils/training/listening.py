"""How well a generator listens: its answers to melodies that it never learns from."""

from __future__ import annotations

import numpy as np

from ..corpus.roll_files import load_rolls
from ..music.grid import STEPS_PER_BAR, STEPS_PER_WINDOW, grid_to_roll, roll_to_grid
from ..music.measures import chordal_share, conditioning_gap, token_accuracy

MOST_WINDOWS = 100  # that are listened to, so that it takes no longer with more data
FIGURES = ("conditioning gap", "accuracy", "chordal share")


class ListeningTest:
    """Held-out windows, and how well a generator's other voices fit their melodies.

    Parameters
    ----------
    path : str or Path
        Piano rolls [sample, step=32, pitch=128, track] in {-1, +1}; the first hundred are used.

    Attributes
    ----------
    real : int8 array [sample, step=32, voice]
        The pieces themselves.
    bach : dict of str to float
        Their own figures.
    """

    def __init__(self, path):
        self.real = roll_to_grid(load_rolls(path)[:MOST_WINDOWS])
        self.bach = self.measure(self.real)
        self._melodies = grid_to_roll(self.real[..., :1])

    def __call__(self, generator):
        """Measure what a generator answers without noise: see :meth:`accompany` and :meth:`measure`."""
        return self.measure(self.accompany(generator))

    def accompany(self, generator, seed=0, size=0.0):
        """Set a generator's likeliest notes to every melody.

        Parameters
        ----------
        generator : keras.Model
            ``generator((melody, noise))`` gives piano rolls [sample, step=32, pitch=128, track].
        seed : int
            Of the noise.
        size : float
            Of the noise: 0 leaves it out, 1 is that of training.

        Returns
        -------
        int array [sample, step=32, voice]
            The true melody above the likeliest note of each other voice.
        """
        import tensorflow as tf

        bars = STEPS_PER_WINDOW // STEPS_PER_BAR
        shape = (len(self.real), bars, *generator.input_shape[1][2:])
        noise = size * tf.random.stateless_truncated_normal(shape, (seed, 0))
        given = self._melodies
        if generator.input_shape[0][-1] > 1:  # it may be given any part; here it is not
            given = np.pad(given, ((0, 0),) * 3 + ((0, generator.input_shape[0][-1] - 1),))
        likeliest = generator((tf.constant(given), noise), training=False).numpy().argmax(axis=2)
        return np.concatenate([self.real[..., :1], likeliest[..., 1:]], axis=-1)

    def measure(self, grid):
        """Measure other voices beside the real ones.

        Parameters
        ----------
        grid : int array [sample, step=32, voice]

        Returns
        -------
        dict of str to float
            "conditioning gap", "accuracy" (mean over the other voices) and "chordal share".
        """
        accuracy = np.mean(token_accuracy(grid, self.real))
        values = conditioning_gap(grid), accuracy, chordal_share(grid)
        return {name: float(value) for name, value in zip(FIGURES, values, strict=True)}
