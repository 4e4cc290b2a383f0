"""Enter a tune: typed notes, a piano on the screen, a MIDI keyboard, or a file dropped on it."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import anywidget
import traitlets

from ..songs.engrave_typed import engrave_typed
from ..songs.song import MIDI_ENDINGS, SCORES_TO_READ, MelodyError
from ..songs.typed import TYPED_EXAMPLE, parse_notes
from .modules import PAGE, join_modules

BIGGEST_FILE = 20_000_000  # bytes; a score of an opera is smaller
NARROWEST, WIDEST = 300, 2000  # staves, in pixels
EMPTY = "No notes yet. Click the keys, type, or drop a file here."


class TuneEntry(anywidget.AnyWidget):
    """A melody as somebody enters it: notes, with a staff that shows what is understood, or a file.

    Parameters
    ----------
    value : str
        Notes to begin with.

    Attributes
    ----------
    value : str
        The notes, as :func:`.parse_notes` reads them.
    file : None or (str, bytes)
        A file that was chosen or dropped: its name, without folders, and what is in it. Who enters a
        note afterwards wants the notes: ``file`` is None again.
    understood, mistake : str
        What is said below the staff: how much was understood, and what is wrong with the rest, or nothing.
    """

    _esm = join_modules("dom", "tones", "piano", "midi", "file", "entry")
    _css = (PAGE / "entry.css").read_text(encoding="utf-8")

    value = traitlets.Unicode("").tag(sync=True, echo_update=False)
    file = traitlets.Tuple(traitlets.Unicode(), traitlets.Bytes(), default_value=None, allow_none=True).tag(
        sync=True, from_json=lambda file, _: None if file is None else (_plain_name(file[0]), bytes(file[1]))
    )
    understood = traitlets.Unicode("").tag(sync=True)
    mistake = traitlets.Unicode("").tag(sync=True)
    staff = traitlets.Unicode("").tag(sync=True)
    width = traitlets.Int(600, min=NARROWEST, max=WIDEST).tag(sync=True)  # of the staff, in pixels
    tune = traitlets.List().tag(sync=True)  # pairs of a MIDI pitch, or None, and beats
    example = traitlets.Unicode(TYPED_EXAMPLE).tag(sync=True)
    endings = traitlets.Unicode(",".join((*MIDI_ENDINGS, *SCORES_TO_READ))).tag(sync=True)
    biggest = traitlets.Int(BIGGEST_FILE).tag(sync=True)

    def __init__(self, value="", **traits):
        super().__init__(value=value, **traits)
        self.on_msg(self._hear)
        self._read()

    def _hear(self, _, message, buffers):
        """Take notes at once: a trait may come after the click of a button that wants them."""
        if "value" in message:
            self.set_state({"value": message["value"], "file": None})

    @traitlets.observe("value", "width")
    def _read(self, _=None):
        """Show what is understood of the notes."""
        text, mistake = read_so_far(self.value)
        notes = parse_notes(text) if text else []
        with self.hold_sync():
            self.staff, self.mistake = engrave_typed(text, self.width), mistake
            self.understood = describe(notes) if notes or mistake else EMPTY
            self.tune = [[pitch, float(beats)] for pitch, beats, *_ in notes]


def read_so_far(text):
    """Give as much of typed notes as can be read, and what is wrong with the rest.

    Parameters
    ----------
    text : str

    Returns
    -------
    text : str
        Its longest beginning that :func:`.parse_notes` reads; empty if there is none.
    mistake : str
        What it says to the whole; empty if it is right, or if nothing is there.
    """
    if not text.strip():
        return "", ""
    try:
        parse_notes(text)
    except MelodyError as error:
        mistake = f"{error.reason[:1].upper()}{error.reason[1:]}. {error.advice}."
    else:
        return text, ""
    ends = [0, *(word.end() for word in re.finditer(r"[^\s,;|]+", text))]
    good, bad = 0, len(ends)  # words
    while bad - good > 1:
        middle = (good + bad) // 2
        right = _is_read(f"{text[: ends[middle]]} C5")  # a note, since rests alone are no tune
        good, bad = (middle, bad) if right else (good, middle)
    beginning = text[: ends[good]]
    return (beginning if _is_read(beginning) else ""), mistake


def _is_read(text):
    try:
        parse_notes(text)
    except MelodyError:
        return False
    return True


def write_aside(file, folder):
    """Write a file that was chosen into a folder, under its own name, which leads nowhere else.

    Parameters
    ----------
    file : (str, bytes)
    folder : str or Path

    Returns
    -------
    Path
    """
    path = Path(folder) / _plain_name(file[0])
    path.write_bytes(file[1])
    return path


def describe(notes):
    """Say how much music it is.

    Parameters
    ----------
    notes : list
        As :func:`.parse_notes` gives them.

    Returns
    -------
    str
    """
    sounding = sum(pitch is not None for pitch, *_ in notes)
    beats = sum((beats for _, beats, *_ in notes), Fraction(0))
    phrases = sum(len(mark) for _, _, *mark in notes)
    words = [_count(sounding, "note"), f"{float(beats):.4g} beat{'' if beats == 1 else 's'}"]
    return ", ".join([*words, _count(phrases, "phrase end")] if phrases else words)


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _plain_name(name):
    return name.replace("\\", "/").rpartition("/")[2]
