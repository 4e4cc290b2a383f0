"""A corpus in many files, for when it does not fit into memory.

A folder of ``shard-00000.npy``, ``shard-00001.npy``, ..., each an int8 array of windows
[sample, step=32, voice]. All windows, in order, are cut into lanes of equal length. Every batch takes as
many windows from each lane, and a lane goes through its files in a random order, one after the other, each
shuffled: so the disk reads whole files, a batch mixes several of them, and only one file of each lane is in
memory. Which window stands where depends on the seed and the number of the batch alone.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from ..music.grid import STEPS_PER_WINDOW
from ..music.registers import histogram
from ..path_utils import atomic_write

WINDOWS_PER_SHARD = 16_384  # two megabytes of four voices
LANES = 8


def write_shards(folder, grids, size=WINDOWS_PER_SHARD):
    """Write windows into numbered files.

    Parameters
    ----------
    folder : str or Path
        Without shards so far.
    grids : iterable of int8 array [sample, step=32, voice]
        In pieces of any length, which need not be in memory together.
    size : int
        Windows in a file; the last one may have fewer.

    Returns
    -------
    int
        How many files.

    Raises
    ------
    FileExistsError
        If there are shards in the folder, which would be mixed with these.
    """
    folder = Path(folder)
    if any(folder.glob("shard-*.npy")):
        raise FileExistsError(f"{folder} has shards already. Name another folder, or empty this one.")
    waiting, number = [], 0
    for grid in grids:
        waiting.append(np.asarray(grid, np.int8))
        if sum(map(len, waiting)) >= size:
            whole = np.concatenate(waiting)
            while len(whole) >= size:
                number, whole = _write(folder, number, whole[:size]), whole[size:]
            waiting = [whole.copy()]
    rest = np.concatenate(waiting) if waiting else ()
    return _write(folder, number, rest) if len(rest) else number


def _write(folder, number, grid):
    file = folder / f"shard-{number:05d}.npy"
    atomic_write(file, lambda name: np.save(name, grid, allow_pickle=False))
    return number + 1


class Shards:
    """Windows in the files of a folder, as :func:`write_shards` leaves them.

    Parameters
    ----------
    folder : str or Path

    Attributes
    ----------
    voices : int

    Raises
    ------
    ValueError
        If there are no shards in the folder, or a file is none.
    """

    def __init__(self, folder):
        self._files = sorted(Path(folder).glob("shard-*.npy"))
        if not self._files:
            raise ValueError(f"{folder} holds no shard-*.npy; write_shards makes them.")
        shapes = [_shape(file) for file in self._files]
        self._sizes = np.array([shape[0] for shape in shapes])
        self.voices = shapes[0][2]
        for file, shape in zip(self._files, shapes, strict=True):
            if shape[2] != self.voices:
                raise ValueError(f"{file} has {shape[2]} voices, {self._files[0]} has {self.voices}.")

    def __len__(self):
        """Count the windows."""
        return int(self._sizes.sum())

    def histogram(self):
        """Count the steps at which each voice sings each pitch, file by file: int [voice, pitch=128]."""
        return sum(histogram(np.load(file, mmap_mode="r", allow_pickle=False)) for file in self._files)

    def lanes(self, batch_size):
        """Count the lanes: as many as possible up to eight, of which each fills an equal part of a batch."""
        return max(n for n in range(1, min(LANES, len(self._files)) + 1) if batch_size % n == 0)

    def reader(self, batch_size, seed):
        """Make a function that reads the windows of a shuffled, endless sequence.

        Parameters
        ----------
        batch_size : int
        seed : int

        Returns
        -------
        callable
            ``read(positions)``, int array [sample] to int8 array [sample, step, voice]; batch ``k`` has
            the positions from ``k * batch_size`` on. A worker who reads only its part of each batch, reads
            only the files of the lanes which fill that part.
        """
        lanes = self.lanes(batch_size)
        share = batch_size // lanes

        cuts = len(self) * np.arange(lanes + 1) // lanes
        ends_of_files = np.cumsum(self._sizes)
        starts_of_files = ends_of_files - self._sizes

        @functools.lru_cache(maxsize=lanes)
        def order(lane, epoch):
            first = np.maximum(starts_of_files, cuts[lane])
            pieces = np.minimum(ends_of_files, cuts[lane + 1]) - first
            own = np.flatnonzero(pieces > 0)
            own = own[np.random.default_rng((seed, epoch, lane)).permutation(len(own))]
            return own, np.cumsum(pieces[own])

        @functools.lru_cache(maxsize=lanes)
        def shuffled(lane, number, epoch):
            first, last = np.clip(cuts[lane : lane + 2] - starts_of_files[number], 0, self._sizes[number])
            grid = np.load(self._files[number], allow_pickle=False)[first:last]
            return grid[np.random.default_rng((seed, epoch, lane, number)).permutation(len(grid))]

        def from_lane(lane, turns):
            epochs, places = np.divmod(turns, cuts[lane + 1] - cuts[lane])
            found = np.empty((len(turns), STEPS_PER_WINDOW, self.voices), np.int8)
            for epoch in np.unique(epochs):
                own, ends = order(lane, epoch)
                files = np.where(epochs == epoch, np.searchsorted(ends, places, side="right"), -1)
                for turn in np.unique(files[files >= 0]):
                    rows = files == turn
                    # Places are counted from the end of the file.
                    found[rows] = shuffled(lane, own[turn], epoch)[places[rows] - ends[turn]]
            return found

        def read(positions):
            batches, places = np.divmod(np.asarray(positions), batch_size)
            of_lane, places = np.divmod(places, share)
            turns = batches * share + places
            found = np.empty((len(turns), STEPS_PER_WINDOW, self.voices), np.int8)
            for lane in np.unique(of_lane):
                rows = of_lane == lane
                found[rows] = from_lane(lane, turns[rows])
            return found

        return read


def _shape(file):
    try:
        grid = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{file} is no array ({error}); expected windows [sample, step, voice].") from error
    if grid.ndim != 3 or grid.shape[1] != STEPS_PER_WINDOW or grid.dtype != np.int8 or 0 in grid.shape:
        raise ValueError(
            f"{file} holds {grid.dtype} {grid.shape}; expected int8 windows (samples, {STEPS_PER_WINDOW} "
            "steps, voices)."
        )
    return grid.shape
