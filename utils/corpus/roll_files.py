"""Piano rolls in files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ..music.grid import PITCHES, STEPS_PER_WINDOW, grid_to_roll
from ..path_utils import atomic_write

ROLL_FILES = {"train": "train.npy", "valid": "valid.npy", "test": "eval.npy"}


def save_rolls(path: str | Path, grid: np.ndarray) -> None:
    """Write windows as the piano rolls of the lesson.

    Parameters
    ----------
    path : str or Path
        ``.npy``.
    grid : int array [sample, step=32, voice]
    """
    rolls = grid_to_roll(grid, np.int8)
    atomic_write(path, lambda name: np.save(name, rolls, allow_pickle=False))


def load_rolls(path: str | Path) -> np.ndarray:
    """Read piano rolls and make sure that they are some.

    Parameters
    ----------
    path : str or Path
        ``.npy``, written by :func:`save_rolls` or by yourself.

    Returns
    -------
    int8 array [sample, step=32, pitch=128, track] in {-1, +1}

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no ``.npy`` file, or its shape or values are not those of piano rolls.
    """
    steps, pitches = STEPS_PER_WINDOW, PITCHES
    expected = f"piano rolls of shape (samples, {steps} steps, {pitches} pitches, tracks)"
    cure = "`make dataset` rebuilds the project's own files; for your own music see chapter 10."
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is missing; expected {expected}. {cure}")
    try:
        rolls = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no array on its own ({error}); expected {expected}. {cure}") from error
    shape = getattr(rolls, "shape", "several arrays")  # which an .npz holds
    if len(shape) != 4 or shape[1:3] != (steps, pitches) or 0 in shape:
        raise ValueError(f"{path} holds {shape}; expected {expected}. {cure}")
    if not np.isin(rolls, (-1, 1)).all():
        values = np.unique(rolls)[:5].tolist()
        raise ValueError(f"{path} holds values like {values}; a piano roll has only -1 and +1. {cure}")
    return rolls.astype(np.int8)
