"""Losses, pictures and sounds of a run for TensorBoard, where a job is asked for them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import tensorflow as tf

from ..path_utils import generated_midi_path_for_iteration, pianoroll_path_for_iteration


def open_board(name):
    """Open the event file of a run.

    Parameters
    ----------
    name : str
        Of the run, and of its folder in the one that ``TENSORBOARD_DIR`` names.

    Returns
    -------
    Board or None
        None where the environment names no folder.

    Raises
    ------
    ModuleNotFoundError
        If it does, and TensorBoard is missing.
    """
    folder = os.environ.get("TENSORBOARD_DIR")
    if not folder:
        return None
    if not importlib.util.find_spec("tensorboard"):
        raise ModuleNotFoundError(
            "TENSORBOARD_DIR is set, but TensorBoard is missing: `pip install tensorboard`, or unset it."
        )
    return Board(Path(folder) / name)


class Board:
    """Writes what TensorBoard shows.

    Parameters
    ----------
    folder : str or Path
    """

    def __init__(self, folder):
        self._writer = tf.summary.create_file_writer(str(folder))

    def add_scalars(self, step, values):
        """Write numbers: a dict of name to float."""
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def add_samples(self, step, dirs):
        """Write the picture and the sound that a run has left at an iteration, if it has.

        Parameters
        ----------
        step : int
        dirs : dict of str to Path
            See :func:`.path_utils.experiment_dirs`.
        """
        picture = Path(pianoroll_path_for_iteration(step, dirs["train"]))
        sample = Path(generated_midi_path_for_iteration(step, dirs["sample"]))
        with self._writer.as_default(step):
            if picture.is_file():
                tf.summary.image("real and generated", tf.io.decode_png(picture.read_bytes())[None])
            if sample.is_file():
                from ..songs.sound import SAMPLE_RATE, render

                sound = render(sample)
                tf.summary.audio("generated", sound.reshape(1, len(sound), -1), SAMPLE_RATE)
        self._writer.flush()
