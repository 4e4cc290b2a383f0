"""Typed notes as a picture, while somebody types them: verovio reads them in Plaine & Easie code."""

from __future__ import annotations

import re

from ..music.theory import LETTERS, OCTAVE
from .engrave import PIXELS_PER_UNIT, VEROVIO_OPTIONS, open_verovio
from .typed import FERMATA, PHRASE_END, parse_notes

TICKS = 8  # per beat: what is shorter than a thirty-second note is drawn as one
BAR = 4 * TICKS
# Lengths in ticks that one note head can have, longest first, and how they are coded.
VALUES = {32: "1", 24: "2.", 16: "2", 12: "4.", 8: "4", 6: "8.", 4: "8", 3: "6.", 2: "6", 1: "3"}
ACCIDENTALS = {-2: "bb", -1: "b", 0: "n", 1: "x", 2: "xx"}
STAFF = {"pageMarginLeft": 20, "pageMarginTop": 40, "justificationVertical": 0}


def engrave_typed(text, width=700):
    """Draw typed notes on a staff, in bars of four beats.

    Parameters
    ----------
    text : str
        As :func:`.parse_notes` reads it; nothing gives an empty staff.
    width : int
        Pixels.

    Returns
    -------
    str
        An SVG in the color of the text around it.

    Raises
    ------
    MelodyError
        As :func:`.parse_notes`.
    """
    toolkit = open_verovio()
    toolkit.setInputFrom("pae")
    toolkit.setOptions(VEROVIO_OPTIONS | STAFF | {"pageWidth": round(width / PIXELS_PER_UNIT)})
    toolkit.loadData(f"@clef:G-2\n@keysig:\n@timesig:4/4\n@data:{to_pae(text) or '='}")
    return toolkit.renderToSVG(1).replace('color="black"', "")


def to_pae(text):
    """Write typed notes in Plaine & Easie code, with ties over bar lines and beams within beats.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        The code of the notes alone; empty for no notes.
    """
    if not text.strip():
        return ""
    notes = parse_notes(text)
    words = re.findall(rf"[^\s,;|{PHRASE_END}{FERMATA}]+", text)
    bars, altered, now = [], {}, 0
    for (pitch, beats, *mark), word in zip(notes, words, strict=True):
        start, now = round(now * TICKS), now + beats
        end = max(round(now * TICKS), start + 1)
        pieces = list(_pieces(start, end))
        for at, ticks in pieces:
            while len(bars) <= at // BAR:
                bars.append([])
                altered = {}  # an accidental holds for its bar
            last = (at, ticks) == pieces[-1]
            head = "-" if pitch is None else _head(pitch, word, altered)
            code = VALUES[ticks] + (f"({head})" if mark and last and pitch is not None else head)
            bars[-1].append((at, ticks, code + ("" if last or pitch is None else "+"), pitch is not None))
    return "/".join(_beamed(bar) for bar in bars)


def _pieces(start, end):
    """Cut a length where bars end, and into lengths that notes can have."""
    while start < end:
        rest = min(end, (start // BAR + 1) * BAR) - start
        ticks = next(value for value in VALUES if value <= rest)
        yield start, ticks
        start += ticks


def _head(pitch, word, altered):
    """Code a pitch in the spelling of its typed word, with the accidental that this bar still needs."""
    letter = LETTERS.index(word[0].upper())
    natural = 7 * (letter - 1) % OCTAVE
    alter = (pitch - natural + OCTAVE // 2) % OCTAVE - OCTAVE // 2
    octave = (pitch - alter - natural) // OCTAVE - 1
    sign = "" if altered.get((letter, octave), 0) == alter else ACCIDENTALS.get(alter, "")
    altered[letter, octave] = alter
    return ("'" * (octave - 3) if octave > 3 else "," * (4 - octave)) + sign + LETTERS[letter]


def _beamed(bar):
    """Join the notes of a bar, under a beam where several short ones share a beat."""
    beats, code = {}, ""
    for at, ticks, note, sounds in bar:
        beats.setdefault((at // TICKS, ticks < TICKS and sounds), []).append(note)
    for (_, short), notes in beats.items():
        code += f"{{{''.join(notes)}}}" if short and len(notes) > 1 else "".join(notes)
    return code
