"""From notes to a score in MusicXML, by music21.

Music is plain data here: a note is ``(start, end, pitch)``, in quarter notes from the beginning as
``fractions.Fraction``, end exclusive, with a MIDI pitch; what lies between the notes of a part is silent.
"""

from __future__ import annotations

import warnings
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ..music.grid import REST
from ..music.meter import beat_length, divide_into_bars
from ..music.theory import (
    CHORDS,
    NO_CHORD,
    OCTAVE,
    find_chords,
    find_key,
    note_name,
    sharps_of,
    signature_of,
    spell,
)
from ..path_utils import atomic_write
from .note_heads import TRIPLET, TYPES, pieces_by_bar

MOST_PARTS = 9
FINEST = Fraction(1, 48)  # of a quarter note: what a score can hold
FEWEST_TONES = 3  # different ones, for a chord symbol
# The lowest median pitch for each clef, and what music21 calls it.
CLEFS = {"treble": (60, "TrebleClef"), "octave treble": (55, "Treble8vbClef"), "bass": (0, "BassClef")}
CLEF_SIGNS = {"treble": ("G", "2"), "bass": ("F", "4")}
KINDS = {  # what music21 calls a chord, and what is written after the root
    "major": ("major", ""),
    "minor": ("minor", "m"),
    "diminished": ("diminished", "°"),
    "augmented": ("augmented", "+"),
    "dominant seventh": ("dominant-seventh", "7"),
    "minor seventh": ("minor-seventh", "m7"),
    "major seventh": ("major-seventh", "maj7"),
    "half-diminished seventh": ("half-diminished-seventh", "ø7"),
    "diminished seventh": ("diminished-seventh", "°7"),
}


def write_musicxml(path, parts, meters, tempi=((0, 100.0),), pickup=0, key=None, title=None, chords=False):
    """Write music as a score.

    Notes are tied over bar lines and wherever else one note head cannot show them, triplets become
    tuplets, the last bar is filled with rests. Each part has the clef that its notes fit best.

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
    chords : bool
        Write chord symbols above the upper part: where the harmony changes, at most one a beat, and
        only where three or more different tones make one of ``CHORDS``.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        Too few or too many parts, notes that overlap or are finer than a score can show, no meter at 0.
    """
    from .quiet_music21 import music21  # here, because it takes a second

    layout, stream, exporter = music21.layout, music21.stream, music21.musicxml.m21ToXml.ScoreExporter
    parts = [(name, program, _checked(name, notes)) for name, program, notes in parts]
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ValueError(f"{len(parts)} parts: a score takes 1 to {MOST_PARTS}.")
    end = max((notes[-1][1] for _, _, notes in parts if notes), default=Fraction(1))
    bars = divide_into_bars(meters, Fraction(pickup), end)
    key = key or _key_of(parts)

    score = stream.Score()
    score.metadata = _metadata(title)
    for number, (name, program, notes) in enumerate(parts):
        lowest = 0 < number == len(parts) - 1  # reads a bass clef also where it is as high as tenors
        clefs = CLEF_SIGNS if lowest else CLEFS
        part = _part(number, name, program, notes, bars, key, clefs)
        measures = list(part.getElementsByClass(stream.Measure))
        if number == 0:
            _insert(measures, bars, _tempo_marks(tempi, end))
            if chords:
                _insert(measures, bars, _chord_symbols(parts, bars, key))
        score.coreInsert(0, part)
    if len(parts) > 1:
        score.coreInsert(0, layout.StaffGroup(list(score.parts), symbol="bracket", barTogether=True))
    score.coreElementsChanged()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # music21's remarks on its own defaults
        tree = exporter(score, makeNotation=False).parse()
    for creator in tree.findall("identification/creator"):
        tree.find("identification").remove(creator)  # it says that music21 composed the piece
    _place_chord_symbols(tree)
    text = ElementTree.tostring(tree, encoding="UTF-8", xml_declaration=True)
    return atomic_write(path, lambda name: Path(name).write_bytes(text))


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
    return find_key(counts)


def _metadata(title):
    from music21 import metadata

    return metadata.Metadata(title=title or " ")  # without any, music21 calls it "Music21 Fragment"


def _part(number, name, program, notes, bars, key, clefs):
    """Build a part in measures, with every sign that music21 would otherwise have to guess."""
    from music21 import bar, clef, instrument, stream
    from music21 import key as keys

    part = stream.Part(id=f"P{number + 1}")
    part.partName = name
    player = instrument.Instrument(name)
    player.partId, player.instrumentId = f"P{number + 1}", f"I{number + 1}"  # else they are random
    player.midiProgram = int(program)
    player.midiChannel = number + (number >= 9)  # General MIDI keeps the tenth for drums
    part.coreInsert(0, player)

    beams = {}
    first_number = 0 if bars[0].missing else 1
    before = None
    for index, (span, events) in enumerate(zip(bars, pieces_by_bar(notes, bars), strict=True)):
        measure = _measure(first_number + index, span, before, events, key, beams)
        if before is None:
            measure.clef = getattr(clef, CLEFS[choose_clef([pitch for *_, pitch in notes], clefs)][1])()
            measure.keySignature = keys.KeySignature(sharps_of(*key))
        part.coreAppend(measure)
        before = span
    measure.rightBarline = bar.Barline("final")
    part.coreElementsChanged()
    return part


def _measure(number, span, before, events, key, beams):
    """Build one measure.

    Parameters
    ----------
    number : int
    span, before : Bar
        This bar, and the one before it or None.
    events : list
        Of :func:`.note_heads.pieces_by_bar`.
    key : (tonic, mode)
    beams : dict
        Beams by rhythm, as far as they are known; gets those of this measure.
    """
    from music21 import meter, note, stream, tie

    measure = stream.Measure(number=number)
    if before is None or before[2:] != span[2:]:
        measure.timeSignature = meter.TimeSignature(f"{span.numerator}/{span.denominator}")
    if before is None and span.missing:
        measure.paddingLeft = float(span.missing)
        measure.showNumber = stream.enums.ShowNumber.NEVER
    signature, altered, elements = signature_of(*key), {}, []
    for begin, stop, pitch, ties, tuplet in events:
        if pitch is None:
            element = note.Rest(fullMeasure=len(events) == 1 and not span.missing)
        else:
            element = note.Note()
            element.pitch = _pitch(pitch, key, signature, altered, ties in ("stop", "continue"))
            if ties:
                element.tie = tie.Tie(ties)
        element.duration = _duration(stop - begin, tuplet)
        measure.coreInsert(begin - span.start, element)
        elements.append(element)
    measure.coreElementsChanged()
    heads = tuple((stop - begin, pitch is None, tuplet) for begin, stop, pitch, _, tuplet in events)
    rhythm = (span[2:], span.missing, before is None, heads)
    if rhythm not in beams:
        offset = 0 if before else span.missing
        signs = meter.TimeSignature(f"{span.numerator}/{span.denominator}")
        beams[rhythm] = signs.getBeams(elements, measureStartOffset=float(offset))
    for element, beam in zip(elements, beams[rhythm], strict=True):
        if beam is not None and not element.isRest:
            element.beams = beam
    return measure


def choose_clef(pitches, among):
    """Choose the clef by the median pitch: the altos' and above, the tenors', the basses'."""
    median = np.median(pitches) if pitches else 71
    return next(name for name in among if median >= CLEFS[name][0])


def _pitch(midi_pitch, key, signature, altered, held):
    """Spell a pitch, and show its accidental if the bar so far does not imply it."""
    from music21 import pitch as pitches

    letter, alteration = spell(midi_pitch % OCTAVE, *key)
    octave = (midi_pitch - alteration) // OCTAVE - 1
    spelled = pitches.Pitch(f"{note_name(letter, alteration)}{octave}")
    # What stands in the bar holds for its octave, what the signature says for all.
    implied = altered.get((letter, octave), signature[letter])
    if not held and alteration != implied:
        altered[letter, octave] = alteration
    if alteration or (implied and not held):
        if not alteration:
            spelled.accidental = pitches.Accidental("natural")
        spelled.accidental.displayStatus = bool(not held and alteration != implied)
    return spelled


def _duration(length, tuplet):
    """Make the duration of one head."""
    from music21 import duration

    shown = length / TRIPLET if tuplet else length
    dotted = shown not in TYPES
    if dotted and float(shown / 1.5) not in TYPES:
        return duration.Duration(length)  # a silent bar
    made = duration.Duration(
        TYPES[float(shown / Fraction(3, 2)) if dotted else float(shown)], dots=int(dotted)
    )
    if tuplet:
        three = duration.Tuplet(3, 2)
        three.type = tuplet if tuplet != "in" else None
        made.appendTuplet(three)
    return made


def _insert(measures, bars, marks):
    """Put (time, element) where they belong."""
    index, touched = 0, set()
    for time, element in marks:
        while index + 1 < len(bars) and bars[index][1] <= time:
            index += 1
        measures[index].coreInsert(max(time - bars[index][0], Fraction(0)), element)
        touched.add(index)
    for index in touched:
        measures[index].coreElementsChanged()


def _tempo_marks(tempi, end):
    from music21 import tempo

    before = None
    for time, quarters in sorted((Fraction(time), float(quarters)) for time, quarters in tempi):
        shown = round(quarters, 1)
        if time < end and shown != before:
            yield time, tempo.MetronomeMark(number=int(shown) if shown == int(shown) else shown)
            before = shown


def _chord_symbols(parts, bars, key):
    """Read the harmony of every beat, at its middle if it is not clear at once."""
    from music21 import harmony

    times = [
        (time, time + beat_length(over, under) / 2)
        for start, end, over, under in bars
        for time in np.arange(start, end, beat_length(over, under))
    ]
    looked_at = [time for pair in times for time in pair]
    grid = np.stack([_sounding_at(looked_at, notes) for *_, notes in parts], axis=-1)
    tones = np.bitwise_or.reduce(np.where(grid == REST, 0, 1 << grid % OCTAVE), axis=-1)
    clear = np.array([int(chosen).bit_count() >= FEWEST_TONES for chosen in tones])
    found = np.where(clear, find_chords(grid), NO_CHORD)
    before = NO_CHORD
    for (time, _), readings in zip(times, found.reshape(-1, 2).tolist(), strict=True):
        chord = next((reading for reading in readings if reading != NO_CHORD), before)
        if chord != before:
            quality, root = divmod(chord, OCTAVE)
            kind, shown = KINDS[list(CHORDS)[quality]]
            symbol = harmony.ChordSymbol(root=note_name(*spell(root, *key)), kind=kind)
            symbol.chordKindStr = shown
            yield time, symbol
        before = chord


def _place_chord_symbols(tree):
    """Write symbols above a held note before it: what stands after the last note, verovio misplaces."""
    for measure in tree.iter("measure"):
        for symbol in measure.findall("harmony"):
            offset = symbol.find("offset")
            if offset is None:
                continue
            earlier = [child for child in measure[: list(measure).index(symbol)] if child.tag == "note"]
            offset.text = str(int(offset.text) + int(earlier[-1].findtext("duration")))
            measure.remove(symbol)
            measure.insert(list(measure).index(earlier[-1]), symbol)


def _sounding_at(times, notes):
    """Tell what a part sings at ascending times: int [time], REST where nothing."""
    answer, index = np.full(len(times), REST), 0
    for place, time in enumerate(times):
        while index < len(notes) and notes[index][1] <= time:
            index += 1
        if index < len(notes) and notes[index][0] <= time:
            answer[place] = notes[index][2]
    return answer
