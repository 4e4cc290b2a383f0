"""From notes to a score: MusicXML by music21, engraved by verovio.

Music is plain data here: a note is ``(start, end, pitch)``, in quarter notes from the beginning as
``fractions.Fraction``, end exclusive, with a MIDI pitch; what lies between the notes of a part is silent.
"""

from __future__ import annotations

import functools
import re
import warnings
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from utils import path_utils
from utils.harmony_utils import CHORDS, NO_CHORD, OCTAVE, REST, find_chords, find_key

MOST_PARTS = 9
FINEST = Fraction(1, 48)  # of a quarter note: what a score can hold
# Durations that one note head can show, in quarter notes.
PLAIN = tuple(Fraction(length) for length in (6, 4, 3, 2, 1.5, 1, 0.75, 0.5, 0.375, 0.25, 0.125, 0.0625))
TYPES = {4: "whole", 2: "half", 1: "quarter", 0.5: "eighth", 0.25: "16th", 0.125: "32nd", 0.0625: "64th"}
FEWEST_TONES = 3  # different ones, for a chord symbol
TRIPLET = Fraction(2, 3)  # three in the time of two
LETTERS = "FCGDAEB"  # along the circle of fifths
# How far along the circle of fifths from the tonic a key spells its foreign notes: the altered notes of
# its secondary dominants, and the flats that are borrowed from minor.
SPELLED_FROM = {"major": -3, "minor": -5}
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
# verovio draws these with a font of its own; the same signs are in every reader's fonts.
MUSIC_SIGNS = {
    **dict.fromkeys("\ue260\ued60\uea64", "♭"),
    **dict.fromkeys("\ue261\ued61\uea65", "♮"),
    **dict.fromkeys("\ue262\ued62\uea66", "♯"),
    **dict.fromkeys("\ue1d5\ueca5", "♩"),
}
# MusicXML fixes the order of what a note holds.
BEFORE_VOICE = ("grace", "cue", "chord", "pitch", "unpitched", "rest", "duration", "tie", "instrument")
BEFORE_STEM = (*BEFORE_VOICE, "voice", "type", "dot", "accidental", "time-modification")
PIXELS_PER_UNIT = 0.4  # of verovio's page: a staff is some 30 pixels high
VEROVIO_OPTIONS = {
    "scale": round(100 * PIXELS_PER_UNIT),
    "pageHeight": 60000,  # the most that it allows
    "adjustPageHeight": True,
    "breaks": "auto",
    "header": "none",
    "footer": "none",
    "svgViewBox": True,
    "svgRemoveXlink": True,
    "svgFormatRaw": True,
    "smuflTextFont": "none",
    "xmlIdChecksum": True,
    "staffLineWidth": 0.22,  # of a space; thinner lines vanish on a small screen
    "pageMarginLeft": 80,  # the names of the parts stick out
    **{f"pageMargin{side}": 20 for side in ("Right", "Top", "Bottom")},
}

WIDE_SPACING = {"spacingLinear": 0.4}  # so that chord symbols find room
SIGN_SIZE = "440px"


# ------------------------------------------------------------------------------------------ MusicXML
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
        only where three or more different tones make one of ``harmony_utils.CHORDS``.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        Too few or too many parts, notes that overlap or are finer than a score can show, no meter at 0.
    """
    from utils.quiet_music21 import music21  # here, because it takes a second

    layout, stream, exporter = music21.layout, music21.stream, music21.musicxml.m21ToXml.ScoreExporter
    parts = [(name, program, _checked(name, notes)) for name, program, notes in parts]
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ValueError(f"{len(parts)} parts: a score takes 1 to {MOST_PARTS}.")
    end = max((notes[-1][1] for _, _, notes in parts if notes), default=Fraction(1))
    bars = _bars(meters, Fraction(pickup), end)
    tonic, mode = key or _key_of(parts)

    score = stream.Score()
    score.metadata = _metadata(title)
    for number, (name, program, notes) in enumerate(parts):
        lowest = 0 < number == len(parts) - 1  # reads a bass clef also where it is as high as tenors
        clefs = CLEF_SIGNS if lowest else CLEFS
        part = _part(number, name, program, notes, bars, tonic, mode, clefs)
        measures = list(part.getElementsByClass(stream.Measure))
        if number == 0:
            _insert(measures, bars, _tempo_marks(tempi, end))
            if chords:
                _insert(measures, bars, _chord_symbols(parts, bars, tonic, mode))
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
    return path_utils.write_whole(path, lambda name: Path(name).write_bytes(text))


def _checked(name, notes):
    """Make fractions of the times of a part, and refuse what no score can show."""
    notes = [(Fraction(start), Fraction(end), int(pitch)) for start, end, pitch in notes]
    for start, end, pitch in notes:
        if not 0 <= start < end or start % FINEST or end % FINEST:
            raise ValueError(
                f"{name}: a note from {start} to {end} (pitch {pitch}) cannot be written. Expected beats "
                "from 0 on, on sixteenths or on thirds or sixths of a quarter note: quantise it first."
            )
    for before, after in pairwise(notes):
        if after[0] < before[1]:
            raise ValueError(
                f"{name}: the notes {before} and {after} overlap or are not in order. A part is one voice; "
                "give each voice a part of its own."
            )
    return notes


def _bars(meters, pickup, end):
    """Divide the time into bars: list of (start, end, numerator, denominator), at least up to ``end``."""
    meters = sorted((Fraction(beat), int(over), int(under)) for beat, over, under in meters)
    if not meters or meters[0][0] != 0:
        raise ValueError(f"meters={meters}: the first time signature must begin at beat 0.")
    bars, start, current = [], Fraction(0), 0
    while start < end or not bars:
        while current + 1 < len(meters) and meters[current + 1][0] <= start:
            current += 1
        _, over, under = meters[current]
        stop = start + (pickup if not bars and pickup else Fraction(4 * over, under))
        if current + 1 < len(meters):
            stop = min(stop, meters[current + 1][0])
        bars.append((start, stop, over, under))
        start = stop
    return bars


def _key_of(parts):
    """Find the key from how long each pitch class sounds, with the profiles that music21 uses too."""
    counts = np.zeros(OCTAVE)
    for _, _, notes in parts:
        for start, end, pitch in notes:
            counts[pitch % OCTAVE] += float(end - start)
    return find_key(counts)


def _fifths(tonic):
    """Place a pitch class on the circle of fifths, C = 0, between five flats and six sharps."""
    return (7 * tonic + 5) % OCTAVE - 5


def _scale_fifths(tonic, mode):
    """Count the sharps of a key signature, flats below 0."""
    return _fifths(tonic) if mode == "major" else _fifths((tonic + 3) % OCTAVE)


@functools.cache
def _spelling(pitch_class, tonic, mode):
    """Spell a pitch class as its key does: a letter and an alteration in semitones."""
    tonic_fifths = _scale_fifths(tonic, mode) + (3 if mode == "minor" else 0)
    lowest = tonic_fifths + SPELLED_FROM[mode]
    place = lowest + (7 * pitch_class - lowest) % OCTAVE
    return LETTERS[(place + 1) % 7], (place + 1) // 7


def _note_name(letter, alteration):
    return letter + ("#" * alteration if alteration > 0 else "-" * -alteration)


def _metadata(title):
    from music21 import metadata

    return metadata.Metadata(title=title or " ")  # without any, music21 calls it "Music21 Fragment"


def _part(number, name, program, notes, bars, tonic, mode, clefs):
    """Build a part in measures, with every sign that music21 would otherwise have to guess."""
    from music21 import bar, clef, instrument, key, meter, note, stream, tie

    part = stream.Part(id=f"P{number + 1}")
    part.partName = name
    player = instrument.Instrument(name)
    player.partId, player.instrumentId = f"P{number + 1}", f"I{number + 1}"  # else they are random
    player.midiProgram = int(program)
    player.midiChannel = number + (number >= 9)  # General MIDI keeps the tenth for drums
    part.coreInsert(0, player)

    sharps = _scale_fifths(tonic, mode)
    signature = dict.fromkeys(LETTERS, 0)
    for place in range(abs(sharps)):
        signature[LETTERS[place] if sharps > 0 else LETTERS[-1 - place]] = 1 if sharps > 0 else -1
    pieces = _pieces_by_bar(notes, bars)
    beams = {}
    signed = None
    first_number = 0 if bars[0][1] - bars[0][0] < Fraction(4 * bars[0][2], bars[0][3]) else 1
    for index, ((start, end, over, under), events) in enumerate(zip(bars, pieces, strict=True)):
        measure = stream.Measure(number=first_number + index)
        if index == 0:
            measure.clef = getattr(clef, CLEFS[_clef([pitch for *_, pitch in notes], clefs)][1])()
            measure.keySignature = key.KeySignature(sharps)
        if signed != (over, under):
            measure.timeSignature = meter.TimeSignature(f"{over}/{under}")
            signed = (over, under)
        short = Fraction(4 * over, under) - (end - start)
        if index == 0 and short:
            measure.paddingLeft = float(short)
            measure.showNumber = stream.enums.ShowNumber.NEVER
        altered = {}
        elements = []
        for begin, stop, pitch, ties, tuplet in events:
            if pitch is None:
                element = note.Rest(fullMeasure=len(events) == 1 and not short)
            else:
                element = note.Note()
                element.pitch = _pitch(pitch, tonic, mode, signature, altered, ties in ("stop", "continue"))
                if ties:
                    element.tie = tie.Tie(ties)
            element.duration = _duration(stop - begin, tuplet)
            measure.coreInsert(begin - start, element)
            elements.append(element)
        measure.coreElementsChanged()
        rhythm = (
            over,
            under,
            short,
            *((stop - begin, pitch is None, t) for begin, stop, pitch, _, t in events),
        )
        if rhythm not in beams:
            beams[rhythm] = _beams(elements, over, under, offset=short if index == 0 else 0)
        for element, beam in zip(elements, beams[rhythm], strict=True):
            if beam is not None and not element.isRest:
                element.beams = beam
        if index == len(bars) - 1:
            measure.rightBarline = bar.Barline("final")
        part.coreAppend(measure)
    part.coreElementsChanged()
    return part


def _clef(pitches, among):
    """Choose the clef by the median pitch: the altos' and above, the tenors', the basses'."""
    median = np.median(pitches) if pitches else 71
    return next(name for name in among if median >= CLEFS[name][0])


def _pitch(midi_pitch, tonic, mode, signature, altered, held):
    """Spell a pitch, and show its accidental if the bar so far does not imply it."""
    from music21 import pitch as pitches

    letter, alteration = _spelling(midi_pitch % OCTAVE, tonic, mode)
    octave = (midi_pitch - alteration) // OCTAVE - 1
    spelled = pitches.Pitch(f"{_note_name(letter, alteration)}{octave}")
    # What stands in the bar holds for its octave, what the signature says for all.
    implied = altered.get((letter, octave), signature[letter])
    if not held and alteration != implied:
        altered[letter, octave] = alteration
    if alteration or (implied and not held):
        if not alteration:
            spelled.accidental = pitches.Accidental("natural")
        spelled.accidental.displayStatus = bool(not held and alteration != implied)
    return spelled


# ------------------------------------------------------------------------------------------- rhythm
def _pieces_by_bar(notes, bars):
    """Cut notes and rests into what single note heads can show.

    Returns
    -------
    list of list of (start, end, pitch, tie, tuplet)
        By bar; pitch is None for a rest, tie None, "start", "continue" or "stop", tuplet None, "start",
        "in" or "stop".
    """
    ends = [end for _, end, _ in notes]
    answer, first = [], 0
    for start, end, over, under in bars:
        while first < len(notes) and ends[first] <= start:
            first += 1
        inside, time, index = [], start, first
        while index < len(notes) and notes[index][0] < end:
            begin, stop, _ = notes[index]
            begin, stop = max(begin, start), min(stop, end)
            if begin > time:
                inside.append((time, begin, None))
            inside.append((begin, stop, index))
            time, index = stop, index + 1
        if time < end:
            inside.append((time, end, None))
        answer.append(_notate(inside, notes, start, end, over, under))
    return answer


def _notate(inside, notes, start, end, over, under):
    """Cut the notes and rests of one bar."""
    if len(inside) == 1 and inside[0][2] is None:
        return [(start, end, None, None, None)]
    beat = _beat(over, under)
    # A pickup is counted from the bar line that ends it.
    origin = end - Fraction(4 * over, under)
    triplets = _triplets({time for begin, stop, _ in inside for time in (begin, stop)}, start, end)
    heads = []
    for begin, stop, owner in inside:
        edges = sorted({begin, stop, *(edge for span in triplets for edge in span if begin < edge < stop)})
        for low, high in pairwise(edges):
            in_triplet = any(first <= low and high <= last for first, last in triplets)
            cut = _cut_triplet if in_triplet else _cut_plain
            heads += [(*head, owner, in_triplet) for head in cut(low, high, origin, beat, owner is None)]

    pieces = []
    for low, high, owner, in_triplet in heads:
        pitch = ties = tuplet = None
        if owner is not None:
            note_start, note_end, pitch = notes[owner]
            ties = {
                (True, True): "continue",
                (True, False): "stop",
                (False, True): "start",
            }.get((low > note_start, high < note_end))
        if in_triplet:
            first, last = next(span for span in triplets if span[0] <= low < span[1])
            tuplet = "start" if low == first else "stop" if high == last else "in"
        pieces.append((low, high, pitch, ties, tuplet))
    return pieces


def _beat(over, under):
    """Length of a beat in quarter notes: three of the unit in compound time."""
    compound = under >= 8 and over > 3 and over % 3 == 0
    return Fraction(4 * (3 if compound else 1), under)


def _triplets(edges, start, end):
    """Find the spans of one or two quarter notes that hold triplets: list of (start, end)."""
    spans, time = [], start
    while time < end:
        two = [edge for edge in edges if time < edge < time + 2]
        whole = time + 2 <= end and time in edges and time + 2 in edges
        if whole and two and all((edge - time) % TRIPLET == 0 for edge in two):
            spans.append((time, time + 2))
            time += 2
            continue
        if any(time < edge < time + 1 and (edge - time).denominator % 3 == 0 for edge in edges):
            spans.append((time, time + 1))
        time += 1
    return spans


def _cut_triplet(start, end, origin, beat, rest):
    """Cut a note within a triplet into heads, the longest first."""
    heads = []
    while start < end:
        head = max(TRIPLET * length for length in PLAIN if TRIPLET * length <= end - start)
        heads.append((start, start + head))
        start += head
    return heads


def _cut_plain(start, end, origin, beat, rest):
    """Cut a note into heads so that the beats can be seen."""
    heads = []
    while start < end:
        length, place = end - start, (start - origin) % beat
        one_head = length in PLAIN and not (rest and length in (6, 3, 0.75, 0.375) and beat.denominator == 1)
        within = place + length <= beat
        # Short-long-short is read at sight: a beat that begins half a beat late.
        syncope = not rest and beat.denominator == 1 and 2 * place == beat and length in (beat, 1.5 * beat)
        dotted = beat.denominator > 1  # in compound time a head on the beat lasts whole beats
        on_beat = place == 0 and (not dotted or length % beat == 0)
        if one_head and (within or syncope or on_beat):
            head = length
        elif place:
            head = _largest(min(length, beat - place))
        elif length >= beat:
            head = max(size for size in PLAIN if size <= length and size % beat == 0)
        else:
            head = _largest(length)
        heads.append((start, start + head))
        start += head
    return heads


def _largest(length):
    return next(size for size in PLAIN if size <= length)


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


def _beams(elements, over, under, offset):
    from music21 import meter

    return meter.TimeSignature(f"{over}/{under}").getBeams(elements, measureStartOffset=float(offset))


# -------------------------------------------------------------------------- tempo and chord symbols
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


def _chord_symbols(parts, bars, tonic, mode):
    """Read the harmony of every beat, at its middle if it is not clear at once."""
    from music21 import harmony

    times = [
        (time, time + _beat(over, under) / 2)
        for start, end, over, under in bars
        for time in np.arange(start, end, _beat(over, under))
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
            symbol = harmony.ChordSymbol(root=_note_name(*_spelling(root, tonic, mode)), kind=kind)
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


def read_musicxml(path, bars=None):
    """Read a score back: the inverse of :func:`write_musicxml`, as far as notes go.

    Parameters
    ----------
    path : str or Path
    bars : int, optional
        No more than the first so many, a pickup not counted.

    Returns
    -------
    names : list of str
    parts : list of list of (start, end, pitch)
        Ties joined; in quarter notes.
    lines : list of Fraction
        Where the bars begin, from bar 1 on, and where the last one ends.

    Raises
    ------
    FileNotFoundError, ValueError
        No such file, or no MusicXML.
    """
    score = _parse(path)
    if bars is not None:
        _cut_after(score, bars)
    names = [entry.text or "" for entry in score.findall("part-list/score-part/part-name")]
    parts, lines, divisions = [], [], 1
    for part in score.findall("part"):
        notes, lines, time = [], [], Fraction(0)
        for measure in part.findall("measure"):
            divisions = int(measure.findtext("attributes/divisions") or divisions)
            if measure.get("implicit") != "yes":
                lines.append(time)
            for entry in measure.findall("note"):
                end = time + Fraction(int(entry.findtext("duration")), divisions)
                if entry.find("rest") is None:
                    pitch = _midi_pitch(entry.find("pitch"))
                    held = any(tie.get("type") == "stop" for tie in entry.findall("tie"))
                    notes.append((notes.pop()[0] if held else time, end, pitch))
                time = end
        parts.append(notes)
        lines.append(time)
    return names, parts, lines


# ---------------------------------------------------------------------------------------- engraving
def engrave(musicxml_path, layout="staves", width=1000, bars=None):
    """Engrave a score.

    Parameters
    ----------
    musicxml_path : str or Path
    layout : {"staves", "choir"}
        A staff a part, or two parts on each staff, the upper one's stems up and the lower one's down.
    width : int
        Pixels.
    bars : int, optional
        No more than the first so many, a pickup not counted.

    Returns
    -------
    list of str
        An SVG a page, black on nothing. A page holds all systems, but for very long scores.

    Raises
    ------
    FileNotFoundError, ValueError
        No such file, unknown layout, or no score in the file.
    ImportError
        The package verovio is missing.
    """
    if layout not in ("staves", "choir"):
        raise ValueError(f"layout={layout!r}: choose 'staves' or 'choir'.")
    score = _parse(musicxml_path)
    try:
        import verovio
    except ImportError as error:
        raise ImportError("To engrave a score, install the package verovio: pip install verovio") from error

    if bars is not None:
        _cut_after(score, bars)
    if layout == "choir":
        _condense(score)
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    spacing = WIDE_SPACING if score.find(".//harmony") is not None else {}
    toolkit.setOptions(VEROVIO_OPTIONS | spacing | {"pageWidth": round(width / PIXELS_PER_UNIT)})
    if not toolkit.loadData(ElementTree.tostring(score, encoding="unicode")):
        raise ValueError(f"{musicxml_path} holds no score that can be engraved. Write it again.")
    return [_plain_text(toolkit.renderToSVG(page)) for page in range(1, toolkit.getPageCount() + 1)]


def _plain_text(svg):
    """Replace the signs of music fonts in texts, and leave out the names that nothing refers to."""
    svg = re.sub(
        f'font-family="Leipzig" font-size="[^"]*">([{"".join(MUSIC_SIGNS)}])',
        lambda found: f'font-size="{SIGN_SIZE}">{MUSIC_SIGNS[found[1]]}',
        svg,
    )
    root = re.search(r'<svg[^>]* id="([^"]+)"', svg)[1]
    return re.sub(rf' id="(?!E|{root}")[^"]*"', "", svg)


def _parse(path):
    if not Path(path).is_file():
        raise FileNotFoundError(f"No score at {path}. Check the name, or run the cell that writes it.")
    try:
        return ElementTree.fromstring(Path(path).read_bytes())
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is not MusicXML ({error}). Write it again.") from error


def _cut_after(score, bars):
    """Keep the first bars of a MusicXML tree, and a pickup."""
    for part in score.iter("part"):
        measures = part.findall("measure")
        pickup = len(measures) > 0 and measures[0].get("implicit") == "yes"
        for measure in measures[bars + pickup :]:
            part.remove(measure)


def _condense(score):
    """Put each two parts of a MusicXML tree on one staff: the choir's closed score."""
    parts, entries = score.findall("part"), score.findall("part-list/score-part")
    for upper, lower, entry, gone in zip(parts[::2], parts[1::2], entries[::2], entries[1::2], strict=False):
        names = [voice.findtext("part-name") or "" for voice in (entry, gone)]
        entry.find("part-name").text = "\n".join(names)
        for abbreviation in entry.findall("part-abbreviation"):
            entry.remove(abbreviation)
        pitches = [_midi_pitch(pitch) for part in (upper, lower) for pitch in part.iter("pitch")]
        lowest = len(parts) > 2 and lower is parts[-1]  # where singers expect a bass clef, however high it is
        clef = "bass" if lowest else _clef(pitches, CLEF_SIGNS)
        for measure, other in zip(upper.findall("measure"), lower.findall("measure"), strict=True):
            for sign in measure.findall("attributes/clef"):
                for child in list(sign):
                    sign.remove(child)
                for tag, text in zip(("sign", "line"), CLEF_SIGNS[clef], strict=True):
                    ElementTree.SubElement(sign, tag).text = text
            _add_voice(measure, other)
        score.remove(lower)
        score.find("part-list").remove(gone)


def _add_voice(measure, other):
    """Add the notes of another part to a MusicXML measure as its second voice."""
    own, added = measure.findall("note"), other.findall("note")
    for notes, voice, stem in ((own, "1", "up"), (added, "2", "down")):
        for note in notes:
            for tag, text in (("voice", voice), ("stem", stem)):
                for old in note.findall(tag):
                    note.remove(old)
                if tag == "stem" and note.find("rest") is not None:
                    continue
                earlier = BEFORE_STEM if tag == "stem" else BEFORE_VOICE
                place = sum(child.tag in earlier for child in note)
                element = ElementTree.Element(tag)
                element.text = text
                note.insert(place, element)
    backup = ElementTree.Element("backup")
    length = sum(int(note.findtext("duration")) for note in own)
    ElementTree.SubElement(backup, "duration").text = str(length)
    place = 1 + max(index for index, child in enumerate(measure) if child.tag == "note")
    measure[place:place] = [backup, *added]


def _midi_pitch(pitch):
    """Read a MusicXML pitch."""
    natural = 7 * (LETTERS.index(pitch.findtext("step")) - 1) % OCTAVE
    return OCTAVE * (int(pitch.findtext("octave")) + 1) + natural + int(float(pitch.findtext("alter") or 0))
