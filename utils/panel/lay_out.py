"""What the page needs to know of an arrangement: notes, bars, phrases, chords, time, sound and score."""

from __future__ import annotations

import contextlib
import gzip
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import mido
import numpy as np

from ..music.grid import STEPS_PER_BEAT, voice_names
from ..music.theory import pitch_name
from ..songs.engrave import engrave, parse_score
from ..songs.heads import name_heads, read_heads, read_symbols
from ..songs.places import bars_of, name_places
from ..songs.read_midi import notes_of, parse_midi
from ..songs.song import MICROSECONDS_PER_MINUTE
from ..songs.sound import PEAK, SAMPLE_RATE, encode_voice, pan_places, pan_shares, render_voices

LONGEST_MIX = 20  # minutes; decoded in the page four voices of it take 400 MB
LEAST_PART, PART = 15, 1 / 20  # seconds of long music that are played first, and their share of very long
ROOM_FOR_ECHO = 0.9  # what the echo may add to the peak
QUIETEST_PART = 2.0  # peak, usually 6: louder music may follow
USUAL_TEMPO = round(MICROSECONDS_PER_MINUTE / 120)  # by the standard, where a file says nothing


def lay_out(arrangement, name, tempo=None):
    """Say where everything of an arrangement is, as it is played and drawn.

    Parameters
    ----------
    arrangement : Arrangement
    name : str
        How the take is called.
    tempo : float, optional
        Quarter notes per minute throughout; by default the melody's own tempi.

    Returns
    -------
    dict
        For JSON; beats are quarter notes from the beginning.

        ``name``; ``voices``: what singers call them, from the top; ``tune``: which of them is the melody;
        ``notes``: for each voice a list of ``{"start", "end"}`` (beats), ``"pitch"`` (MIDI), ``"name"``
        (as it is spelled, ``"Bb4"``), ``"place"`` (``"5:2.5"``), ``"step"`` and ``"given"`` (whether it was
        given); ``bars``: ``{"number", "start", "end"}``, ``"first"`` (where its first beat would be, of a
        pickup before its start) and ``"beat"`` (how long its beats are); ``phrases``: places of the last
        notes of phrases; ``chords``: pairs of beat and symbol; ``clock``: pairs of beat and second, straight
        lines between them, the last pair where the last note ends.
    """
    with TemporaryDirectory() as folder:
        midi = parse_midi(arrangement.write(Path(folder) / "take.mid", tempo=tempo))
        spelled, chords = _read_score(arrangement, Path(folder) / "take.musicxml")
    steps = len(arrangement.grid)
    places = name_places(arrangement.melody, steps, range(steps))
    notes = [
        [
            _note(note, midi.ticks_per_beat, places, arrangement.given[:, voice], names)
            for note in sorted(note for _, note in notes_of(track))
        ]
        for voice, (track, names) in enumerate(zip(midi.tracks[1:], spelled, strict=True))
    ]
    divided, first = bars_of(arrangement.melody, steps)
    end = max([float(divided[-1].end), *(note["end"] for line in notes for note in line)])
    return {
        "name": name,
        "voices": list(voice_names(len(notes))),
        "tune": arrangement.place,
        "notes": notes,
        "bars": [_bar(bar, number) for number, bar in enumerate(divided, start=first)],
        "phrases": [places[step] for step in arrangement.melody.phrase_ends],
        "chords": [[float(beat), symbol] for beat, symbol in chords],
        "clock": _clock(midi, end),
    }


def play_take(arrangement, programs=None, tempo=None, begin=None):
    """Play the voices of an arrangement, each by itself.

    Parameters
    ----------
    arrangement : Arrangement
    programs, tempo : optional
        As for ``Arrangement.write``.
    begin : float, optional
        Of long music play no more than some seconds from this one on, which are there much sooner.

    Returns
    -------
    dict
        ``rate``: samples a second; ``samples``: how many each voice has; ``begin``: the second at which they
        begin; ``seconds``: how long the file lasts, played or not; ``whole``: whether all of it is there;
        ``gain`` of all together, so that they are as loud as a file; ``voices``: for each its ``pan`` from
        left, -1, to right, 1, and the ``gain`` that the decoded sound is to be multiplied with.
    list of bytes
        An MP3 a voice.

    Raises
    ------
    ValueError
        If it is too long for that.
    """
    with TemporaryDirectory() as folder, ThreadPoolExecutor(max_workers=2) as pool:
        path = arrangement.write(Path(folder) / "take.mid", programs, tempo)
        seconds = mido.MidiFile(path).length
        if seconds > 60 * LONGEST_MIX:
            raise ValueError(
                f"it lasts {seconds / 60:.0f} minutes, and at most {LONGEST_MIX} are mixed here. "
                "Take its MP3 home, or harmonize a part of it"
            )
        excerpt = _choose_excerpt(begin, seconds)
        waiting, ears = [], 0
        shares = pan_shares(arrangement.grid.shape[1])
        for share, mono in zip(shares, render_voices(path, excerpt=excerpt), strict=True):
            waiting.append(pool.submit(encode_voice, mono))  # while the next one is played
            ears = ears + share[:, None] * mono
        clips = [encoding.result() for encoding in waiting]
    places = pan_places(len(clips)).tolist()
    quietest = QUIETEST_PART if excerpt else 1e-6
    facts = {
        "rate": SAMPLE_RATE,
        "samples": ears.shape[1],
        "begin": excerpt[0] if excerpt else 0,
        "seconds": seconds,
        "whole": excerpt is None,
        "gain": ROOM_FOR_ECHO * PEAK / max(float(np.abs(ears).max()), quietest),
        "voices": [{"pan": pan, "gain": gain} for pan, (_, gain) in zip(places, clips, strict=True)],
    }
    return facts, [clip for clip, _ in clips]


def draw_take(arrangement, notes, width, chords=False, layout="choir"):
    """Engrave an arrangement.

    Parameters
    ----------
    arrangement : Arrangement
    notes : list of list of dict
        Those of :func:`lay_out`.
    width : int
        Pixels.
    chords : bool
        With chord symbols.
    layout : {"choir", "staves"}

    Returns
    -------
    list of list
        For each note head its name in the picture, voice, number of the note in that voice, and the beats
        where the head begins and ends.
    list of bytes
        A page each: SVG, compressed by gzip.
    """
    with TemporaryDirectory() as folder:
        path = arrangement.write(Path(folder) / "take.musicxml", chords=chords)
        pages = engrave(path, layout, width)
        parts = read_heads(_named(path))
    heads = [
        [head.id, voice, number, float(head.start), float(head.end)]
        for voice, part in enumerate(parts)
        for head, number in zip(part, _find_notes(notes[voice], part), strict=True)
    ]
    return heads, [gzip.compress(page.encode()) for page in pages]


def _choose_excerpt(begin, seconds):
    """Choose what is played of long music first: pair of seconds, or None for all of it."""
    length = max(LEAST_PART, seconds * PART)
    if begin is None or seconds <= 2 * length:
        return None
    first = max(0, min(begin, seconds - length))
    return first, first + length


def _read_score(arrangement, path):
    """Read how the notes of each voice are spelled, a dict of (step, pitch) to names, and the chords."""
    with contextlib.suppress(ValueError):  # music that no score can hold is heard all the same
        score = _named(arrangement.write(path, chords=True))
        spelled = [
            {(round(head.begin * STEPS_PER_BEAT), head.pitch): head.name for head in part}
            for part in read_heads(score)
        ]
        return spelled, read_symbols(score)
    return [{}] * arrangement.grid.shape[1], []


def _named(path):
    score = parse_score(path)
    name_heads(score)
    return score


def _note(note, ticks_per_beat, places, given, names):
    """Describe a note of one voice; its step is the nearest one that the music has."""
    start, end = Fraction(note.start, ticks_per_beat), Fraction(note.end, ticks_per_beat)
    step = min(round(start * STEPS_PER_BEAT), len(places) - 1)
    return {
        "start": round(float(start), 6),
        "end": round(float(end), 6),
        "pitch": note.pitch,
        "name": names.get((step, note.pitch)) or pitch_name(note.pitch),
        "place": places[step],
        "step": step,
        "given": bool(given[step]),
    }


def _bar(bar, number):
    first = bar.end - bar.full if number == 0 else bar.start
    return {
        "number": number,
        "start": float(bar.start),
        "end": float(bar.end),
        "first": float(first),
        "beat": 4 / bar.denominator,
    }


def _clock(midi, end):
    """Tell when each beat is, from one change of tempo to the next: pairs of beat and second."""
    clock, tick, tempo = [[0.0, 0.0]], 0, USUAL_TEMPO
    for message in midi.tracks[0]:
        tick += message.time
        if message.type == "set_tempo":
            _go_on(clock, tick / midi.ticks_per_beat, tempo)
            tempo = message.tempo
    _go_on(clock, max(end, clock[-1][0]), tempo)
    return clock


def _go_on(clock, beat, tempo):
    before, seconds = clock[-1]
    if beat > before:
        clock.append([beat, seconds + (beat - before) * tempo / 1e6])


def _find_notes(notes, heads):
    """Find the notes that the heads of a voice stand for: their numbers."""
    known = {(note["step"], note["pitch"]): number for number, note in enumerate(notes)}
    starts = [note["start"] for note in notes]
    found = []
    for head in heads:
        number = known.get((round(head.begin * STEPS_PER_BEAT), head.pitch))
        # What a score has to round may begin a little elsewhere.
        near = min(bisect_left(starts, float(head.begin)), len(starts) - 1)
        found.append(near if number is None else number)
    return found
