"""Which parts somebody asks to keep, and where they are: in the song, or elsewhere."""

from __future__ import annotations

import re
from numbers import Integral
from typing import NamedTuple

from ..music.grid import voice_names
from .find_melody import choose, follow_line
from .find_voices import BY_RANGE, USUAL, VOICE_NUMBER, find_voices, fit_ranges, voice_of_name
from .melody import Melody, read_song
from .places import shown, source_of
from .song import MIDI_ENDINGS, SCORES_TO_READ, MelodyError, Part, Song
from .typed import parse_notes

EVERY_PART = "all"
TOLD = "as asked for"
VOICE_WORD = re.compile(rf"{VOICE_NUMBER.pattern}|[^\s,;+&]+", re.IGNORECASE)
MOST_LISTED = 20  # parts


class Kept(NamedTuple):
    """A part that is kept: of a song, or, without one, a melody that was read before."""

    song: Song | None
    part: Part | Melody
    why: str
    notes: list  # those of the part that are taken


def find_kept(main, keep, voices, play_repeats=False):
    """Find the parts that are to be kept.

    Parameters
    ----------
    main : Song or Melody
    keep, voices, play_repeats
        As for :func:`.read_parts`.

    Returns
    -------
    dict of int to Kept
        By voice, counted from the top; at least one.

    Raises
    ------
    MelodyError
        As for :func:`.read_parts`.
    """
    source, names = source_of(main), voice_names(voices)
    if isinstance(keep, dict):
        asked = [(voice_number(name, voices, source), wanted) for name, wanted in keep.items()]
        kept = {voice: _as_told(main, voice, wanted, voices, play_repeats) for voice, wanted in asked}
    elif isinstance(main, Melody):
        advice = 'Say where the others are, as in keep={"bass": "bass.mid"}'
        raise MelodyError(source, "it is one melody, without other parts", advice)
    else:
        found = find_voices(main.parts, voices)
        asked = _voices_asked(main, keep, found, voices)
        kept = {voice: _the_one(main, voice, found, voices) for voice in asked}
    if len(kept) < len(asked) or not kept:
        reason = "a voice is given twice" if kept else "no voice is named"
        raise MelodyError(source, reason, f"Name those to keep, each once: {', '.join(names)}, or none")
    voice_of = {}
    for voice, entry in sorted(kept.items()):
        other = voice_of.setdefault(id(entry.part), voice)
        if other != voice:
            both = f"as the {names[other]} and as the {names[voice]}"
            reason = f'"{name_of_part(entry.part)}" is asked for {both}'
            raise MelodyError(source, reason, "A part is one voice")
    return kept


def add_tune(kept, main, track, voices):
    """Tell which voice is the tune.

    Parameters
    ----------
    kept : dict of int to Kept
        Gets the tune if it is not among them.
    main : Song or Melody
    track, voices
        As for :func:`.read_parts`.

    Returns
    -------
    int
        Counted from the top.
    """
    if track is None and any(entry.song is main or entry.part is main for entry in kept.values()):
        return min(kept)
    if isinstance(main, Melody):
        part, notes, found = main, main.notes, {}
    else:
        part, _ = choose(main, track)
        notes, found = follow_line(part.notes, main.ticks_per_beat), find_voices(main.parts, voices)
    for voice, entry in kept.items():
        if entry.part is part:
            return voice
    names, free = voice_names(voices), [voice for voice in range(voices) if voice not in kept]
    own = [(v, c.why) for v, claims in found.items() for c in claims if main.parts[c.part] is part]
    place, why = own[0] if own and len(notes) == len(part.notes) else (None, BY_RANGE)
    if place in kept and why != BY_RANGE:
        rivals = f'"{name_of_part(kept[place].part)}" and "{part.name}"'
        raise MelodyError(source_of(main), f"2 parts for the {names[place]}, {rivals}", "Keep one of them")
    if place not in free:
        place, why = next(iter(fit_ranges([notes], free, voices)), None), BY_RANGE
    if place is None:
        reason = f'no voice is left for the tune, "{name_of_part(part)}": all {voices} are kept'
        raise MelodyError(source_of(main), reason, "Keep fewer of them")
    kept[place] = Kept(None if part is main else main, part, why, notes)
    return place


def voice_number(name, voices=USUAL, source="keep"):
    """Read the name of a voice.

    Parameters
    ----------
    name : str
        One of :func:`.voice_names`; of four voices also their first letters, or what singers call them in
        other languages.
    voices : int
    source : str
        For messages.

    Returns
    -------
    int
        Counted from the top.

    Raises
    ------
    MelodyError
        If there is no such voice.
    """
    found = voice_of_name(name, voices) if isinstance(name, str) else None
    if found is None:
        letters = " (or S, A, T, B)" if voices == USUAL else ""
        advice = f'The voices are {", ".join(voice_names(voices))}{letters}; "{EVERY_PART}" is every part'
        raise MelodyError(source, f"there is no voice {shown(name)!r}", advice)
    return found


def name_of_part(part):
    """Say what a part is called, as its track is."""
    return part.track if isinstance(part, Melody) else part.name


def _voices_asked(song, keep, found, voices):
    """List the voices that are to be kept, of those that a song has."""
    if not (isinstance(keep, str) and keep.strip().lower() == EVERY_PART):
        several = isinstance(keep, list | tuple | set | frozenset)
        names = keep if several else [word[0] for word in VOICE_WORD.finditer(str(keep))]
        return [voice_number(name, voices, song.source) for name in names]
    claimed = sum(len(claims) for claims in found.values())
    if claimed < len(song.parts) and len(found) < voices:
        reason = f"its {len(song.parts)} parts are too many for {voices} voices"
        raise MelodyError(song.source, reason, _say_which(song, found, voices))
    return sorted(found)


def _the_one(song, voice, found, voices):
    """Take the only part that is a voice."""
    claims, name = found.get(voice, ()), voice_names(voices)[voice]
    if len(claims) == 1:
        return _whole(song, song.parts[claims[0].part], claims[0].why)
    rivals = " and ".join(f'"{song.parts[claim.part].name}"' for claim in claims)
    reason = f"{len(claims)} parts for the {name}, {rivals}" if claims else f"no part of it is the {name}"
    raise MelodyError(song.source, reason, _say_which(song, found, voices, voice))


def _say_which(song, found, voices, voice=0):
    """Advise to say which part is which voice, with what was found."""
    names = voice_names(voices)
    known = {claim.part: names[voice] for voice, claims in found.items() for claim in claims}
    listed = ", ".join(
        f"{number} {part.name} ({known.get(number, 'no voice')})"
        for number, part in enumerate(song.parts[:MOST_LISTED])
    )
    return f'Say which part is which voice, as in keep={{"{names[voice]}": 0}}. Its parts are {listed}'


def _whole(song, part, why):
    return Kept(song, part, why, part.notes)


def _as_told(main, voice, wanted, voices, play_repeats):
    """Find what somebody says is a voice: a track of the song, a melody, a file, typed notes."""
    if isinstance(wanted, Melody):
        return Kept(None, wanted, TOLD, wanted.notes)
    tracks = [] if isinstance(main, Melody) else [part.name.lower() for part in main.parts]
    if isinstance(wanted, str) and wanted.strip().isdecimal():
        wanted = int(wanted)
    if isinstance(wanted, Integral):
        if isinstance(main, Melody):
            raise MelodyError(source_of(main), f"it has no track {wanted}", "It is one melody: name a file")
        return _whole(main, choose(main, int(wanted))[0], TOLD)
    if isinstance(wanted, str) and not wanted.lower().endswith((*MIDI_ENDINGS, *SCORES_TO_READ)):
        if any(wanted.lower() in name for name in tracks):
            return _whole(main, choose(main, wanted)[0], TOLD)
        wanted = _typed(main, wanted)
    other = read_song(wanted, play_repeats, split=True)
    if len(other.parts) == 1:
        return _whole(other, other.parts[0], TOLD)
    return _the_one(other, voice, find_voices(other.parts, voices), voices)


def _typed(main, text):
    """Read typed notes, in which a track that does not exist may be meant."""
    try:
        return parse_notes(text)
    except MelodyError as error:
        parts = [main] if isinstance(main, Melody) else main.parts
        reason = f"{shown(text)!r} is no track of it, no file, and no notes ({error.reason})"
        advice = f"Its tracks are {', '.join(map(name_of_part, parts))}"
        raise MelodyError(source_of(main), reason, advice) from error
