"""From notes to a score in MusicXML.

Music is plain data here: a note is ``(start, end, pitch)``, in quarter notes from the beginning as
``fractions.Fraction``, end exclusive, with a MIDI pitch; what lies between the notes of a part is silent.
The elements are those of MusicXML 3.1, which MuseScore 3 and LilyPond read, in the order that its schema
fixes.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import SubElement

import numpy as np

from ..music.meter import divide_into_bars, find_upbeats
from ..music.theory import OCTAVE, SCALES, find_key, sharps_of, signature_of
from ..path_utils import atomic_write
from .clefs import CLEFS, choose_clef
from .note_heads import find_beams, pieces_by_bar, shape
from .score_marks import add_bar_line, chord_symbols, marks_of, notations_of, shared_fermatas
from .spelling import spell_parts

MOST_PARTS = 9
FINEST = Fraction(1, 48)  # of a quarter note: what a score can hold
DIVISIONS = 10_080  # of a quarter note: thirds, fifths and sevenths come out even
DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
CHOIR = {"soprano": "S.", "alto": "A.", "tenor": "T.", "bass": "B."}  # how names are shortened
SOFTWARE = "Bach accompaniment"


class _Layout(NamedTuple):
    """What all parts of a score have in common."""

    bars: list
    upbeats: list  # of bool, by bar
    numbers: list  # of str, by bar
    keys: list  # of (beat, sharps, mode), each at the beginning of a bar
    groupings: dict  # from the beginning of a bar to units by group
    lines: dict  # from the beginning of a bar to the signs on that line


def write_musicxml(
    path,
    parts,
    meters,
    tempi=((0, 100.0),),
    pickup=0,
    key=None,
    title=None,
    chords=False,
    *,
    keys=(),
    bars=None,
    signs=(),
    spelling=None,
    composer="",
    lyricist="",
    rights="",
    tune=0,
    owned=None,
):
    """Write music as a score.

    Notes are tied over bar lines and wherever else one note head cannot show them, triplets become
    tuplets, the last bar is filled with rests. Each part has the clef that its notes fit best; see
    :func:`.choose_clef`.

    Parameters
    ----------
    path : str or Path
        ``.musicxml``. The file appears under its name only when it is complete.
    parts : sequence of (name, program, notes)
        One to nine, from the top: a name, a General MIDI program and a sorted list of notes that do not
        overlap, on sixteenths or on thirds and sixths of a quarter note.
    meters : sequence of (beat, numerator, denominator)
        Time signatures and where they begin, in quarter notes; the first at 0. One that begins within a
        bar ends that bar.
    tempi : sequence of (beat, tempo)
        Quarter notes per minute.
    pickup : number
        Quarter notes before the first bar line; that bar is numbered 0.
    key : (tonic, mode), optional
        Pitch class 0..11 and "major" or "minor". Found from the notes by default.
    title : str, optional
    chords : bool or sequence of Sign
        Write chord symbols above the upper part: these, or, if True, where the harmony changes, at most one
        a beat, and only where three or more different tones make one of ``CHORDS``.
    keys : sequence of (beat, sharps, mode), optional
        Key signatures where they change, in place of ``key``; each stands at the bar line next to it.
    bars : sequence of Bar, optional
        As for :func:`.divide_into_bars`.
    signs : sequence of Sign, optional
        What is written with the tune, with quarter notes in place of ticks. Repeats stand in all
        parts, and so do fermatas, on whatever sounds at their end.
    spelling : dict of (beat, pitch) to (letter, alteration), optional
        How notes of the tune are spelled. All others agree with them, the chord and the key; see
        :func:`.spell_parts`.
    composer, lyricist, rights : str
    tune : int
        Which part is the tune, counted from the top.
    owned : dict of int to (signs, spelling), optional
        The same of other parts that somebody wrote, by their number. What concerns all parts, such as
        repeats, tempi and chord symbols, is the tune's.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        Too few or too many parts, notes that overlap or are finer than a score can show, no meter at 0.
    """
    parts = [(name, program, _checked(name, notes)) for name, program, notes in parts]
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ValueError(f"{len(parts)} parts: a score takes 1 to {MOST_PARTS}.")
    end = max((notes[-1][1] for *_, notes in parts if notes), default=Fraction(1))
    divided = divide_into_bars(meters, Fraction(pickup), end, bars)
    keys = _keys_at_bars(keys or [_key_of(parts) if key is None else (0, sharps_of(*key), key[1])], divided)
    layout = _layout(divided, keys, signs)
    lines = [notes for *_, notes in parts]
    owned = {tune: (signs, spelling), **{n: own for n, own in sorted((owned or {}).items()) if n != tune}}
    order = [*owned, *(number for number in range(len(parts)) if number not in owned)]
    spellings = [spelling for _, spelling in owned.values()]
    spelled = spell_parts([lines[number] for number in order], keys, spellings)
    names = dict(zip(order, spelled, strict=True))
    symbols = chord_symbols(lines, divided, keys) if chords is True else chords or None
    tempi = [tempo for tempo in tempi if Fraction(tempo[0]) < end]

    score = ElementTree.Element("score-partwise", version="3.1")
    _add_header(score, title, {"composer": composer, "lyricist": lyricist}, rights)
    _add_part_list(score, parts)
    for number, (name, _, notes) in enumerate(parts):
        lowest = 0 < number == len(parts) - 1
        clef = choose_clef([pitch for *_, pitch in notes], name, lowest)
        own, _ = owned.get(number, ((), None))
        notations = notations_of(own, notes)
        if not any(sign.kind == "fermata" for sign in own):
            for start in shared_fermatas(signs, lines[tune], notes):
                notations.setdefault(start, []).append(("fermata", {}, ""))
        marks = marks_of(own, divided) if number else marks_of(own, divided, tempi, signs, symbols)
        _add_part(score, number, notes, names[number], clef, layout, notations, marks)
    ElementTree.indent(score, " ")
    text = ElementTree.tostring(score, encoding="unicode")
    whole = f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}{text}\n'
    return atomic_write(path, lambda name: Path(name).write_bytes(whole.encode("utf-8")))


def _checked(name, notes):
    """Make fractions of the times of a part, and refuse what no score can show."""
    notes = [(Fraction(start), Fraction(end), int(pitch)) for start, end, pitch in notes]
    for start, end, pitch in notes:
        if not 0 <= start < end or start % FINEST or end % FINEST:
            raise ValueError(
                f"{name}: a note from {start} to {end} (pitch {pitch}) cannot be written. Expected beats "
                "from 0 on, on sixteenths or on thirds or sixths of a quarter note: quantize it first."
            )
    for before, after in pairwise(notes):
        if after[0] < before[1]:
            raise ValueError(
                f"{name}: the notes {before} and {after} overlap or are not in order. A part is one voice; "
                "give each voice a part of its own."
            )
    return notes


def _key_of(parts):
    """Find the key from how long each pitch class sounds, with the profiles that music21 uses too."""
    counts = np.zeros(OCTAVE)
    for _, _, notes in parts:
        for start, end, pitch in notes:
            counts[pitch % OCTAVE] += float(end - start)
    tonic, mode = find_key(counts)
    return 0, sharps_of(tonic, mode), mode


def _keys_at_bars(keys, bars):
    """Move key signatures to the bar lines next to them, and leave out those that change nothing."""
    starts = [bar.start for bar in bars]
    at = {}
    for beat, sharps, mode in sorted(keys, key=lambda key: key[0]):
        at[min(starts, key=lambda start: abs(start - beat))] = (sharps, mode)
    at.setdefault(starts[0], next(iter(at.values())))
    tidy = []
    for start in sorted(at):
        if not tidy or tidy[-1][1:] != at[start]:
            tidy.append((start, *at[start]))
    return tidy


def _layout(bars, keys, signs):
    """Collect what all parts have in common."""
    own_numbers = {sign.tick: sign.value for sign in signs if sign.kind == "bar"}
    numbers, number = [], 0 if bars[0].missing else 1
    for bar in bars:
        shown = own_numbers.get(bar.start, str(number))
        numbers.append(shown)
        digits = "".join(letter for letter in shown if letter.isdigit())
        number = int(digits or number) + 1
    groupings = {
        sign.tick: [int(units) for units in sign.value.split("+")]
        for sign in signs
        if sign.kind == "grouping"
    }
    lines = {}
    for sign in signs:
        if sign.kind in ("repeat", "ending", "barline"):
            lines.setdefault(sign.tick, []).append(sign)
    return _Layout(bars, find_upbeats(bars), numbers, keys, groupings, lines)


def _text(parent, tag, text, **attributes):
    """Add an element that holds a text."""
    element = SubElement(parent, tag, attributes)
    element.text = str(text)
    return element


def _add_header(score, title, creators, rights):
    if title:
        _text(SubElement(score, "work"), "work-title", title)
    identification = SubElement(score, "identification")
    for kind, name in creators.items():
        if name:
            _text(identification, "creator", name, type=kind)
    if rights:
        _text(identification, "rights", rights)
    _text(SubElement(identification, "encoding"), "software", SOFTWARE)


def _add_part_list(score, parts):
    """Name the parts and their instruments, several within one bracket, as choirs stand."""
    entries = SubElement(score, "part-list")
    if len(parts) > 1:
        group = SubElement(entries, "part-group", type="start", number="1")
        _text(group, "group-symbol", "bracket")
        # Bar lines through the staves would cross the words between them.
        _text(group, "group-barline", "no" if all(name.lower() in CHOIR for name, *_ in parts) else "yes")
    for number, (name, program, _) in enumerate(parts):
        entry = SubElement(entries, "score-part", id=f"P{number + 1}")
        _text(entry, "part-name", name)
        if name.lower() in CHOIR:
            _text(entry, "part-abbreviation", CHOIR[name.lower()])
        _text(SubElement(entry, "score-instrument", id=f"I{number + 1}"), "instrument-name", name)
        player = SubElement(entry, "midi-instrument", id=f"I{number + 1}")
        _text(player, "midi-channel", number + 1 + (number >= 9))  # General MIDI keeps the tenth for drums
        _text(player, "midi-program", int(program) + 1)
    if len(parts) > 1:
        SubElement(entries, "part-group", type="stop", number="1")


def _add_part(score, number, notes, names, clef, layout, notations, marks):
    """Add a part, bar by bar.

    Parameters
    ----------
    score : Element
    number : int
    notes, names : list
        With how each is spelled.
    clef : str
    layout : _Layout
    notations : dict of beat to list of (tag, attributes, text)
        Of :func:`.notations_of`.
    marks : list of (beat, opens, Element)
        Of :func:`.marks_of`, in order.
    """
    part = SubElement(score, "part", id=f"P{number + 1}")
    pieces = pieces_by_bar(notes, layout.bars)
    starts, marked, heard = [start for start, *_ in notes], 0, {}
    grouping = signature = sharps = None
    for index, (bar, upbeat, events) in enumerate(zip(layout.bars, layout.upbeats, pieces, strict=True)):
        measure = SubElement(part, "measure", number=layout.numbers[index])
        before = layout.bars[index - 1] if index else None
        if upbeat and (before is None or before.missing > 0):
            measure.set("implicit", "yes")  # elsewhere musicxml2ly would add it to the whole bar before
        new_key = next((key for key in layout.keys if key[0] == bar.start), None)
        if new_key:
            sharps = new_key[1]
            signature = signature_of(sharps)
        new_meter = before is None or before[2:] != bar[2:]
        if new_meter:
            grouping = None
        grouping = layout.groupings.get(bar.start, grouping)
        add_bar_line(measure, "left", layout.lines.get(bar.start, ()), number)
        _add_attributes(measure, before is None, new_key, new_meter and bar, clef)
        # A beam is the same wherever the same rhythm stands in such a bar.
        rhythm = tuple(
            (start - bar.start, stop - start, pitch is None, tuplet)
            for start, stop, pitch, _, tuplet in events
        )
        look = (bar[2:], bar.missing, upbeat, tuple(grouping or ()), rhythm)
        if look not in heard:
            heard[look] = find_beams(events, bar, upbeat, grouping)
        altered = {}
        for (start, stop, pitch, tie, tuplet), beams in zip(events, heard[look], strict=True):
            while marked < len(marks) and marks[marked][0] < stop:
                time, _, element = marks[marked]
                _add_mark(measure, element, time - start)
                marked += 1
            name = begin = None
            if pitch is not None:
                owner = bisect_right(starts, start) - 1
                name, begin = names[owner], starts[owner]
            own = notations.get(begin, ()) if pitch is not None else ()
            _add_note(
                measure,
                start,
                stop,
                pitch,
                name,
                tie,
                tuplet,
                beams,
                own,
                signature,
                altered,
                len(events) == 1 and not bar.missing,
            )
            while marked < len(marks) and marks[marked][0] == stop and not marks[marked][1]:
                measure.append(marks[marked][2])
                marked += 1
        last = index + 1 == len(layout.bars)
        add_bar_line(measure, "right", layout.lines.get(bar.end, ()), number, last)


def _add_attributes(measure, first, key, meter, clef):
    """Say what changes at the beginning of a bar."""
    if not (first or key or meter):
        return
    attributes = SubElement(measure, "attributes")
    if first:
        _text(attributes, "divisions", DIVISIONS)
    if key:
        entry = SubElement(attributes, "key")
        _text(entry, "fifths", key[1])
        if key[2] in SCALES:  # MuseScore 3 complains of all other modes
            _text(entry, "mode", key[2])
    if meter:
        entry = SubElement(attributes, "time")
        _text(entry, "beats", meter.numerator)
        _text(entry, "beat-type", meter.denominator)
    if first:
        sign, line, octaves = CLEFS[clef]
        entry = SubElement(attributes, "clef")
        _text(entry, "sign", sign)
        _text(entry, "line", line)
        if octaves:
            _text(entry, "clef-octave-change", octaves)


def _add_mark(measure, element, offset):
    """Put a mark before the note that sounds at its time: what stands after the last, programs misplace."""
    if offset > 0:
        place = ElementTree.Element("offset")
        place.text = str(int(offset * DIVISIONS))
        children = list(element)
        after = [n for n, child in enumerate(children) if child.tag in ("direction-type", "kind", "bass")]
        element.insert(after[-1] + 1, place)
    measure.append(element)


def _add_note(measure, start, stop, pitch, name, tie, tuplet, beams, own, signature, altered, alone):
    """Add one head or rest.

    Parameters
    ----------
    measure : Element
    start, stop, pitch, tie, tuplet
        Of :func:`.pieces_by_bar`.
    name : (letter, alteration) or None
    beams : list of str
    own : sequence of (tag, attributes, text)
        What is written with the whole note; of tied heads each has its part of it.
    signature, altered : dict
        What the key signature and the accidentals of the bar so far do to letters, and to those of an
        octave.
    alone : bool
        Whether it is the rest of a whole silent bar.
    """
    note = SubElement(measure, "note")
    kind, dotted = shape(stop - start, tuplet)
    accidental = None
    if pitch is None:
        SubElement(note, "rest", {"measure": "yes"} if alone else {})
    else:
        letter, alteration = name
        octave = (pitch - alteration) // OCTAVE - 1
        entry = SubElement(note, "pitch")
        _text(entry, "step", letter)
        if alteration:
            _text(entry, "alter", alteration)
        _text(entry, "octave", octave)
        # What stands in the bar holds for its octave, what the signature says for all.
        if tie in (None, "start") and alteration != altered.get((letter, octave), signature[letter]):
            altered[letter, octave] = alteration
            accidental = ACCIDENTALS[alteration]
    _text(note, "duration", int((stop - start) * DIVISIONS))
    ties = {"start": ("start",), "stop": ("stop",), "continue": ("stop", "start"), None: ()}[tie]
    for end in ties:
        SubElement(note, "tie", type=end)
    _text(note, "voice", 1)
    if kind and not (pitch is None and alone):
        _text(note, "type", kind)
        if dotted:
            SubElement(note, "dot")
    if accidental:
        _text(note, "accidental", accidental)
    if tuplet:
        three = SubElement(note, "time-modification")
        _text(three, "actual-notes", 3)
        _text(three, "normal-notes", 2)
    for level, beam in enumerate(beams, start=1):
        _text(note, "beam", beam, number=str(level))
    _add_notations(note, ties, tuplet, own, tie in (None, "start"), tie in (None, "stop"))


def _add_notations(note, ties, tuplet, own, first, last):
    """Add ties, tuplets, and what a note's first or last head bears."""
    now = [entry for entry in own if (last if entry[0] in ("fermata", "slur stop", "breath") else first)]
    slurs = [entry for entry in now if entry[0].startswith("slur")]
    articulations = [entry for entry in now if entry[0] in ("articulation", "breath")]
    fermatas = [entry for entry in now if entry[0] == "fermata"]
    if ties or tuplet in ("start", "stop") or slurs or articulations or fermatas:
        notations = SubElement(note, "notations")
        for end in ties:
            SubElement(notations, "tied", type=end)
        for _, attributes, _ in slurs:
            SubElement(notations, "slur", attributes)
        if tuplet in ("start", "stop"):
            SubElement(notations, "tuplet", type=tuplet, number="1", bracket="yes")
        if articulations:
            entry = SubElement(notations, "articulations")
            for _, _, tag in articulations:
                SubElement(entry, tag)
        for _ in fermatas:
            SubElement(notations, "fermata", type="upright")
    for _, attributes, text in (entry for entry in now if entry[0] == "lyric"):
        lyric = SubElement(note, "lyric", number=attributes["number"])
        _text(lyric, "syllabic", attributes["syllabic"])
        _text(lyric, "text", text)
