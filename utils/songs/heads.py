"""Which drawn note is which: the note heads of a score, by name, with what they stand for."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from ..music.theory import LETTERS, OCTAVE


class Head(NamedTuple):
    """A note head of a score; a note that is tied has several.

    Attributes
    ----------
    id : str
        What the engraved picture calls it.
    start, end : Fraction
        Of the head, in quarter notes.
    begin : Fraction
        Where the note begins that it belongs to.
    pitch : int
    name : str
        As it is spelled: ``Bb4``.
    """

    id: str
    start: Fraction
    end: Fraction
    begin: Fraction
    pitch: int
    name: str


def name_heads(score):
    """Give every note and rest of a MusicXML tree the name by which its drawing is found."""
    for number, part in enumerate(score.findall("part")):
        for count, note in enumerate(part.iter("note")):
            note.set("id", f"E{number}-{count}")


def read_heads(score):
    """List the note heads of a score whose notes are named.

    Parameters
    ----------
    score : Element
        MusicXML as :func:`.write_musicxml` writes it, after :func:`name_heads`.

    Returns
    -------
    list of list of Head
        By part.
    """
    parts = []
    for part in score.findall("part"):
        heads, begin = [], Fraction(0)
        for start, end, note in _timed(part):
            if note.tag != "note" or note.find("rest") is not None:
                continue
            tied = any(tie.get("type") == "stop" for tie in note.findall("tie"))
            begin = begin if tied else start
            pitch = note.find("pitch")
            heads.append(Head(note.get("id"), start, end, begin, midi_pitch(pitch), _spelled(pitch)))
        parts.append(heads)
    return parts


def read_symbols(score):
    """List the chord symbols of a score.

    Returns
    -------
    list of (Fraction, str)
        Quarter notes from the beginning, and the symbol: ``F#m7/A``.
    """
    part = score.find("part")
    return [(start, _symbol(entry)) for start, _, entry in _timed(part) if entry.tag == "harmony"]


def midi_pitch(pitch):
    """Read a MusicXML pitch."""
    natural = 7 * (LETTERS.index(pitch.findtext("step")) - 1) % OCTAVE
    return OCTAVE * (int(pitch.findtext("octave")) + 1) + natural + int(float(pitch.findtext("alter") or 0))


def _timed(part):
    """Yield where each note and chord symbol of a part begins and ends, in quarter notes."""
    time, divisions = Fraction(0), 1
    for measure in part.findall("measure"):
        divisions = int(measure.findtext("attributes/divisions") or divisions)
        for entry in measure:
            if entry.tag == "note":
                end = time + Fraction(int(entry.findtext("duration")), divisions)
                yield time, end, entry
                time = end
            elif entry.tag == "harmony":
                start = time + Fraction(int(entry.findtext("offset") or 0), divisions)
                yield start, start, entry


def _spelled(pitch):
    alteration = int(float(pitch.findtext("alter") or 0))
    return f"{pitch.findtext('step')}{_signs(alteration)}{pitch.findtext('octave')}"


def _symbol(harmony):
    kind = harmony.find("kind")
    if harmony.find("root") is None or kind.text == "none":
        return kind.get("text") or "N.C."
    root = harmony.findtext("root/root-step") + _signs(int(harmony.findtext("root/root-alter") or 0))
    bass = harmony.findtext("bass/bass-step")
    under = f"/{bass}{_signs(int(harmony.findtext('bass/bass-alter') or 0))}" if bass else ""
    return root + (kind.get("text") or "") + under


def _signs(alteration):
    return "#" * alteration if alteration > 0 else "b" * -alteration
