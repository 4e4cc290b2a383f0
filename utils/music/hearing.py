"""A piece as a listener follows it: beats with their chords, phrases, lines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .beats import Chords, chords_of_beats, find_beats, name_chords
from .counting import NoteArrays, find_notes
from .grid import REST, as_pitches, onsets_of


class Lines(NamedTuple):
    """The notes of all voices in order of voice and time, one array each; repeated notes are one.

    ``before`` and ``after`` are the intervals in semitones, upwards, from the note before and to the note
    after; 0 where a rest or nothing is there.
    """

    voice: np.ndarray
    start: np.ndarray  # in steps
    length: np.ndarray  # in steps
    pitch: np.ndarray
    before: np.ndarray
    after: np.ndarray


class Hearing(NamedTuple):
    """A piece as a listener follows it.

    Attributes
    ----------
    grid : int array [step, voice]
    beats : int array [beat]
        The steps where beats begin.
    bars : int array [bar]
        The steps where full bars begin.
    by_step, by_beat : Chords
        Of every step, and of every beat.
    lines : Lines
    note_at : int array [step, voice]
        Which of ``lines`` sounds; -1 for none.
    melody_start, melody_end : int array [note]
        Of the melody's notes, repeated ones apart.
    phrase_ends : int array [phrase]
        The steps where the last notes of phrases begin in the melody.
    tonic : int
        Pitch class.
    mode : {"major", "minor"}
    """

    grid: np.ndarray
    beats: np.ndarray
    bars: np.ndarray
    by_step: Chords
    by_beat: Chords
    lines: Lines
    note_at: np.ndarray
    melody_start: np.ndarray
    melody_end: np.ndarray
    phrase_ends: np.ndarray
    tonic: int
    mode: str

    @property
    def beat_of(self):
        """The beat of each step, counted from 0; -1 before the first: int array [step]."""
        return np.searchsorted(self.beats, np.arange(len(self.grid)), side="right") - 1


def hear(grid, onset, bars, tonic, mode, phrase_ends=()):
    """Follow a piece as a listener does.

    Parameters
    ----------
    grid : int array [step, voice]
        MIDI pitches, -1 = rest; voice 0 is the melody, the last one the bass.
    onset : bool array [step, voice]
        Only the melody's matter: of the other voices repeated notes count as one, since a network gives
        pitches and no onsets.
    bars : int array [bar]
        The steps where full bars begin, ascending.
    tonic, mode
        The key of the piece: pitch class 0..11, "major" or "minor".
    phrase_ends : int array [phrase]
        The steps where the last notes of phrases begin in the melody.

    Returns
    -------
    Hearing

    Raises
    ------
    ValueError
        If the grid is none, its onsets have another shape, or a phrase ends outside of it.
    """
    grid = as_pitches(grid)
    bars, phrase_ends = np.asarray(bars, int), np.asarray(phrase_ends, int)
    if len(phrase_ends) and not 0 <= phrase_ends.min() <= phrase_ends.max() < len(grid):
        raise ValueError(f"phrases end at the steps {phrase_ends.tolist()}, of {len(grid)}")
    melody = find_notes(grid[:, :1], np.asarray(onset)[:, :1])
    beats = find_beats(len(grid), bars)
    chords = name_chords(grid)
    lines, note_at = _follow(find_notes(grid, onsets_of(grid)), grid.shape)
    return Hearing(
        grid,
        beats,
        bars,
        chords,
        chords_of_beats(chords, beats),
        lines,
        note_at,
        melody.start,
        melody.start + melody.length,
        phrase_ends,
        int(tonic),
        mode,
    )


def _follow(notes: NoteArrays, shape):
    """Add the intervals to the notes of lines: Lines, and which note sounds where, int [step, voice]."""
    end = notes.start + notes.length
    joined = (np.diff(notes.voice) == 0) & (notes.start[1:] == end[:-1])
    interval = np.where(joined, np.diff(notes.pitch), 0)
    before, after = np.append(0, interval)[: len(end)], np.append(interval, 0)[: len(end)]
    begins = np.zeros(shape, int)
    begins[notes.start, notes.voice] = 1
    ends = np.zeros((shape[0] + 1, shape[1]), int)
    np.add.at(ends, (end, notes.voice), 1)
    sounding = (np.cumsum(begins, axis=0) - np.cumsum(ends[:-1], axis=0)) > 0
    first = np.searchsorted(notes.voice, np.arange(shape[1]))
    note_at = np.where(sounding, np.cumsum(begins, axis=0) - 1 + first, REST)
    return Lines(notes.voice, notes.start, notes.length, notes.pitch, before, after), note_at
