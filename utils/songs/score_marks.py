"""What stands in a score beside its notes, as elements of MusicXML.

Times are quarter notes, signs those of :class:`.song.Sign` with quarter notes in place of ticks.
"""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from ..music.grid import REST
from ..music.meter import beat_length
from ..music.theory import CHORDS, NO_CHORD, OCTAVE, find_chords, spell_in
from .song import Sign
from .spelling import clear_chords, sounding_at

KINDS = {  # what MusicXML calls a chord, and what is written after the root
    "major": ("major", ""),
    "minor": ("minor", "m"),
    "diminished": ("diminished", "°"),
    "augmented": ("augmented", "+"),
    "dominant seventh": ("dominant", "7"),
    "minor seventh": ("minor-seventh", "m7"),
    "major seventh": ("major-seventh", "maj7"),
    "half-diminished seventh": ("half-diminished", "ø7"),
    "diminished seventh": ("diminished-seventh", "°7"),
}
MUSICXML_KINDS = {
    *(kind for kind, _ in KINDS.values()),
    *("augmented-seventh", "major-minor", "major-sixth", "minor-sixth", "dominant-ninth", "major-ninth"),
    *("minor-ninth", "dominant-11th", "major-11th", "minor-11th", "dominant-13th", "major-13th"),
    *("minor-13th", "suspended-second", "suspended-fourth", "Neapolitan", "Italian", "French", "German"),
    *("pedal", "power", "Tristan", "other", "none"),
}
CHORD_NAME = re.compile(r"([A-G])([#b]*)(.*?)(?:/([A-G])([#b]*))?")
# Length of the unit of a tempo mark: what MusicXML calls it, and whether it has a dot.
BEAT_UNITS = {
    Fraction(4): ("whole", False),
    Fraction(2): ("half", False),
    Fraction(3, 2): ("quarter", True),
    Fraction(1): ("quarter", False),
    Fraction(3, 4): ("eighth", True),
    Fraction(1, 2): ("eighth", False),
    Fraction(3, 8): ("16th", True),
    Fraction(1, 4): ("16th", False),
}
DYNAMICS = {
    *("p", "pp", "ppp", "pppp", "f", "ff", "fff", "ffff", "mp", "mf", "sf", "sfp", "sfpp", "fp", "rf", "rfz"),
    *("sfz", "sffz", "fz", "n", "pf", "sfzp"),
}
# A tempo that differs by less than this share from the one that is shown is not shown.
SAME_TEMPO = 0.02
JUMP_SOUNDS = {
    "segno": {"segno": "segno"},
    "coda": {"coda": "coda"},
    "fine": {"fine": "yes"},
    "tocoda": {"tocoda": "coda"},
    "dacapo": {"dacapo": "yes"},
    "dalsegno": {"dalsegno": "segno"},
}
JUMP_WORDS = {"fine": "Fine", "tocoda": "To Coda", "dacapo": "D.C.", "dalsegno": "D.S."}
CLOSING = ("stop", "fine", "tocoda", "dacapo", "dalsegno")  # wedges and jumps
# In what order the marks of one moment stand.
ORDER = ("rehearsal", "tempo", "jump", "text", "dynamic", "wedge", "chord")
FOR_ALL = ("rehearsal", "tempo", "jump", "chord")  # those stand above the upper part


def marks_of(signs, bars, tempi=(), general=(), symbols=None):
    """Make the elements that stand between the notes of a part.

    Parameters
    ----------
    signs : sequence of Sign
        Of the part.
    bars : list of Bar
    tempi : sequence of (beat, tempo)
        Quarter notes per minute.
    general : sequence of Sign
        Those that concern all parts are taken from here, for the part above which they stand.
    symbols : list of Sign, optional
        Chord symbols in place of those among ``general``.

    Returns
    -------
    list of (beat, opens, Element)
        In order; what does not open something at its time belongs to what ends there.
    """
    general = [sign for sign in general if sign.kind in FOR_ALL]
    words = {sign.tick: sign.value for sign in general if sign.kind == "tempo"}
    sung = any(sign.kind == "lyric" for sign in signs)
    if symbols is not None:
        general = [*(sign for sign in general if sign.kind != "chord"), *symbols]
    made = list(_tempo_marks(tempi, bars, words))
    for sign in (*general, *(sign for sign in signs if sign.kind not in FOR_ALL)):
        if sign.kind in ORDER and sign.kind != "tempo":
            element = _chord(sign) if sign.kind == "chord" else _direction(sign, sung)
            made.append((sign.tick, ORDER.index(sign.kind), element, sign.value not in CLOSING))
    made.sort(key=lambda entry: (entry[0], entry[3], entry[1]))
    return [(time, opens, element) for time, _, element, opens in made]


def chord_symbols(parts, bars, keys):
    """Read the harmony of every beat, at its middle if it is not clear at once.

    Parameters
    ----------
    parts : list of list of (start, end, pitch)
    bars : list of Bar
    keys : list of (beat, sharps, mode)

    Returns
    -------
    list of Sign
        Where the harmony changes.
    """
    times = []
    for bar in bars:
        beat = beat_length(bar.numerator, bar.denominator)
        times += [(time, time + beat / 2) for time in np.arange(bar.start, bar.end, beat)]
    looked_at = [time for pair in times for time in pair]
    indices = [sounding_at(looked_at, notes) for notes in parts]
    grid = np.array(
        [[REST if n is None else notes[n][2] for n in at] for notes, at in zip(parts, indices, strict=True)]
    ).T
    found = np.where(clear_chords(grid), find_chords(grid), NO_CHORD)
    symbols, before = [], NO_CHORD
    for (time, _), readings in zip(times, found.reshape(-1, 2).tolist(), strict=True):
        chord = next((reading for reading in readings if reading != NO_CHORD), before)
        if chord != before:
            quality, root = divmod(chord, OCTAVE)
            kind, shown = KINDS[list(CHORDS)[quality]]
            _, sharps, mode = next(key for key in reversed(keys) if key[0] <= time)
            letter, alteration = spell_in(root, sharps, mode)
            name = letter + ("#" * alteration if alteration > 0 else "b" * -alteration)
            symbols.append(Sign(time, "chord", name + shown, 1, kind))
        before = chord
    return symbols


def shared_fermatas(signs, melody, others):
    """Find the notes of another part that last until the end of those with a fermata.

    Parameters
    ----------
    signs : sequence of Sign
        Of the melody.
    melody, others : list of (start, end, pitch)

    Returns
    -------
    list of beat
        Where they begin.
    """
    ends = {start: end for start, end, _ in melody}
    held = [ends[sign.tick] for sign in signs if sign.kind == "fermata" and sign.tick in ends]
    return [start for start, end, _ in others if any(start < time <= end for time in held)]


def notations_of(signs, notes):
    """Find what is written with the notes of a part.

    Parameters
    ----------
    signs : sequence of Sign
    notes : list of (start, end, pitch)

    Returns
    -------
    dict of beat to list of (tag, attributes, text)
        By the beginning of the note.
    """
    ends = {start: end for start, end, _ in notes}
    answer = {}
    slurs, goes_on = {}, {}
    for sign in sorted(signs):
        if sign.tick not in ends:
            continue
        if sign.kind == "slur":
            slurs.setdefault((sign.number, sign.value), []).append(sign.tick)
        elif sign.kind == "lyric":
            goes_on[sign.number], entry = _lyric(sign, goes_on.get(sign.number, False))
            answer.setdefault(sign.tick, []).append(entry)
        elif sign.kind in ("fermata", "breath", "articulation"):
            tag = {"comma": "breath-mark", "": ""}.get(sign.value, sign.value)
            entry = (sign.kind, {}, tag)
            if entry not in answer.setdefault(sign.tick, []):
                answer[sign.tick].append(entry)
    for (number, value), begins in slurs.items():
        if value == "start":
            _add_slurs(answer, number, begins, slurs.get((number, "stop"), []))
    return answer


def add_bar_line(measure, location, signs, number=0, last=False):
    """Add what one side of a bar line says, if it says anything.

    Parameters
    ----------
    measure : Element
    location : {"left", "right"}
    signs : sequence of Sign
        On that line.
    number : int
        Of the part; voltas are seen above the uppermost one only.
    last : bool
        Whether the music ends there.
    """
    left = location == "left"
    repeat = next((s for s in signs if s.kind == "repeat" and (s.value == "forward") == left), None)
    endings = [s for s in signs if s.kind == "ending" and (s.value == "start") == left]
    style = next((s.value for s in signs if s.kind == "barline" and not left), None)
    style = "light-heavy" if last else style
    # musicxml2ly takes a repeat for a part of the volta that ends with it, unless each has its element.
    for sign in endings:
        line = _bar_line(measure, location, "regular")
        ending = SubElement(line, "ending", number=sign.detail, type=sign.value)
        if number:
            ending.set("print-object", "no")
    if repeat:
        line = _bar_line(measure, location, "heavy-light" if left else "light-heavy")
        element = SubElement(line, "repeat", direction=repeat.value)
        if not left and repeat.number > 2:
            element.set("times", str(repeat.number))
    elif style:
        _bar_line(measure, location, style)


def _bar_line(measure, location, style):
    line = SubElement(measure, "barline", location=location)
    SubElement(line, "bar-style").text = style
    return line


def _add_slurs(answer, number, begins, ends):
    """Add those slurs of one number of which both ends are left."""
    for begin, end in zip(begins, ends, strict=False):
        if begin < end:
            for time, value in ((begin, "start"), (end, "stop")):
                entry = (f"slur {value}", {"type": value, "number": str(1 + (number - 1) % 6)}, "")
                answer.setdefault(time, []).append(entry)


def _lyric(sign, within):
    """Write a syllable as MusicXML has it: the hyphen of a word that goes on is drawn by the reader.

    Parameters
    ----------
    sign : Sign
    within : bool
        Whether the syllable before it belongs to the same word.

    Returns
    -------
    goes_on : bool
    entry : (tag, attributes, text)
    """
    goes_on = sign.detail in ("begin", "middle") or (not sign.detail and sign.value.endswith("-"))
    ways = {(False, True): "begin", (True, True): "middle", (True, False): "end", (False, False): "single"}
    attributes = {"number": str(sign.number), "syllabic": sign.detail or ways[within, goes_on]}
    return goes_on, ("lyric", attributes, sign.value.removesuffix("-") if goes_on else sign.value)


def _tempo_marks(tempi, bars, words):
    """Make tempo marks by the beat of the meter, with their words: (time, order, Element, opens)."""
    order, before = ORDER.index("tempo"), None
    tempi = {Fraction(time): float(quarters) for time, quarters in sorted(tempi, key=lambda pair: pair[0])}
    for time in sorted({*tempi, *words}):
        quarters = tempi.get(time)
        same = quarters is None or (before and abs(quarters - before) < SAME_TEMPO * before)
        if same and time not in words:
            continue
        direction = Element("direction", placement="above")
        if time in words:
            kind = SubElement(direction, "direction-type")
            SubElement(kind, "words", {"font-weight": "bold"}).text = words[time]
        if not same:
            bar = next(bar for bar in reversed(bars) if bar.start <= time)
            beat = beat_length(bar.numerator, bar.denominator)
            unit, dotted = BEAT_UNITS.get(beat, BEAT_UNITS[Fraction(1)])
            shown = round(quarters / float(beat if beat in BEAT_UNITS else 1), 1)
            metronome = SubElement(SubElement(direction, "direction-type"), "metronome")
            SubElement(metronome, "beat-unit").text = unit
            if dotted:
                SubElement(metronome, "beat-unit-dot")
            SubElement(metronome, "per-minute").text = f"{shown:g}"
            SubElement(direction, "sound", tempo=f"{round(quarters, 2):g}")
            before = quarters
        yield time, order, direction, True


def _direction(sign, sung):
    """Make a direction; dynamics stand above the staff where words stand below."""
    above = sign.kind not in ("dynamic", "wedge") or sung
    direction = Element("direction", placement="above" if above else "below")
    kind = SubElement(direction, "direction-type")
    if sign.kind == "dynamic":
        dynamics = SubElement(kind, "dynamics")
        if sign.value in DYNAMICS:
            SubElement(dynamics, sign.value)
        else:
            SubElement(dynamics, "other-dynamics").text = sign.value
    elif sign.kind == "wedge":
        SubElement(kind, "wedge", type=sign.value, number="1")
    elif sign.kind == "jump" and sign.value in ("segno", "coda"):
        SubElement(kind, sign.value)
    else:
        tag = "rehearsal" if sign.kind == "rehearsal" else "words"
        text = (sign.detail or JUMP_WORDS[sign.value]) if sign.kind == "jump" else sign.value
        SubElement(kind, tag).text = text
    if sign.kind == "jump":
        SubElement(direction, "sound", JUMP_SOUNDS[sign.value])
    return direction


def _chord(sign):
    """Make a chord symbol of its name."""
    harmony = Element("harmony")
    found = CHORD_NAME.fullmatch(sign.value)
    letter, signs, shown, bass, bass_signs = found.groups() if found else ("C", "", sign.value, None, None)
    _step(SubElement(harmony, "root"), "root", letter, signs)
    kind = sign.detail if sign.detail in MUSICXML_KINDS else "other" if sign.detail else "major"
    kind = kind if found else "none"
    SubElement(harmony, "kind", text=shown).text = kind
    if bass:
        _step(SubElement(harmony, "bass"), "bass", bass, bass_signs)
    return harmony


def _step(parent, prefix, letter, signs):
    SubElement(parent, f"{prefix}-step").text = letter
    if signs:
        SubElement(parent, f"{prefix}-alter").text = str(signs.count("#") - signs.count("b"))
