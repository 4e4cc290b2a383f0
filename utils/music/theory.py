"""What every harmony book says: intervals, chords, keys, ranges, parallels, the names of notes."""

from __future__ import annotations

import functools
import re

import numpy as np

from .grid import PITCHES, REST, as_pitches

UNISON, FIFTH, OCTAVE = 1, 7, 12  # the perfect intervals, of which a unison needs a number that is not 0
NOT_PERFECT = 0
VOICE_RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))
CONSONANCE = np.array([1, -1, -1, 1, 1, 0, -1, 1, 1, 1, -1, -1])  # of 0..11 semitones (Yeh et al. 2020)
CHORDS = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant seventh": (0, 4, 7, 10),
    "minor seventh": (0, 3, 7, 10),
    "major seventh": (0, 4, 7, 11),
    "half-diminished seventh": (0, 3, 6, 10),
    "diminished seventh": (0, 3, 6, 9),
}
NO_CHORD = 12 * len(CHORDS)
# How often each degree sounds, from the tonic up (Aarden 2003, Essen folk songs): music21's own choice.
KEY_PROFILES = {
    "major": (17.77, 0.15, 14.93, 0.16, 19.80, 11.36, 0.29, 22.06, 0.15, 8.15, 0.23, 4.95),
    "minor": (18.26, 0.74, 14.05, 16.86, 0.70, 14.44, 0.70, 18.62, 4.57, 1.93, 7.38, 1.76),
}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {None: 0, "": 0, "#": 1, "##": 2, "b": -1, "bb": -2}
NOTE_NAME = re.compile(r"([A-Ga-g])(##|#|bb|b)?(-?\d+)")
LETTERS = "FCGDAEB"  # along the circle of fifths
# How far along the circle of fifths from the tonic a key spells its foreign notes: the altered notes of
# its secondary dominants, and the flats that are borrowed from minor.
SPELLED_FROM = {"major": -3, "minor": -5}
KEYS_BY_SHARPS = dict(enumerate(("Cb", "Gb", "Db", "Ab", "Eb", "Bb", *"FCGDAEB", "F#", "C#"), start=-7))
MINOR_KEYS_BY_SHARPS = dict(
    enumerate(("Ab", "Eb", "Bb", *"FCGDAEB", "F#", "C#", "G#", "D#", "A#"), start=-7)
)  # "A" is A minor
# What it costs a chord to be spelled otherwise than a tune, in fifths of distance from the key's middle.
DISAGREEMENT = 8
# How many fifths lie between the root of a chord and each of its tones, as thirds spell them.
FIFTHS_ABOVE_ROOT = {
    "major": (0, 4, 1),
    "minor": (0, -3, 1),
    "diminished": (0, -3, -6),
    "augmented": (0, 4, 8),
    "dominant seventh": (0, 4, 1, -2),
    "minor seventh": (0, -3, 1, -2),
    "major seventh": (0, 4, 1, 5),
    "half-diminished seventh": (0, -3, -6, -2),
    "diminished seventh": (0, -3, -6, -9),
}


def voice_ranges(voices):
    """Give the lowest and highest pitch that each of some voices can sing.

    Parameters
    ----------
    voices : int
        At least 2.

    Returns
    -------
    tuple of (int, int)
        MIDI pitches, both within; of soprano, alto, tenor and bass, or, of another number, spread evenly
        from soprano to bass.
    """
    places = np.linspace(0, len(VOICE_RANGES) - 1, voices)
    bounds = [np.interp(places, range(len(VOICE_RANGES)), bound) for bound in zip(*VOICE_RANGES, strict=True)]
    return tuple((round(low), round(high)) for low, high in zip(*bounds, strict=True))


# --- Voice leading ---


def _perfect_table():
    """Name the perfect intervals by their semitones: int8 array."""
    distance = np.arange(PITCHES + 1)
    simple = distance % OCTAVE
    kind = np.where(simple == FIFTH, FIFTH, np.where(simple == 0, OCTAVE, NOT_PERFECT))
    return np.where(distance == 0, UNISON, kind).astype(np.int8)


PERFECT_OF = _perfect_table()


def perfect_intervals(upper, lower):
    """Name the perfect intervals between two voices, whichever of them is higher.

    Parameters
    ----------
    upper, lower : int arrays that broadcast
        MIDI pitches, -1 = rest.

    Returns
    -------
    int8 array
        ``UNISON``, ``FIFTH``, ``OCTAVE`` (the last two with octaves added), or ``NOT_PERFECT``, also where a
        voice rests.
    """
    kind = PERFECT_OF.take(np.abs(upper - lower), mode="clip")
    return np.where((upper != REST) & (lower != REST), kind, np.int8(NOT_PERFECT))


def parallels(before, now, upper_motion, lower_motion):
    """Tell where two voices move in parallel unisons, fifths or octaves.

    They move in the same direction from one perfect interval to another of its kind, as
    ``VoiceLeadingQuartet`` of music21 has it. From a unison to an octave is no parallel.

    Parameters
    ----------
    before, now : int arrays that broadcast
        Of :func:`perfect_intervals`, at a step and the next.
    upper_motion, lower_motion : int arrays that broadcast
        Semitones that each voice moves by.

    Returns
    -------
    bool array
    """
    return (before == now) & (now != NOT_PERFECT) & (upper_motion * lower_motion > 0)


# --- Chords and keys ---


def _chord_table():
    """Name every set of pitch classes above the bass, given as 12 bits: 12 * quality + root, or NO_CHORD."""
    chords = [
        sum(1 << (root + tone) % 12 for tone in tones) for tones in CHORDS.values() for root in range(12)
    ]
    contained = (np.arange(1 << 12)[:, None] & ~np.array(chords)) == 0
    return np.where(contained.any(axis=1), contained.argmax(axis=1), NO_CHORD)


CHORD_OF = _chord_table()


def find_chords(grid):
    """Name the chord of each step.

    Parameters
    ----------
    grid : int array [..., step, voice]

    Returns
    -------
    int [..., step]
        12 * quality + root, qualities in the order of ``CHORDS`` and roots as pitch classes; ``NO_CHORD``, or
        REST for silence.
    """
    grid = as_pitches(grid)
    sounding = grid != REST
    bass = np.where(sounding, grid, np.iinfo(int).max).min(axis=-1)
    tones = np.where(sounding, 1 << (grid - bass[..., None]) % 12, 0)
    chord = CHORD_OF[np.bitwise_or.reduce(tones, axis=-1)]
    chord = np.where(chord == NO_CHORD, chord, chord - chord % 12 + (chord + bass) % 12)
    return np.where(sounding.any(axis=-1), chord, REST)


def find_key(counts):
    """Find the tonic and mode whose profile the pitch classes follow best (Krumhansl and Schmuckler).

    Parameters
    ----------
    counts : float [pitch class=12]
        How long each sounds, in any unit.

    Returns
    -------
    tonic : int
        In 0..11.
    mode : {"major", "minor"}
    """
    fits = {}
    for mode, profile in KEY_PROFILES.items():
        standard = (np.array(profile) - np.mean(profile)) / np.std(profile)
        for tonic in range(12):
            fits[tonic, mode] = np.roll(standard, tonic) @ counts
    return max(fits, key=fits.get)


# --- Names of notes ---


def fifths_of(tonic):
    """Place a pitch class on the circle of fifths, C = 0, between five flats and six sharps."""
    return (7 * tonic + 5) % OCTAVE - 5


def sharps_of(tonic, mode):
    """Count the sharps of a key signature, flats below 0."""
    return fifths_of(tonic) if mode == "major" else fifths_of((tonic + 3) % OCTAVE)


def signature_of(sharps):
    """Tell what a key signature does to each letter: dict of str to -1, 0 or 1.

    Parameters
    ----------
    sharps : int
        Flats below 0; -7 to 7.
    """
    signature = dict.fromkeys(LETTERS, 0)
    for place in range(abs(sharps)):
        signature[LETTERS[place] if sharps > 0 else LETTERS[-1 - place]] = 1 if sharps > 0 else -1
    return signature


def spell(pitch_class, tonic, mode):
    """Spell a pitch class as its key does: a letter and an alteration in semitones."""
    return spell_in(pitch_class, sharps_of(tonic, mode), mode)


@functools.cache
def spell_in(pitch_class, sharps, mode=None):
    """Spell a pitch class by a key signature.

    Parameters
    ----------
    pitch_class : int
        In 0..11.
    sharps : int
        Flats below 0.
    mode : str, optional
        All but "minor" are spelled as major.

    Returns
    -------
    letter : str
    alteration : int
        Semitones.
    """
    lowest = _lowest_fifth(sharps, mode)
    return name_of_fifth(lowest + (7 * pitch_class - lowest) % OCTAVE)


def name_of_fifth(place):
    """Name a place on the line of fifths, C = 0, G = 1: a letter and an alteration in semitones."""
    return LETTERS[(place + 1) % 7], (place + 1) // 7


def fifth_of_name(letter, alteration):
    """Find the place of a spelled pitch class on the line of fifths, C = 0, G = 1."""
    return LETTERS.index(letter) - 1 + 7 * alteration


def _lowest_fifth(sharps, mode):
    """Find the first of the twelve fifths by which a key is spelled."""
    minor = mode == "minor"
    return sharps + (3 if minor else 0) + SPELLED_FROM["minor" if minor else "major"]


@functools.lru_cache(4096)
def spell_chord(chord, sharps, mode=None, given=()):
    """Spell the tones of a chord in thirds above its root, as near to the key as may be.

    Parameters
    ----------
    chord : int
        Of :func:`find_chords`, not ``NO_CHORD`` and no rest.
    sharps, mode
        Of the key.
    given : tuple of (pitch class, (letter, alteration))
        Tones that are spelled already, by the owner of a tune. The chord follows them where that does not
        lead far from the key, as to double sharps.

    Returns
    -------
    dict of int to (letter, alteration)
        By pitch class.
    """
    number, root = divmod(int(chord), OCTAVE)
    quality = list(CHORDS)[number]
    roots = range(root, root + OCTAVE, 3) if quality == "diminished seventh" else (root,)
    middle = _lowest_fifth(sharps, mode) + (OCTAVE - 1) / 2
    given = [(pitch_class, fifth_of_name(*name)) for pitch_class, name in given]

    def price(fifths):
        tones = {7 * fifth % OCTAVE: fifth for fifth in fifths}
        disagree = sum(tones.get(pitch_class, fifth) != fifth for pitch_class, fifth in given)
        return DISAGREEMENT * disagree + sum(abs(fifth - middle) for fifth in fifths)

    candidates = [
        tuple(first + step for step in FIFTHS_ABOVE_ROOT[quality])
        for each in roots
        for first in range(-24 + (7 * each) % OCTAVE, 25, OCTAVE)
    ]
    return {7 * fifth % OCTAVE: name_of_fifth(fifth) for fifth in min(candidates, key=price)}


def note_name(letter, alteration):
    """Write a spelled pitch class as music21 does, with ``-`` for a flat: ``F#``, ``B-``."""
    return letter + ("#" * alteration if alteration > 0 else "-" * -alteration)


def pitch_name(pitch):
    """Name a MIDI pitch, with sharps for black keys: 60 is ``C4``."""
    letters = {semitones: letter for letter, semitones in NATURALS.items()}
    name = letters.get(pitch % OCTAVE) or letters[pitch % OCTAVE - 1] + "#"
    return f"{name}{pitch // OCTAVE - 1}"


def pitch_number(name):
    """Read a MIDI number or a name such as ``C5`` (72), ``F#4`` or ``Bb3``; None if it is neither."""
    if isinstance(name, str):
        found = NOTE_NAME.fullmatch(name.strip())
        if not found:
            return None
        letter, accidental, octave = found.groups()
        name = NATURALS[letter.upper()] + ACCIDENTALS[accidental] + 12 * (int(octave) + 1)
    try:
        number = int(name)
    except (TypeError, ValueError):
        return None
    return number if number == name and 0 <= number < PITCHES else None
