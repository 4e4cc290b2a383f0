"""A piece as it was written: parts of notes in ticks, with tempi, meters and bar lines."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

# What files can be read and written, by their endings.
MIDI_ENDINGS = (".mid", ".midi")
SCORES_TO_READ = (".musicxml", ".xml", ".mxl")  # the last one is compressed
SCORES_TO_WRITE = (".musicxml", ".xml")
SOUND_ENDINGS = (".wav", ".mp3")
DEFAULT_VELOCITY = 80
DEFAULT_TEMPO = 100.0  # quarter notes per minute, where nothing is said
SCORE_TICKS = 10_080  # a quarter note, of what is not MIDI: thirds, fifths and sevenths come out even
MICROSECONDS_PER_MINUTE = 60_000_000
# Bounds of what is taken for music: an hour of it needs a tenth of that.
LARGEST_MIDI = 600_000  # bytes
LARGEST_SCORE = 20_000_000  # bytes, unpacked
LONGEST_BEATS = 25_000
MOST_TOLD = 10**12  # quarter notes of a damaged file; more digits say no more
MOST_NOTES = 100_000


class MelodyError(ValueError):
    """No music can be had from a file, or from what stands for one.

    Attributes
    ----------
    path : str
        The file.
    reason, advice : str
        What is wrong with it, and what to do.
    """

    def __init__(self, path, reason, advice):
        super().__init__(f"{path}: {reason}. {advice}.")
        self.path, self.reason, self.advice = str(path), reason, advice


class Note(NamedTuple):
    """A note of a MIDI file, in its ticks from the beginning, end exclusive."""

    start: int
    end: int
    pitch: int
    velocity: int


class Key(NamedTuple):
    """A key signature and the beat, in quarter notes from the beginning, where it comes into force.

    ``sharps`` counts sharps, flats below 0; ``mode`` is "major", "minor", another one that the score names
    (such as "dorian") or, where nobody says, None.
    """

    beat: Fraction
    sharps: int
    mode: str | None = None


class Sign(NamedTuple):
    """What is written with a note or at a place of a part, and is kept with it.

    ``tick`` is that of the note's beginning, or of the place. ``number`` is the verse of a lyric, tells
    apart slurs that overlap, and counts how often a repeat is played. By ``kind``, ``value`` and
    ``detail`` are

    =============== ====================================================================================
    ``lyric``       the syllable, with a hyphen if the word goes on; "single", "begin", "middle" or
                    "end" of the word
    ``slur``        "start" or "stop"
    ``dynamic``     such as "mf"
    ``wedge``       "crescendo", "diminuendo" or "stop"
    ``fermata``     nothing
    ``breath``      "comma" or "caesura"
    ``articulation`` as MusicXML names it: "staccato", "tenuto", "accent", "strong-accent", "staccatissimo"
    ``text``        words above the staff
    ``tempo``       a tempo in words
    ``rehearsal``   a rehearsal mark
    ``chord``       a chord symbol such as "F#m7/A"; its kind as MusicXML names it
    ``repeat``      "forward" where a repeated passage begins, "backward" where it ends
    ``ending``      "start" or "stop" of a volta; its numbers, as "1" or "1, 2"
    ``jump``        "segno", "coda", "fine", "tocoda", "dacapo", "dalsegno"; the words
    ``barline``     the style of the bar line at that place, as MusicXML names it
    ``bar``         the number of the bar that begins there, where it is not the next one
    ``grouping``    how the units of the meter from there on are grouped, as "3+2+2"
    ``dropped``     what the reader met there and cannot keep
    =============== ====================================================================================
    """

    tick: int
    kind: str
    value: str = ""
    number: int = 1
    detail: str = ""


class Part(NamedTuple):
    """The notes of one instrument, in ticks and in order; drums are never among them.

    ``messages`` are what a MIDI file says to the instrument besides notes, with ``time`` in ticks from the
    beginning; ``signs`` are what a score writes; ``spelling`` names notes as their owner spelled them: a
    dict of (tick of the beginning, pitch) to a letter and an alteration in semitones.
    """

    name: str
    program: int
    notes: list
    messages: tuple = ()
    signs: tuple = ()
    spelling: dict | None = None


class Song(NamedTuple):
    """A piece as it was written.

    ``meters`` are its meters with the beats where they begin, ``pickup`` the beats before the first bar
    line, ``keys`` its key signatures, as far as it has any; ``bars`` are its bars where they are not what
    meters and pickup say. ``conductor`` holds tempi and signatures with ``time`` in ticks from the
    beginning. ``remarks`` tell its reader what was done.
    """

    source: str
    parts: list
    ticks_per_beat: int
    conductor: tuple
    meters: tuple
    pickup: Fraction
    remarks: tuple = ()
    keys: tuple = ()
    bars: tuple | None = None
    title: str = ""
    composer: str = ""
    copyright: str = ""
    lyricist: str = ""


def read_bytes(path, largest=LARGEST_MIDI):
    """Read a file that may be anything.

    Parameters
    ----------
    path : str or Path
    largest : int
        Bytes; a longer file is refused unread.

    Returns
    -------
    bytes

    Raises
    ------
    MelodyError
        If there is no such file, or it cannot be read, is empty or too large.
    """
    try:
        if Path(path).is_dir():
            raise MelodyError(path, "a folder, not a file", "Give the name of a file in it")
        if not Path(path).is_file():
            raise MelodyError(path, "no such file", "Check the name and the folder")
        size = Path(path).stat().st_size
        if size > largest:
            reason = f"{size / 1e6:.1f} MB, where music takes at most {largest / 1e6:g}"
            raise MelodyError(path, reason, "Export the melody alone")
        data = Path(path).read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, MelodyError):
            raise
        # A name with a zero byte, a loop of links, a file of another user.
        raise MelodyError(path, f"cannot be read ({error})", "Check the name and its permissions") from error
    if not data:
        raise MelodyError(path, "an empty file", "Export it again")
    return data


def tempo_of(bpm):
    """Microseconds a quarter note, within what MIDI can say."""
    return max(1, min(round(MICROSECONDS_PER_MINUTE / bpm), (1 << 24) - 1))


def check_length(path, tick, ticks_per_beat):
    """Raise a MelodyError if music goes on for longer than ``LONGEST_BEATS``."""
    if tick > LONGEST_BEATS * ticks_per_beat:
        beats = min(tick // ticks_per_beat, MOST_TOLD)
        reason = f"it lasts {beats:,} quarter notes, over {LONGEST_BEATS:,}"
        raise MelodyError(path, reason, "Cut it into parts")


def check_count(path, notes):
    """Raise a MelodyError if there are more than ``MOST_NOTES`` notes."""
    if notes > MOST_NOTES:
        raise MelodyError(path, f"{notes:,} notes, over {MOST_NOTES:,}", "Export the melody alone")


def cut_overlaps(notes):
    """End every note where the next one of its pitch begins, and drop what has no length left.

    Parameters
    ----------
    notes : list of Note

    Returns
    -------
    list of Note
        In order of time.
    """
    cut, latest = [], {}
    for note in sorted(notes):
        before = latest.get(note.pitch)
        if before is not None and cut[before].end > note.start:
            cut[before] = cut[before]._replace(end=note.start)
        latest[note.pitch] = len(cut)
        cut.append(note)
    return [note for note in cut if note.start < note.end]
