"""Notes as people type them."""

from __future__ import annotations

import re
from fractions import Fraction

import mido

from ..music.meter import tidy_meters
from ..music.theory import pitch_number
from .song import (
    DEFAULT_TEMPO,
    DEFAULT_VELOCITY,
    LONGEST_BEATS,
    SCORE_TICKS,
    MelodyError,
    Note,
    Part,
    Sign,
    Song,
    tempo_of,
)

TYPED_EXAMPLE = "C5 C5 G5 G5 A5 A5 G5:2 | F5 F5 E5 E5 D5 D5 C5:2"
PLAIN_NUMBER = re.compile(r"\s*[+-]?(\d{0,9}\.?\d{1,9}|\d{1,9}\.|\d{1,9}/\d{1,9})\s*")
PHRASE_END = "!"  # behind the last note of a phrase; a fermata sign says the same
FERMATA = "\N{MUSICAL SYMBOL FERMATA}"
LONGEST_NAME = 8  # letters of a note, with room to spare
MOST_SHOWN = 40  # letters of a mistake
FIRST_OCTAVE = "5"  # of typed notes: where sopranos sing


def read_typed(pairs):
    """Make a song of pairs of a pitch and its quarter notes, as :func:`.read_melody` describes them."""
    source, now, notes, signs = "the notes", Fraction(0), [], []
    advice = 'Give pairs of a pitch and its quarter notes, such as [("C5", 1), (None, 0.5), (67, 2)]'
    try:
        pairs = [
            (pitch, _length(beats).limit_denominator(SCORE_TICKS), *mark) for pitch, beats, *mark in pairs
        ]
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise MelodyError(source, f"not pairs of a pitch and a length ({error})", advice) from error
    for place, (pitch, beats, *mark) in enumerate(pairs):
        if beats <= 0:
            raise MelodyError(source, f"note {place} is {_short(beats)} beats long", advice)
        if beats > LONGEST_BEATS:
            raise MelodyError(source, f"note {place} lasts for more than {LONGEST_BEATS:,} beats", advice)
        number = _pitch(pitch) if pitch is not None else None
        if pitch is not None and number is None:
            raise MelodyError(source, f"note {place} is no pitch: {_short(pitch)}", advice)
        if number is not None:
            start, end = round(now * SCORE_TICKS), round((now + beats) * SCORE_TICKS)
            notes.append(Note(start, end, number, DEFAULT_VELOCITY))
        if mark not in ([], [PHRASE_END]):
            reason = f"note {place} has a mark that is not {PHRASE_END!r}: {_short(mark[0])}"
            raise MelodyError(source, reason, advice)
        if mark and notes:
            signs.append(Sign(notes[-1].start, "breath", "comma"))
        now += beats
    if not notes:
        raise MelodyError(source, "no notes", advice)
    conductor = (mido.MetaMessage("set_tempo", tempo=tempo_of(DEFAULT_TEMPO)),)
    part = Part("Melody", 0, notes, signs=tuple(signs))
    return Song(source, [part], SCORE_TICKS, conductor, tidy_meters([]), Fraction(0))


def parse_notes(text):
    """Read a melody that somebody has typed.

    Parameters
    ----------
    text : str
        Notes such as ``C5``, ``f#4:2``, ``Bb:1/2`` and rests ``r:1``, between spaces, commas or bar lines.
        After the colon stand the beats, one if they are left out. A note without an octave takes that of
        the note before, the first one octave 5; C4 is middle C. Behind the last note of a phrase an
        exclamation mark may stand: ``G5:2!``.

    Returns
    -------
    list of (int or None, Fraction) or (int or None, Fraction, "!")
        MIDI pitch, None for a rest, and beats, and whether a phrase ends with it: what
        :func:`read_melody` takes.

    Raises
    ------
    MelodyError
        If a note cannot be understood or there is none.
    """
    source, notes, octave = "typed notes", [], FIRST_OCTAVE
    text = re.sub(rf"[\s,;|]*[{PHRASE_END}{FERMATA}]+", PHRASE_END + " ", text)
    for number, word in enumerate(re.split(r"[\s,;|]+", text.strip(" \t\n,;|")), start=1):
        mark = (PHRASE_END,) if word.endswith(PHRASE_END) else ()
        plain = word.removesuffix(PHRASE_END).lower().replace("♯", "#").replace("♭", "b")
        name, colon, beats = plain.partition(":")
        length = _beats(beats) if colon else Fraction(1)
        if length is None:
            advice = "After the colon stand the beats, as in C5:2, C5:0.5 or C5:1/2"
            raise MelodyError(source, f"note {number}, {_short(word)}, has no length", advice)
        if name in ("r", "rest"):
            notes.append((None, length, *mark))
            continue
        octave = name.lstrip("abcdefg#") or octave
        pitch = _pitch(name if name.endswith(octave) else name + octave)
        if pitch is None:
            reason = f"note {number}, {_short(word)}, is none" if word else "there is no note yet"
            raise MelodyError(source, reason, f"Write them like this: {TYPED_EXAMPLE}")
        notes.append((pitch, length, *mark))
    if all(pitch is None for pitch, *_ in notes):
        raise MelodyError(source, "there are only rests", f"Write notes too, like this: {TYPED_EXAMPLE}")
    return notes


def _beats(text):
    """Read a positive number or fraction; None if it is neither."""
    try:
        beats = _length(text.strip())
    except (ValueError, ZeroDivisionError):
        return None
    return beats if 0 < beats < 1000 else None


def _length(beats):
    """Make a fraction of a length in beats, of texts only short ones in plain digits."""
    # An exponent, as in 1e10000000, may stand for a number that takes minutes to write out.
    if isinstance(beats, str) and not PLAIN_NUMBER.fullmatch(beats):
        raise ValueError(f"{_short(beats)} is no plain number")
    return Fraction(beats)


def _pitch(name):
    """Read a pitch; None if it is none, or too long for one."""
    return None if isinstance(name, str) and len(name) > LONGEST_NAME else pitch_number(name)


def _short(value):
    """Show what somebody gave, or its beginning."""
    try:
        text = str(value) if isinstance(value, Fraction) else repr(value)
    except ValueError:  # of numbers with thousands of digits Python writes none
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
