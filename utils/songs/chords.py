"""Chord symbols: typed bar by bar, as in ``C | F C | G7 C``, or those of a score."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ..music.grid import STEPS_PER_BEAT
from ..music.meter import beat_length, nearest_step
from ..music.theory import ACCIDENTALS, NATURALS, OCTAVE
from .places import bars_of, name_place, shown, source_of
from .song import MelodyError, Sign

NOTHING = -1  # root and bass where no chord is asked for
AGAIN = "%"  # the bar before once more
HOLD = ("-", ".", "/")  # the chord before goes on
NO_CHORD = re.compile(r"n\.?c\.?", re.IGNORECASE)
ROOT = r"[A-G](?:##|#|bb|b)?"
SYMBOL = re.compile(rf"({ROOT})(.*?)(?:/({ROOT}))?")
ACCIDENTAL_SIGNS = str.maketrans("♯♭", "#b")
PLAIN = {**ACCIDENTAL_SIGNS, **str.maketrans("△", "Δ", "(), ")}
EXAMPLE = "C | F C | G7 C"
SYMBOLS = (
    "A symbol is a root, A to G with # or b, then such as m, 7, maj7, m7, dim, °7, ø7, +, sus4, 6, 9, add9, "
    "7b9, then a slash and another bass, if any; N.C. is no chord"
)
ADVICE = f'Write bars such as "{EXAMPLE}". {SYMBOLS}'
# What stands behind the root, the first that fits: third, fifth, and the seventh of higher chords.
QUALITIES = tuple(
    (re.compile(words), tones)
    for words, tones in (
        (r"major|maj|ma|M|Δ|j", (4, 7, 11)),
        (r"minor|min|mi|m|-(?!5)", (3, 7, 10)),
        (r"diminished|dim|°|o(?!mit)", (3, 6, 9)),
        (r"ø|Ø|h", (3, 6, 10)),
        (r"augmented|aug|\+(?!5)", (4, 8, 10)),
        (r"dom|", (4, 7, 10)),
    )
)
WITH_SEVENTH = ("Δ", "j", "ø", "Ø", "h")  # also where no number says so
NUMBER = re.compile(r"(major|maj|ma|M|Δ)?(6/?9|13|11|[245679])?")
ABOVE = {"2": (14,), "6": (9,), "69": (9, 14), "7": (), "9": (14,), "11": (14, 17), "13": (14, 21)}
CHANGE = re.compile(r"(sus)([24]?)|(add)([#b]?)(2|4|6|9|11|13)|(?:no|omit)([35])|([#b+-])(5|9|11|13)")
HIGHER = {"2": 14, "4": 17, "5": 7, "6": 9, "9": 14, "11": 17, "13": 21}
# Semitones above the root, by MusicXML's names.
TONES_OF_KIND = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "augmented": (0, 4, 8),
    "diminished": (0, 3, 6),
    "suspended-second": (0, 2, 7),
    "suspended-fourth": (0, 5, 7),
    "power": (0, 7),
    "dominant": (0, 4, 7, 10),
    "major-seventh": (0, 4, 7, 11),
    "minor-seventh": (0, 3, 7, 10),
    "diminished-seventh": (0, 3, 6, 9),
    "augmented-seventh": (0, 4, 8, 10),
    "half-diminished": (0, 3, 6, 10),
    "major-minor": (0, 3, 7, 11),
    "major-sixth": (0, 4, 7, 9),
    "minor-sixth": (0, 3, 7, 9),
    "dominant-ninth": (0, 4, 7, 10, 14),
    "major-ninth": (0, 4, 7, 11, 14),
    "minor-ninth": (0, 3, 7, 10, 14),
    "dominant-11th": (0, 4, 7, 10, 14, 17),
    "major-11th": (0, 4, 7, 11, 14, 17),
    "minor-11th": (0, 3, 7, 10, 14, 17),
    "dominant-13th": (0, 4, 7, 10, 14, 21),
    "major-13th": (0, 4, 7, 11, 14, 21),
    "minor-13th": (0, 3, 7, 10, 14, 21),
}


class Chord(NamedTuple):
    """A chord that is asked for from a beat on, until the next one.

    Attributes
    ----------
    beat : Fraction
        Quarter notes from the beginning.
    figure : str
        The symbol as it is written; "" where typed bars end.
    pitch_classes : int
        Bit k stands for pitch class k; the bass is among them. 0 where no chord is asked for.
    root, bass : int
        Pitch classes; -1 where no chord is asked for.
    """

    beat: Fraction
    figure: str
    pitch_classes: int
    root: int
    bass: int


def read_chords(song, text, steps=None):
    """Read chord symbols as they are typed.

    Parameters
    ----------
    song : Song or Melody
        Its bars are those of the chords, from bar 1 on: a pickup has none.
    text : str
        Bars between ``|``. The chords of a bar share it equally, each beginning with a beat. ``%`` is the
        bar before once more; ``-``, ``.`` or ``/`` in the place of a chord, or an empty bar, goes on with
        the chord before; ``N.C.`` asks for none. Behind the last bar none is asked for.
    steps : int, optional
        How long the music is; by default as long as the melody.

    Returns
    -------
    tuple of Chord
        In order of time, none like the one before it.

    Raises
    ------
    MelodyError
        If a symbol is unknown, or there are more bars of chords than of music.
    """
    source, steps = source_of(song), len(song.grid) if steps is None else steps
    if not isinstance(text, str):
        raise MelodyError(source, f"{shown(text)} is no text with chord symbols", ADVICE)
    bars, first = bars_of(song, steps)
    bars = bars[1 - first :]
    typed = _typed_bars(text)
    if not any(typed):
        raise MelodyError(source, "there are no chord symbols", ADVICE)
    if len(typed) > len(bars):
        reason = f"{len(typed)} bars of chords are given, but the song has {len(bars)}"
        raise MelodyError(source, reason, "Leave out those that are too many")
    chords, words = [], []
    for number, (bar, own) in enumerate(zip(bars, typed, strict=False), start=1):
        if AGAIN in own:
            if own != [AGAIN] or number == 1:
                where = "stands alone in a bar, and not in the first one"
                raise MelodyError(source, f"bar {number} of the chords: {AGAIN} {where}", ADVICE)
            own = words
        words = own
        for beat, word in zip(_shares(bar, len(own)), own, strict=True):
            if word not in HOLD:
                chord = parse_chord(word, beat)
                if chord is None:
                    reason = f"bar {number} of the chords: {shown(word)!r} is no chord symbol that is known"
                    raise MelodyError(source, reason, ADVICE)
                chords.append(chord)
    if len(typed) < len(bars):
        chords.append(Chord(bars[len(typed)].start, "", 0, NOTHING, NOTHING))
    return _without_repeats(chords)


def read_chord_signs(song, signs, ticks_per_beat, steps):
    """Read the chord symbols of a score.

    Parameters
    ----------
    song : Song or Melody
        For messages: its bars are counted.
    signs : sequence of Sign
        Those of a part.
    ticks_per_beat, steps : int

    Returns
    -------
    tuple of Chord
        As :func:`read_chords` gives them.

    Raises
    ------
    MelodyError
        If there are none, or one is unknown.
    """
    chords = []
    for sign in (sign for sign in signs if sign.kind == "chord"):
        beat = nearest_step(Fraction(sign.tick, ticks_per_beat))
        chord = parse_chord(sign.value, beat, sign.detail)
        if chord is None:
            place = name_place(song, steps, min(int(beat * STEPS_PER_BEAT), steps - 1))
            reason = f"the chord symbol {shown(sign.value)!r} at {place} is not known"
            raise MelodyError(source_of(song), reason, SYMBOLS)
        chords.append(chord)
    if not chords:
        advice = f'Write some there, or type them: "{EXAMPLE}"'
        raise MelodyError(source_of(song), "it has no chord symbols", advice)
    return _without_repeats(chords)


def parse_chord(symbol, beat=Fraction(0), kind=""):
    """Read one chord symbol.

    Parameters
    ----------
    symbol : str
        Such as "F#m7/A".
    beat : Fraction
        Where it stands.
    kind : str
        What MusicXML calls the chord, for symbols that do not say it themselves.

    Returns
    -------
    Chord or None
        None if it is unknown.
    """
    text = symbol.translate(PLAIN)
    if kind == "none" or NO_CHORD.fullmatch(text):
        return Chord(beat, symbol, 0, NOTHING, NOTHING)
    found = SYMBOL.fullmatch(text)
    if not found:
        return None
    of_kind = TONES_OF_KIND.get(kind)
    tones = _tones_of(found[2]) if found[2] or not of_kind else of_kind
    tones = tones or of_kind
    if not tones:
        return None
    root = _pitch_class(found[1])
    bass = _pitch_class(found[3]) if found[3] else root
    bits = {1 << (root + tone) % OCTAVE for tone in tones} | {1 << bass}
    return Chord(beat, symbol.translate(ACCIDENTAL_SIGNS), sum(bits), root, bass)


def chords_by_step(chords, steps):
    """Spread chords over steps.

    Parameters
    ----------
    chords : sequence of Chord
        In order of time.
    steps : int

    Returns
    -------
    pitch_classes : int array [step]
        Bit k stands for pitch class k; 0 where no chord is asked for.
    root, bass : int array [step]
        Pitch classes; -1 where no chord is asked for.
    """
    spread = np.full((steps, 3), (0, NOTHING, NOTHING))
    for chord in chords:
        spread[int(nearest_step(chord.beat) * STEPS_PER_BEAT) :] = chord[2:]
    return tuple(spread.T)


def chord_signs(chords):
    """Write chords as the signs of a score: list of Sign, with quarter notes in place of ticks."""
    return [Sign(chord.beat, "chord", chord.figure, 1, _kind_of(chord)) for chord in chords if chord.figure]


def _kind_of(chord):
    """Find what MusicXML calls a chord: the fullest kind of which it has all notes."""
    if not chord.pitch_classes:
        return "none"
    bits = {
        kind: sum({1 << (chord.root + tone) % OCTAVE for tone in tones})
        for kind, tones in TONES_OF_KIND.items()
    }
    held = [kind for kind in bits if bits[kind] & ~chord.pitch_classes == 0]
    return max(held, key=lambda kind: bits[kind].bit_count(), default="other")


def _typed_bars(text):
    """Divide what was typed into bars: list of list of str."""
    text = re.sub(r"\s*[|\n](?:\|+|[ \t]*\n\s*)*", "|", text.strip()).strip("|")
    return [bar.split() for bar in text.split("|")]


def _shares(bar, count):
    """Divide a bar between chords: the beats where they begin, the first ones lasting longer if need be."""
    unit = beat_length(bar.numerator, bar.denominator)
    if count * unit > bar.end - bar.start and unit.denominator == 2 and bar.denominator == 8:
        unit /= 3
    while count * unit > bar.end - bar.start:
        unit /= 2
    units = (bar.end - bar.start) // unit
    return [bar.start + math.ceil(Fraction(place * units, count)) * unit for place in range(count)]


def _tones_of(text):
    """Read what stands behind a root: semitones above it, or None."""
    word, (third, fifth, seventh) = next(
        (found[0], tones) for quality, tones in QUALITIES if (found := quality.match(text))
    )
    found = NUMBER.match(text, len(word))
    number = (found[2] or "").replace("/", "")
    if found[1]:
        seventh, number = 11, number or "7"
    if word in WITH_SEVENTH:
        number = number or "7"
    tones, place = {0, third, fifth}, found.end()
    if number == "5":
        tones.discard(third)
    elif number == "4":
        tones = {0, 5, fifth}
    elif number:
        tones |= {*ABOVE[number], *(() if number in ("2", "6", "69") else (seventh,))}
    while place < len(text):
        found = CHANGE.match(text, place)
        if not found:
            return None
        sus, suspended, add, sign, added, omitted, altered, degree = found.groups()
        if sus:
            tones = (tones - {third}) | {2 if suspended == "2" else 5}
        elif add:
            tones.add(HIGHER[added] + {"": 0, "#": 1, "b": -1}[sign])
        elif omitted:
            tones.discard(third if omitted == "3" else fifth)
        else:
            tones -= {fifth} if degree == "5" else {HIGHER[degree]}
            tones.add(HIGHER[degree] + (1 if altered in "#+" else -1))
        place = found.end()
    return tuple(sorted(tones))


def _pitch_class(name):
    return (NATURALS[name[0]] + ACCIDENTALS[name[1:]]) % OCTAVE


def _without_repeats(chords):
    """Leave out chords that go on."""
    kept = []
    for chord in sorted(chords, key=lambda chord: chord.beat):
        if kept and kept[-1].beat == chord.beat:
            kept[-1] = chord
        elif not kept or kept[-1][1:] != chord[1:]:
            kept.append(chord)
    return tuple(kept)
