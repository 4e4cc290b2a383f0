"""How the notes of a score are spelled: as their owner did, or by the key and by the chord they are in."""

from __future__ import annotations

import numpy as np

from ..music.grid import REST
from ..music.theory import NO_CHORD, OCTAVE, find_chords, spell_chord, spell_in

FEWEST_TONES = 3  # different ones, without which a chord is not clear


def spell_parts(parts, keys, own=None):
    """Spell the notes of several parts so that they agree.

    Owners' spellings stand. A note that sounds with one of its pitch class is spelled like it; the tones of
    a clear chord are spelled in thirds above its root, with the owners where possible; all others by the
    key. A repeated note keeps its name.

    Parameters
    ----------
    parts : list of list of (start, end, pitch)
        Sorted, in quarter notes.
    keys : sequence of (beat, sharps, mode)
        The first at beat 0.
    own : sequence of dict of (beat, pitch) to (letter, alteration), optional
        How owners spell notes of the first parts, one a part; where they disagree, the others go by the
        first one.

    Returns
    -------
    list of list of (letter, alteration)
        By part and note.
    """
    own = [names or {} for names in own or ()]
    own += [{}] * (len(parts) - len(own))
    times = sorted({start for notes in parts for start, *_ in notes})
    if not times:
        return [[] for _ in parts]
    sounding = [sounding_at(times, notes) for notes in parts]
    grid = np.array(
        [[REST if n is None else notes[n][2] for n in at] for notes, at in zip(parts, sounding, strict=True)]
    ).T
    chords = np.where(clear_chords(grid), find_chords(grid), NO_CHORD).tolist()
    keys, current, names_at = sorted(keys, key=lambda key: key[0]), 0, {}
    for index, time in enumerate(times):
        while current + 1 < len(keys) and keys[current + 1][0] <= time:
            current += 1
        _, sharps, mode = keys[current]
        given = {}
        for notes, at, names in zip(parts, sounding, own, strict=True):
            start, _, pitch = notes[at[index]] if at[index] is not None else (None,) * 3
            if (start, pitch) in names:
                given.setdefault(pitch % OCTAVE, names[start, pitch])
        given = tuple(given.items())
        in_chord = {} if chords[index] == NO_CHORD else spell_chord(chords[index], sharps, mode, given)
        names_at[time] = (sharps, mode, {**in_chord, **dict(given)})

    answer = []
    for number, notes in enumerate(parts):
        names, before = [], (None, None)
        for start, end, pitch in notes:
            sharps, mode, known = names_at[start]
            name = known.get(pitch % OCTAVE) or spell_in(pitch % OCTAVE, sharps, mode)
            if before == (start, pitch):
                name = names[-1]
            name = own[number].get((start, pitch), name)
            names.append(name)
            before = (end, pitch)
        answer.append(names)
    return answer


def sounding_at(times, notes):
    """Tell which note of a part sounds at ascending times: list of int, None where none does."""
    answer, index = [], 0
    for time in times:
        while index < len(notes) and notes[index][1] <= time:
            index += 1
        answer.append(index if index < len(notes) and notes[index][0] <= time else None)
    return answer


def clear_chords(grid):
    """Tell where three or more different tones sound: bool [time] of an int array [time, part]."""
    tones = np.bitwise_or.reduce(np.where(grid == REST, 0, 1 << grid % OCTAVE), axis=-1)
    return np.array([int(chosen).bit_count() >= FEWEST_TONES for chosen in tones], bool)
