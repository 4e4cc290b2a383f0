"""The same music higher or lower, note for note: nothing is composed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..music.grid import PITCHES, REST
from ..music.theory import NATURALS, OCTAVE, spell_in
from ..songs.chords import NOTHING, SYMBOL
from ..songs.places import source_of
from ..songs.song import MelodyError

FIFTHS_UP = 7  # sharps that a semitone adds
MOST_FLATS = 5  # of the signatures that are chosen; the other way there are up to six sharps
ACCIDENTALS = {"": 0, "#": 1, "##": 2, "b": -1, "bb": -2}
MARKS = {number: mark for mark, number in ACCIDENTALS.items()}


def transpose(arrangement, semitones):
    """Move an arrangement up or down.

    Parameters
    ----------
    arrangement : Arrangement
    semitones : int
        Upwards; below 0 downwards.

    Returns
    -------
    Arrangement
        With the key signatures and chord symbols of its new key. It is itself if ``semitones`` is 0.

    Raises
    ------
    MelodyError
        If a note would leave the 128 pitches of MIDI.
    """
    if not semitones:
        return arrangement
    owned = [arrangement.melody, *arrangement.parts.values()]
    pitches = [note.pitch for melody in owned for note in melody.notes]
    pitches += arrangement.grid[arrangement.grid != REST].tolist()
    if not 0 <= min(pitches) + semitones <= max(pitches) + semitones < PITCHES:
        reason = f"moved by {semitones} semitones it would leave the keyboard"
        raise MelodyError(source_of(arrangement.melody), reason, "Choose a smaller interval")
    keys = arrangement.melody.keys
    return replace(
        arrangement,
        grid=_moved(arrangement.grid, semitones),
        melody=_transpose_melody(arrangement.melody, semitones),
        parts={voice: _transpose_melody(part, semitones) for voice, part in arrangement.parts.items()},
        chords=tuple(_transpose_chord(chord, semitones, keys) for chord in arrangement.chords),
        previous=None,
    )


def _transpose_melody(melody, semitones):
    """Move a melody, what is written with it included."""
    keys = tuple(key._replace(sharps=_sharps(key.sharps, semitones)) for key in melody.keys)
    beat = melody.ticks_per_beat
    return replace(
        melody,
        grid=_moved(melody.grid, semitones),
        notes=tuple(note._replace(pitch=note.pitch + semitones) for note in melody.notes),
        conductor=tuple(message for message in melody.conductor if message.type != "key_signature"),
        keys=keys,
        spelling=None,  # the new key spells them
        signs=tuple(
            sign._replace(value=_symbol(sign.value, semitones, _key_at(melody.keys, sign.tick / beat)))
            if sign.kind == "chord"
            else sign
            for sign in melody.signs
        ),
    )


def _transpose_chord(chord, semitones, keys):
    bits = chord.pitch_classes << semitones % OCTAVE
    return chord._replace(
        figure=_symbol(chord.figure, semitones, _key_at(keys, chord.beat)),
        pitch_classes=(bits | bits >> OCTAVE) % (1 << OCTAVE),
        root=chord.root if chord.root == NOTHING else (chord.root + semitones) % OCTAVE,
        bass=chord.bass if chord.bass == NOTHING else (chord.bass + semitones) % OCTAVE,
    )


def _symbol(symbol, semitones, key):
    """Write a chord symbol in the key that this one becomes; what is no symbol stays."""
    found = SYMBOL.fullmatch(symbol)
    if not found:
        return symbol
    sharps = _sharps(key.sharps, semitones)
    root, bass = (
        name and "".join(_spelled((_pitch_class(name) + semitones) % OCTAVE, sharps, key.mode))
        for name in (found[1], found[3])
    )
    return root + found[2] + (f"/{bass}" if bass else "")


def _spelled(pitch_class, sharps, mode):
    letter, alteration = spell_in(pitch_class, sharps, mode)
    return letter, MARKS[alteration]


def _pitch_class(name):
    return NATURALS[name[0]] + ACCIDENTALS[name[1:]]


def _key_at(keys, beat):
    """Find the key that is in force at a beat."""
    return max((key for key in keys if key.beat <= beat), key=lambda key: key.beat, default=keys[0])


def _sharps(sharps, semitones):
    return (sharps + FIFTHS_UP * semitones + MOST_FLATS) % OCTAVE - MOST_FLATS


def _moved(grid, semitones):
    return np.where(grid == REST, REST, grid + semitones).astype(grid.dtype)
