"""A part of which some notes are its owner's, as they were written, and others are new."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ..music.grid import REST, STEPS_PER_BEAT, to_steps
from .write_midi import grid_to_ticks

WITH_A_NOTE = ("lyric", "fermata", "breath", "articulation")


def in_ticks(melody, ticks_per_beat):
    """Count a melody in other ticks.

    Parameters
    ----------
    melody : Melody
    ticks_per_beat : int

    Returns
    -------
    Melody
        Its conductor aside. Times are exact if the new ticks are so many times as fine.
    """
    if ticks_per_beat == melody.ticks_per_beat:
        return melody

    def scaled(tick):
        return round(Fraction(tick * ticks_per_beat, melody.ticks_per_beat))

    notes = []
    for note in melody.notes:
        start, end = scaled(note.start), scaled(note.end)
        notes.append(note._replace(start=start, end=max(end, start + 1)))
    return replace(
        melody,
        notes=tuple(notes),
        ticks_per_beat=ticks_per_beat,
        messages=tuple(message.copy(time=scaled(message.time)) for message in melody.messages),
        signs=tuple(sign._replace(tick=scaled(sign.tick)) for sign in melody.signs),
        spelling={(scaled(tick), pitch): name for (tick, pitch), name in (melody.spelling or {}).items()},
    )


def join_line(melody, grid, onset, kept):
    """Write a part with its owner's notes where they are kept, and a grid's elsewhere.

    Parameters
    ----------
    melody : Melody
        As its owner wrote it.
    grid : int array [step]
        What the part is to sound like.
    onset : bool array [step]
    kept : bool array [step]
        An owner's note stays as it is if it begins where it is kept and the grid agrees; one that lasts
        into what is not, ends there, unless the grid holds it.

    Returns
    -------
    Melody
        With the notes of both, and what was written with those that stay.
    """
    own = slice(0, len(melody.grid))
    was, struck = np.full(len(grid), REST), np.zeros(len(grid), bool)
    was[own], struck[own] = melody.grid[: len(grid)], melody.onset[: len(grid)]
    stays = kept & (grid == was) & (onset == struck)
    if stays.all():
        return melody
    ticks, free = melody.ticks_per_beat, np.ones(len(grid), bool)
    notes, ends = [], {}  # of the owner; by the steps where they end
    for note in melody.notes:
        start, end = (int(to_steps(tick, ticks)) for tick in note[:2])
        if start >= len(grid) or not stays[start]:
            continue
        changed = start + np.flatnonzero(~stays[start:end])
        if len(changed):
            end = int(changed[0])
            note = note._replace(end=max(note.start + 1, min(note.end, end * ticks // STEPS_PER_BEAT)))
        end = max(end, start + 1)
        free[start:end], ends[end] = False, len(notes)
        notes.append(note)
    taken, new = {note.start for note in notes}, []
    for note in grid_to_ticks(np.where(free, grid, REST), onset, ticks):
        step = int(to_steps(note.start, ticks))
        before = ends.get(step)
        if before is not None and not onset[step] and notes[before].pitch == note.pitch:
            notes[before] = notes[before]._replace(end=note.end)  # which the grid holds for longer
        else:
            new.append(note)
    signs = tuple(_signs_of(melody.signs, taken))
    return replace(melody, notes=tuple(_in_turn(notes, new)), signs=signs)


def _in_turn(own, new):
    """Bring notes into order, and let none of the new ones, and none before them, last too long."""
    new = set(new)
    order = sorted([*own, *new])
    for place, (note, after) in enumerate(pairwise(order)):
        if after.start < note.end and (note in new or after in new):
            order[place] = note._replace(end=after.start)
    return [note for note in order if note.start < note.end]


def _signs_of(signs, taken):
    """Leave out what was written with notes that are gone, and slurs of which one end is."""
    opened, slurs = {}, set()
    for sign in sorted(sign for sign in signs if sign.kind == "slur"):
        if sign.value == "start":
            opened.setdefault(sign.number, []).append(sign)
        elif opened.get(sign.number):
            start = opened[sign.number].pop(0)
            if start.tick in taken and sign.tick in taken:
                slurs |= {start, sign}
    return [
        sign
        for sign in signs
        if (sign in slurs if sign.kind == "slur" else sign.kind not in WITH_A_NOTE or sign.tick in taken)
    ]
