"""Scores as pictures: MusicXML, read back and engraved by verovio."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

from .clefs import CLEFS, choose_clef
from .heads import midi_pitch, name_heads

# verovio draws these with a font of its own; the same signs are in every reader's fonts.
MUSIC_SIGNS = {
    **dict.fromkeys("\ue260\ued60\uea64", "♭"),
    **dict.fromkeys("\ue261\ued61\uea65", "♮"),
    **dict.fromkeys("\ue262\ued62\uea66", "♯"),
    **dict.fromkeys("\ue1d5\ueca5", "♩"),
    **dict.fromkeys("\ue1d7\ueca7", "♪"),
    **dict.fromkeys("\ue1e7\uecb7", "."),  # behind the note of a tempo
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
        An SVG a page, black on nothing. A page holds all systems, but for very long scores. Its notes have
        the names of :func:`.name_heads`.

    Raises
    ------
    FileNotFoundError, ValueError
        No such file, unknown layout, or no score in the file.
    ImportError
        The package verovio is missing.
    """
    if layout not in ("staves", "choir"):
        raise ValueError(f"layout={layout!r}: choose 'staves' or 'choir'.")
    score = parse_score(musicxml_path)
    name_heads(score)
    toolkit = open_verovio()
    if bars is not None:
        _cut_after(score, bars)
    if layout == "choir":
        _condense(score)
    spacing = WIDE_SPACING if score.find(".//harmony") is not None else {}
    toolkit.setOptions(VEROVIO_OPTIONS | spacing | {"pageWidth": round(width / PIXELS_PER_UNIT)})
    if not toolkit.loadData(ElementTree.tostring(score, encoding="unicode")):
        raise ValueError(f"{musicxml_path} holds no score that can be engraved. Write it again.")
    return [_plain_text(toolkit.renderToSVG(page)) for page in range(1, toolkit.getPageCount() + 1)]


def open_verovio():
    """Give what engraves, quiet, with its fonts; raises ImportError if the package is missing."""
    try:
        import verovio
    except ImportError as error:
        raise ImportError("To engrave a score, install the package verovio: pip install verovio") from error

    verovio.enableLog(verovio.LOG_OFF)
    # The folder of its fonts is known in the thread that imported verovio, and in no other.
    toolkit = verovio.toolkit(False)
    toolkit.setResourcePath(str(Path(verovio.__file__).with_name("data")))
    return toolkit


def read_notes(path, bars=None):
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
    score = parse_score(path)
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
                    pitch = midi_pitch(entry.find("pitch"))
                    held = any(tie.get("type") == "stop" for tie in entry.findall("tie"))
                    notes.append((notes.pop()[0] if held else time, end, pitch))
                time = end
        parts.append(notes)
        lines.append(time)
    return names, parts, lines


def _plain_text(svg):
    """Replace the signs of music fonts in texts, and leave out the names that nothing refers to."""
    signs, plain = "".join(MUSIC_SIGNS), str.maketrans(MUSIC_SIGNS | {" ": ""})
    svg = re.sub(
        f'font-family="Leipzig" font-size="[^"]*">([{signs}][{signs} ]*)',
        lambda found: f'font-size="{SIGN_SIZE}">{found[1].translate(plain)}',
        svg,
    )
    root = re.search(r'<svg[^>]* id="([^"]+)"', svg)[1]
    return re.sub(rf' id="(?!E|{root}")[^"]*"', "", svg)


def parse_score(path):
    """Read a MusicXML file as a tree; for its errors see :func:`engrave`."""
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
        pitches = [midi_pitch(pitch) for part in (upper, lower) for pitch in part.iter("pitch")]
        lowest = len(parts) > 2 and lower is parts[-1]  # where singers expect a bass clef, however high it is
        sign, line, _ = CLEFS["bass" if lowest else choose_clef(pitches, plain=True)]
        for measure, other in zip(upper.findall("measure"), lower.findall("measure"), strict=True):
            for clef in measure.findall("attributes/clef"):
                for child in list(clef):
                    clef.remove(child)
                for tag, text in (("sign", sign), ("line", line)):
                    ElementTree.SubElement(clef, tag).text = str(text)
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
            if stem == "down":
                for fermata in note.iter("fermata"):
                    fermata.set("type", "inverted")  # below the lower voice
    backup = ElementTree.Element("backup")
    length = sum(int(note.findtext("duration")) for note in own)
    ElementTree.SubElement(backup, "duration").text = str(length)
    place = 1 + max(index for index, child in enumerate(measure) if child.tag == "note")
    measure[place:place] = [backup, *added]
