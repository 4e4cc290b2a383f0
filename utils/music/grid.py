"""Grids and piano rolls, and the ways between them.

Two canonical types carry all music in this project:

grid
    ``int8[..., step, voice]`` MIDI pitches, -1 where the voice rests, together with
    ``onset bool[..., step, voice]``, true where a note begins. A step is a sixteenth note.
piano roll
    ``float32 | int8 [..., step, pitch, track]``, +1 where a pitch sounds and -1 where it does not.
    This is what the networks read and write. A roll alone cannot tell a repeated note from a held one.
"""

from __future__ import annotations

import numpy as np

STEPS_PER_BEAT = 4
BEATS_PER_BAR = 4
STEPS_PER_BAR = STEPS_PER_BEAT * BEATS_PER_BAR
STEPS_PER_WINDOW = 2 * STEPS_PER_BAR
PITCHES = 128
REST = -1
VOICES = ("soprano", "alto", "tenor", "bass")


def voice_names(voices: int) -> tuple[str, ...]:
    """Name the voices of a piece from the top: soprano to bass if they are four."""
    return VOICES if voices == len(VOICES) else tuple(f"voice {1 + voice}" for voice in range(voices))


def grid_to_roll(grid: np.ndarray, dtype=np.float32) -> np.ndarray:
    """Expand a grid into a piano roll.

    Parameters
    ----------
    grid : int array [..., step, voice]
        MIDI pitches 0..127, -1 = rest.
    dtype : numpy dtype
        Of the answer.

    Returns
    -------
    array [..., step, pitch=128, voice] in {-1, +1}
    """
    grid = np.asarray(grid)
    sounding = grid[..., None, :] == np.arange(PITCHES)[:, None]
    return np.where(sounding, 1, -1).astype(dtype)


def roll_to_grid(roll: np.ndarray) -> np.ndarray:
    """Keep the likeliest pitch of every step and track.

    Parameters
    ----------
    roll : array [..., step, pitch=128, track]
        Any real values; the largest one wins, the lowest pitch on a tie.

    Returns
    -------
    int8 array [..., step, track]
        The pitch, or -1 where no cell of that step and track is above 0.
    """
    roll = np.asarray(roll)
    pitch = roll.argmax(axis=-2)
    return np.where(roll.max(axis=-2) > 0, pitch, REST).astype(np.int8)


def onsets_of(grid: np.ndarray) -> np.ndarray:
    """Guess where notes begin: wherever a voice moves to a new pitch.

    Repeated notes fuse, which is all that can be said of a grid that came from a roll.

    Parameters
    ----------
    grid : int array [..., step, voice]

    Returns
    -------
    bool array [..., step, voice]
    """
    grid = np.asarray(grid)
    before = np.full_like(grid[..., :1, :], REST)
    moved = np.diff(grid, axis=-2, prepend=before) != 0
    return moved & (grid != REST)


def grid_to_notes(grid: np.ndarray, onset: np.ndarray) -> list[tuple[int, int, int]]:
    """List the notes of one voice.

    Parameters
    ----------
    grid : int array [step]
    onset : bool array [step]

    Returns
    -------
    list of (start, end, pitch)
        In steps, end exclusive, in order. A sounding step without an onset continues the note before
        it if the pitch is the same, and begins a note otherwise.
    """
    notes = []
    for step, (pitch, starts) in enumerate(zip(np.asarray(grid), np.asarray(onset), strict=True)):
        if pitch == REST:
            continue
        held = notes and notes[-1][1] == step and notes[-1][2] == pitch and not starts
        if held:
            notes[-1] = (notes[-1][0], step + 1, int(pitch))
        else:
            notes.append((step, step + 1, int(pitch)))
    return notes


def as_pitches(grid):
    """Widen a grid, since int8 overflows in arithmetic."""
    grid = np.asarray(grid)
    if grid.ndim < 2 or grid.dtype.kind not in "iu":
        raise ValueError(
            f"expected a grid of integers [..., step, voice], found {grid.dtype} {grid.shape}: "
            "turn a piano roll into a grid first"
        )
    return grid.astype(int)


def to_steps(ticks, ticks_per_beat):
    """Round ticks to the nearest step, up from the middle."""
    return (2 * STEPS_PER_BEAT * np.asarray(ticks, np.int64) + ticks_per_beat) // (2 * ticks_per_beat)


def quantize(notes, ticks_per_beat, steps=0):
    """Place the notes of one voice on the grid.

    Every note takes at least a step; where two claim the same, the higher has it.

    Parameters
    ----------
    notes : sequence of Note
        In ticks.
    ticks_per_beat : int
    steps : int
        The least length of the grid.

    Returns
    -------
    grid : int8 array [step]
    onset : bool array [step]
    """
    notes = sorted(notes, key=lambda note: (note.pitch, note.start))
    start, end, pitch, _ = np.array(notes, np.int64).reshape(-1, 4).T
    start, end = to_steps(start, ticks_per_beat), to_steps(end, ticks_per_beat)
    end = np.maximum(end, start + 1)
    owner = np.full(max([steps, *end]), REST)
    for note, (first, last) in enumerate(zip(start, end, strict=True)):
        owner[first:last] = note
    grid = np.append(pitch, REST)[owner].astype(np.int8)
    _, first_seen = np.unique(owner, return_index=True)
    onset = np.zeros(len(owner), bool)
    onset[first_seen] = True
    return grid, onset & (owner != REST)
