"""Pieces on the grid, and the file that holds Bach's."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..path_utils import DATASET_DIR, atomic_write

CHORALES_FILE = "chorales.npz"


@dataclass(frozen=True)
class Piece:
    """Music in several voices on the grid.

    Attributes
    ----------
    name : str
    split : str
        ``train``, ``valid`` or ``test``; empty before pieces are split.
    meter : str
        Time signatures in order, ``4/4`` or ``3/4+4/4``.
    grid : int8 array [step, voice]
    onset : bool array [step, voice]
    bars : int array [bar]
        The step where each full bar begins. A pickup is no full bar.
    """

    name: str
    split: str
    meter: str
    grid: np.ndarray
    onset: np.ndarray
    bars: np.ndarray


@dataclass(frozen=True)
class Chorale(Piece):
    """A chorale by Bach, named as in music21's corpus (``bwv66.6``), with its key by music21's analysis.

    Attributes
    ----------
    tonic : int
        Pitch class 0..11.
    mode : {"major", "minor"}
    sharps : int
        Of the key signature, flats below 0.
    phrase_ends : int array [phrase]
        The steps where the soprano's notes under a fermata begin; a few chorales have none.
    """

    tonic: int
    mode: str
    sharps: int
    phrase_ends: np.ndarray


def save_chorales(path, chorales):
    """Write chorales into one compressed file that any NumPy can read, without pickle.

    Parameters
    ----------
    path : str or Path
    chorales : list of Chorale
    """
    arrays = {
        "name": np.array([c.name for c in chorales]),
        "split": np.array([c.split for c in chorales]),
        "meter": np.array([c.meter for c in chorales]),
        "tonic": np.array([c.tonic for c in chorales], np.int8),
        "mode": np.array([c.mode for c in chorales]),
        "steps": np.array([len(c.grid) for c in chorales], np.int32),
        "grid": np.concatenate([c.grid for c in chorales]),
        "onset": np.packbits(np.concatenate([c.onset for c in chorales]), axis=0),
        "bar_count": np.array([len(c.bars) for c in chorales], np.int32),
        "bars": np.concatenate([c.bars for c in chorales]),
        "sharps": np.array([c.sharps for c in chorales], np.int8),
        "phrase_count": np.array([len(c.phrase_ends) for c in chorales], np.int32),
        "phrase_ends": np.concatenate([c.phrase_ends for c in chorales]),
    }
    atomic_write(path, lambda name: np.savez_compressed(name, **arrays))


def load_chorales(path=DATASET_DIR / CHORALES_FILE, split=None):
    """Read the corpus.

    Parameters
    ----------
    path : str or Path
        Written by :func:`save_chorales`.
    split : str, optional
        ``train``, ``valid`` or ``test``; all by default.

    Returns
    -------
    list of Chorale

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of chorales.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is missing. `make dataset` builds it.")
    try:
        with np.load(path, allow_pickle=False) as stored:
            chorales = _unpack_chorales({key: stored[key] for key in stored.files})
    # NumPy and zipfile meet bad bytes with whatever exception they happen to cause.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read ({error}); expected an .npz of chorales. `make dataset` rebuilds it."
        ) from error
    return [c for c in chorales if split in (None, c.split)]


def _unpack_chorales(file):
    onset = np.unpackbits(file["onset"], axis=0, count=len(file["grid"])).astype(bool)
    ends = {count: np.cumsum(file[count])[:-1] for count in ("steps", "bar_count", "phrase_count")}
    pieces = zip(
        *(file[key].tolist() for key in ("name", "split", "meter")),
        np.split(file["grid"], ends["steps"]),
        np.split(onset, ends["steps"]),
        np.split(file["bars"], ends["bar_count"]),
        *(file[key].tolist() for key in ("tonic", "mode", "sharps")),
        np.split(file["phrase_ends"], ends["phrase_count"]),
        strict=True,
    )
    return list(itertools.starmap(Chorale, pieces))
