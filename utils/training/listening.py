"""How well a generator listens: its answers to melodies that it never learns from."""

from __future__ import annotations

import numpy as np

from ..corpus.roll_files import load_rolls
from ..music.grid import STEPS_PER_BAR, STEPS_PER_WINDOW, grid_to_roll, roll_to_grid
from ..music.measures import chordal_share, conditioning_gap, token_accuracy
from ..networks.given import hears_any_part, write_given

MOST_WINDOWS = 100  # that are listened to, so that it takes no longer with more data
FIGURES = ("conditioning gap", "accuracy", "chordal share")


class ListeningTest:
    """Held-out windows, and how well a generator's other voices fit what it is given: one whole track.

    Parameters
    ----------
    path : str or Path
        Piano rolls [sample, step=32, pitch=128, track] in {-1, +1}; the first hundred are used.
    track : int
        Which one is given, 0 = the melody.

    Attributes
    ----------
    real : int8 array [sample, step=32, voice]
        The pieces themselves.
    bach : dict of str to float
        Their own figures.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or holds no such rolls, or has no such track.
    """

    def __init__(self, path, track=0):
        self.real = roll_to_grid(load_rolls(path)[:MOST_WINDOWS])
        tracks = range(self.real.shape[-1])
        if track not in tracks:
            raise ValueError(
                f"track {track} is to be given, but {path} holds {len(tracks)}; choose 0..{tracks[-1]}"
            )
        self._track = track
        self._given_first = [track, *(other for other in tracks if other != track)]
        self.bach = self.measure(self.real)

    def __call__(self, generator):
        """Measure what a generator answers without noise: see :meth:`accompany` and :meth:`measure`."""
        return self.measure(self.accompany(generator))

    def accompany(self, generator, seed=0, size=0.0):
        """Set a generator's likeliest notes to the given track of every window.

        Parameters
        ----------
        generator : keras.Model
            ``generator((given, noise))`` gives piano rolls [sample, step=32, pitch=128, track]. It may hear
            the given track alone, or any part of all tracks.
        seed : int
            Of the noise.
        size : float
            Of the noise: 0 leaves it out, 1 is that of training.

        Returns
        -------
        int array [sample, step=32, voice]
            The true line of the given track, and the likeliest note of each other voice.
        """
        import tensorflow as tf

        bars = STEPS_PER_WINDOW // STEPS_PER_BAR
        shape = (len(self.real), bars, *generator.input_shape[1][2:])
        noise = size * tf.random.stateless_truncated_normal(shape, (seed, 0))
        given_here = np.arange(self.real.shape[-1]) == self._track
        given = write_given(grid_to_roll(self.real), given_here, hears_any_part(generator), self._track)
        likeliest = generator((tf.constant(given), noise), training=False).numpy().argmax(axis=2)
        return np.where(given_here, self.real, likeliest)

    def measure(self, grid):
        """Measure other voices beside the real ones.

        Parameters
        ----------
        grid : int array [sample, step=32, voice]

        Returns
        -------
        dict of str to float
            "conditioning gap" (from the given track to the others), "accuracy" (mean over the others) and
            "chordal share".
        """
        grid, real = grid[..., self._given_first], self.real[..., self._given_first]
        values = conditioning_gap(grid), np.mean(token_accuracy(grid, real)), chordal_share(grid)
        return {name: float(value) for name, value in zip(FIGURES, values, strict=True)}
