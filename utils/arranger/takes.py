"""A melody in, an arrangement out; or any part of the music in, and the rest out.

One path serves the lesson's functions, the command ``python -m utils.harmonize`` and your own songs: place
what is given where the model knows its way, run the generator over the whole of it, choose the other voices
together (:mod:`.search`), and set them to what its owner wrote, which stays exactly as it is.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..music.grid import PITCHES, REST, STEPS_PER_BAR, STEPS_PER_BEAT, onsets_of, to_steps
from ..music.harmony import roots_of_beats
from ..music.keys import find_key_of_melody
from ..music.meter import bar_lines, hear_in_common_time, heard_steps
from ..music.theory import OCTAVE, VOICE_RANGES, pitch_number, voice_ranges
from ..networks.given import hears_any_part
from ..networks.store import load_shipped_generator
from ..songs.chords import chords_by_step
from ..songs.find_kept import voice_number
from ..songs.parts import read_parts
from ..songs.places import find_bars, find_note, shown, source_of
from ..songs.song import MelodyError
from .arrangement import Arrangement
from .choosing import choose, count_spare
from .placing import describe_placement, move_around, phases, voice_of, way_to_range, without_rests
from .prices import Costs
from .proposals import (
    CREATIVITY,
    count_voices,
    critic_scores,
    draw_takes,
    input_shapes,
    keys_to_ask_in,
    propose_probabilities,
)
from .search import decode
from .wanted import WantedChords

LONGEST_BRIDGED_REST = STEPS_PER_BAR - 1  # the voices rest only where what is given is silent for longer
HEARD_AT_ONCE = 8  # takes, for the memory's sake
REPEATED = 1e3  # nats, of a take that sings what another one did
CROSSING_THE_TUNE = 12.0  # nats, where the melody is not the upper voice


def harmonize(
    melody,
    takes: int = 1,
    seed: int | None = None,
    creativity: float = CREATIVITY,
    generator=None,
    critic=None,
    **options,
) -> Arrangement:
    """Set voices to a melody, or to whatever parts are given.

    Parameters and errors as in :func:`harmonize_takes`.

    Parameters
    ----------
    takes : int
        Of several, the one that the search paid least for.
    seed : int, optional
        Of the noise. By default there is none: the sober answer.

    Returns
    -------
    Arrangement
    """
    sober = seed is None
    takes = min(takes, 1) if sober else takes  # without noise one is like the other
    return harmonize_takes(melody, takes, seed or 0, creativity, generator, critic, sober=sober, **options)[0]


def harmonize_takes(
    melody,
    takes: int = 8,
    seed: int = 0,
    creativity: float = CREATIVITY,
    generator=None,
    critic=None,
    *,
    keep=None,
    redo=None,
    redo_voices=None,
    chords=None,
    closeness: float = 1.0,
    track: int | str | None = None,
    pickup: float | None = None,
    play_repeats: bool = False,
    phrases=None,
    costs: Costs | None = None,
    noise=None,
    sober: int = 1,
) -> list[Arrangement]:
    """Set voices to a melody, or to whatever parts are given, several times.

    Parameters
    ----------
    melody : str, Path, Melody, music21 stream, or sequence of (pitch, beats)
        A MIDI or MusicXML file or whatever else :func:`.read_melody` reads.
    takes : int
        Of two and more with noise, up to nearly twice as many are written; those are kept that the search
        paid little for and that differ, see :func:`.choose`.
    seed : int
        Of the noise.
    creativity : float
        Size of the noise that the generator hears, at least 0. At 0 there is one sober answer, at 1 takes
        differ as in training, at 2 in as many harmonies as Bach's own settings of a tune.
    generator : callable, optional
        ``generator((given, noise), training=False)`` with piano rolls ``given [sample, step, pitch=128,
        track]`` and noise ``[sample, step / 16, 8, 512]`` gives ``[sample, step, pitch=128, voice]`` in
        [-1, 1]. With one track it is given the melody, with as many as it has voices any part of them, 0
        where nothing is given. A Keras model built for any number of steps takes the song in one
        pass; any other callable gets it in windows, of the model's length if it tells, else of two
        bars. By default the shipped one.
    critic : callable, optional
        ``critic((rolls, given), training=False)`` over windows of two bars gives one score a
        window, higher is better. The score of a take is the mean. Nobody is asked by default.
    keep : optional
        Which parts of the file stay, see :func:`.read_parts`: names of voices, "all", or which track each
        is. By default the melody alone.
    redo : optional
        Which bars of the kept parts, the melody left out, are written anew: see :func:`.find_bars`.
    redo_voices : optional
        Names of the voices whose bars are; by default all.
    chords : str, optional
        Wanted chords, see :func:`.read_chords`, or "score" for those that the file brings.
    closeness : float
        How closely they are followed: 0 not at all, 1 as a rule, more for nearly always.
    track, pickup, play_repeats, phrases
        As for :func:`.read_melody`.
    costs : Costs, optional
    noise : float array [take, bar, ...], optional
        Hear this instead of noise drawn from the seed, for as many takes; the ``noise`` of an
        :class:`Arrangement` has the shape of one.
    sober : int
        So many takes, the first ones, hear no noise.

    Returns
    -------
    list of Arrangement
        First the sober answers; then those with noise, the one that the search paid least for before the
        others. On validation chorales the sober one is nearest to Bach, and the price orders the others
        better than chance, which the critic's score does not (``pretrained/EXPERIMENTS.md``).

    Raises
    ------
    MelodyError
        If the file gives no melody, or its parts, bars or chords are not what was asked for.
    ValueError
        If ``takes`` is no positive number, ``creativity`` or ``closeness`` is negative, or the generator's
        output has another shape.
    """
    if takes < 1:
        raise ValueError(f"takes={takes}; ask for at least one")
    for name, value in (("creativity", creativity), ("closeness", closeness)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name}={value}; give 0 or more, as a rule up to 2")
    if generator is None:
        generator = load_shipped_generator()
    voices = count_voices(generator)
    parts = read_parts(melody, keep, track, pickup, play_repeats, phrases, voices, chords)
    tune = parts.tune
    place = voice_of(without_rests(tune.grid), voices) if parts.place is None else parts.place
    given = {**parts.parts, place: tune}
    grid, onset = _lay_out(given, voices)
    kept = np.zeros(grid.shape, bool)
    kept[:, list(given)] = True
    if redo is not None or redo_voices is not None:
        free = _cells(tune, redo, redo_voices, grid.shape)
        free[:, place] = False
        kept &= ~free
    setting = how_heard(tune, place, voices, len(grid), generator)
    sung = harmonize_given(
        generator,
        fill_rests(grid, kept),
        takes,
        seed,
        critic,
        creativity,
        costs,
        noise=noise,
        sober=sober,
        chords=_wanted(parts.chords, closeness, len(grid)),
        **setting,
    )
    report = (*parts.report, *_describe(tune, place, voices, generator, setting))
    arrangements = []
    for take in sung:
        written = _unite(take, grid, onset, kept, place, setting["phase"])
        arrangements.append(
            Arrangement(
                *written,
                melody=tune,
                scores=take.scores,
                report=report,
                place=place,
                noise=take.noise,
                kept=kept,
                parts={voice: part for voice, part in given.items() if voice != place},
                chords=parts.chords,
                closeness=closeness,
            )
        )
    first = 0 if noise is not None else min(sober, takes)
    paid = sorted(arrangements[first:], key=lambda arrangement: arrangement.scores["price"])
    return arrangements[:first] + paid


def redo(arrangement, bars=None, voices=None, seed=0, creativity=CREATIVITY, generator=None, costs=None):
    """Write some bars of some voices anew, and leave everything else as it is.

    Parameters
    ----------
    arrangement : Arrangement
    bars : optional
        As for :func:`.find_bars`; by default all.
    voices : str or sequence of str, optional
        Their names; by default all that were not given. A given one is redone if it is named, but for the
        melody.
    seed, creativity, generator, costs
        As for :func:`harmonize_takes`.

    Returns
    -------
    Arrangement
        Its ``previous`` is the one that was redone.

    Raises
    ------
    MelodyError
        If there are no such bars or voices, or nothing of them may be written anew.
    """
    free = _cells(arrangement.melody, bars, voices, arrangement.grid.shape)
    if voices is None:
        free &= ~arrangement.given
    free[:, arrangement.place] = False
    if not free.any():
        raise MelodyError(
            source_of(arrangement.melody),
            "nothing there may be written anew: the melody stays, and so does what was given",
            "Name bars and voices that the program wrote, or a given voice by its name",
        )
    return _rewrite(
        arrangement, arrangement.grid, arrangement.onset, free, seed, creativity, generator, costs
    )


def change(arrangement, voice, at, pitch, generator=None, costs=None):
    """Change one note, keep it, and let the other voices around it follow.

    Parameters
    ----------
    arrangement : Arrangement
    voice : str
        Its name.
    at : str
        Where the note sounds: "bar:beat".
    pitch : int or str
        A MIDI number or a name such as "F#4".
    generator, costs
        As for :func:`harmonize_takes`.

    Returns
    -------
    Arrangement
        The note is among what is ``kept`` from now on. Voices that were not given may change from the beat
        before the note to the beat after it.

    Raises
    ------
    MelodyError
        If there is no such voice, place or note, or if it is one of the melody's.
    """
    column = voice_number(voice, arrangement.grid.shape[1], "voice")
    if column == arrangement.place:
        reason, advice = "the melody is its owner's", "Change it in its file and arrange it again"
        raise MelodyError(source_of(arrangement.melody), reason, advice)
    line, struck = arrangement.grid[:, column], arrangement.onset[:, column]
    first, last, _ = find_note(arrangement.melody, line, struck, at)
    grid, onset = arrangement.grid.copy(), arrangement.onset.copy()
    number = pitch_number(pitch)
    if number is None:
        reason, advice = f"{shown(pitch)} is no pitch", "Give a MIDI number or a name such as F#4"
        raise MelodyError(source_of(arrangement.melody), reason, advice)
    grid[first:last, column] = number
    onset[first, column] = True
    free = ~arrangement.given
    free[: max(0, first - STEPS_PER_BEAT)] = free[last + STEPS_PER_BEAT :] = False
    free[first:last, column] = False
    changed = _rewrite(arrangement, grid, onset, free, 0, 0.0, generator, costs)
    changed.kept[first:last, column] = True
    if column in arrangement.parts:
        part = _with_pitch(arrangement.parts[column], first, number)
        changed = replace(changed, parts={**arrangement.parts, column: part})
    return changed


class Take(NamedTuple):
    """What :func:`harmonize_given` gives.

    Attributes
    ----------
    grid : int8 array [step, voice]
        From the top.
    scores : dict of str to float
        As in :class:`Arrangement`.
    noise : float32 array [bar, ...]
        That the generator heard.
    """

    grid: np.ndarray
    scores: dict
    noise: np.ndarray


def harmonize_given(
    generator,
    given,
    takes=1,
    seed=0,
    critic=None,
    creativity=CREATIVITY,
    costs=None,
    *,
    tune=0,
    heard=None,
    phase=None,
    octaves=0,
    semitones=0,
    noise=None,
    sober=0,
    phrase_ends=(),
    key=None,
    bars=None,
    whole=False,
    chords=None,
):
    """Write what is not given: the core of :func:`harmonize_takes`.

    A take hears its own noise. A network that does not answer alike in every key is asked in several, with
    the same noise; the geometric mean of its probabilities is what the search goes by.

    Parameters
    ----------
    generator, takes, seed, critic, creativity, costs, noise, sober
        As in :func:`harmonize_takes`.
    given : int array [step, voice]
        MIDI pitches from the top, without rests; REST where the voices are to be written.
    tune : int
        Which voice is the melody.
    heard : int array [step], optional
        The model's step at which it hears each step, ascending; see
        :func:`.hear_in_common_time`. By default what is given begins with a bar of 4/4.
    phase : int array [step], optional
        Which sixteenth of a beat each step is; by default that of ``heard``.
    octaves, semitones : int
        How much higher the model hears the melody. The semitones move all that is given, and the voices are
        brought back. The octaves move the melody alone, and the voices are not brought back.
    phrase_ends, key, bars, whole, chords
        As for :func:`.search.decode`. By default the key is guessed and bars are the model's.

    Returns
    -------
    list of Take
    """
    given = np.asarray(given)
    steps, voices = given.shape
    to_hear = given.copy()
    to_hear[:, tune] = np.where(given[:, tune] == REST, REST, given[:, tune] + OCTAVE * octaves)
    keys = [semitones + key for key in keys_to_ask_in(generator)]
    heard = np.arange(steps) if heard is None else heard
    phase = heard % STEPS_PER_BEAT if phase is None else phase
    key = key or find_key_of_melody(given[:, tune])
    bars = np.flatnonzero(heard % STEPS_PER_BAR == 0) if bars is None else bars
    source = heard_steps(heard, input_shapes(generator)[0])
    sober = min(sober, takes)
    spare = count_spare(takes - sober) if noise is None and creativity else 0
    noise = _checked_noise(
        noise, generator, takes + spare, seed, len(source) // STEPS_PER_BAR, creativity, sober
    )
    free = [voice for voice in range(voices) if (given[:, voice] == REST).any()]
    # A slice is no copy, which counts in an hour of music.
    at = slice(steps) if np.array_equal(heard, np.arange(steps)) else heard

    def ask(noise):
        if not tune or hears_any_part(generator):
            return propose_probabilities(generator, to_hear[source], noise, keys, free)[:, at]
        soprano = to_hear[source][:, [tune]]
        below = propose_probabilities(generator, soprano, noise, keys, range(1, voices))[:, at]
        around = np.stack([move_around(one, given[:, tune], tune) for one in below])
        return around[:, :, np.isin(np.delete(np.arange(voices), tune), free)]

    if tune:
        costs = replace(costs or Costs(), crossing=CROSSING_THE_TUNE)
    fixed = given if tune else to_hear  # a melody that is no soprano's is set to where the voices sing

    def one_take(probability):
        of_all = np.zeros((steps, voices, PITCHES), np.float32)
        of_all[:, free] = probability
        return decode(
            of_all,
            fixed,
            costs,
            phase=phase,
            tune=tune,
            phrase_ends=phrase_ends,
            key=key,
            bars=bars,
            whole=whole,
            chords=chords,
        )

    found = []
    with ThreadPoolExecutor(max_workers=2) as pool:  # NumPy lets go of Python's lock
        for first in range(0, len(noise), HEARD_AT_ONCE):
            found.extend(pool.map(one_take, ask(noise[first : first + HEARD_AT_ONCE])))
    sung = [Take(grid, {"price": price}, own) for (grid, price), own in zip(found, noise, strict=True)]
    if spare:
        sung[sober:] = _chosen(sung, sober, takes - sober, bars, creativity)
    if critic is not None:
        shown = [np.where(take.grid == REST, REST, take.grid + semitones)[source] for take in sung]
        hidden = to_hear[source] == REST
        for take, score in zip(sung, critic_scores(critic, shown, hidden), strict=True):
            take.scores["critic"] = score
    return sung


def _chosen(sung, sober, keep, bars, creativity):
    """Choose among the takes with noise; one that sings what another did comes after all others."""
    others, heard = sung[sober:], {take.grid.tobytes() for take in sung[:sober]}
    prices = []
    for take in others:
        notes = take.grid.tobytes()
        prices.append(take.scores["price"] + REPEATED * (notes in heard))
        heard.add(notes)
    roots = np.stack([roots_of_beats(take.grid, bars) for take in others])
    return [others[number] for number in choose(prices, roots, keep, creativity)]


def _checked_noise(noise, generator, takes, seed, bars, creativity, sober):
    """Draw noise, or see that what is to be heard again has the right shape."""
    if noise is None:
        return draw_takes(generator, takes, seed, bars, creativity, sober)
    expected = (bars, *input_shapes(generator)[1])
    if np.ndim(noise) != 1 + len(expected) or noise.shape[1:] != expected:
        wanted = ", ".join(map(str, expected))
        raise ValueError(f"noise has the shape {np.shape(noise)}; this song needs (takes, {wanted})")
    return noise


def _cells(melody, bars, voices, shape):
    """Find the cells of some bars of some voices, by default of all: bool [step, voice]."""
    cells = np.ones(shape, bool)
    if bars is not None:
        cells &= find_bars(melody, bars, len(cells))[:, None]
    if voices is not None:
        names = voices.replace(",", " ").split() if isinstance(voices, str) else voices
        numbers = [voice_number(name, shape[1], "voices") for name in names]
        cells &= np.isin(np.arange(shape[1]), numbers)
    return cells


def _lay_out(given, voices):
    """Write the given parts as a grid, int8 [step, voice], and their onsets; REST where there is none."""
    steps = len(next(iter(given.values())).grid)
    grid, onset = np.full((steps, voices), REST, np.int8), np.zeros((steps, voices), bool)
    for voice, part in given.items():
        grid[:, voice], onset[:, voice] = part.grid, part.onset
    return grid, onset


def fill_rests(grid, kept):
    """Tell the network and the search what is kept, its rests filled.

    Parameters
    ----------
    grid : int array [step, voice]
        MIDI pitches, REST.
    kept : bool array [step, voice]

    Returns
    -------
    int array [step, voice]
        REST where nothing is kept, and nowhere else: a voice holds its note through a rest.
    """
    given = np.full(grid.shape, REST, np.int64)
    for voice in np.flatnonzero((kept & (grid != REST)).any(axis=0)):
        given[:, voice] = np.where(kept[:, voice], without_rests(grid[:, voice]), REST)
    return given


def how_heard(tune, place, voices, steps, generator):
    """Say how the model is to hear a song.

    Parameters
    ----------
    tune : Melody
    place, voices, steps : int
        Which voice it is, of how many; how long the song is.
    generator : callable

    Returns
    -------
    dict
        Options of :func:`harmonize_given`.
    """
    line = without_rests(tune.grid)
    as_soprano = not hears_any_part(generator)
    octaves, semitones = way_to_range(line, *(VOICE_RANGES[0] if as_soprano else voice_ranges(voices)[place]))
    heard = hear_in_common_time(tune.meters, tune.pickup, steps, tune.bars)
    return {
        "tune": place,
        "heard": heard,
        "phase": phases(tune, heard),
        "octaves": octaves,
        "semitones": semitones,
        "phrase_ends": last_notes(tune.onset, tune.phrase_ends),
        "key": find_key_of_melody(tune.grid, tune.keys[0].sharps),
        "bars": bar_lines(tune.meters, tune.pickup, steps, tune.bars),
        "whole": True,
    }


def last_notes(onset, phrase_ends):
    """List where the last note of each phrase begins and ends.

    Parameters
    ----------
    onset : bool array [step]
        Where the notes of the melody begin.
    phrase_ends : sequence of int
        Where the last notes of its phrases begin. The song's last note is one in any case.

    Returns
    -------
    int array [phrase, 2]
        Steps; a note lasts until the next one.
    """
    begins = np.flatnonzero(onset)
    last = np.isin(begins, phrase_ends)
    last[-1:] = True
    end = np.append(begins[1:], len(onset))[: len(begins)]
    return np.column_stack([begins, end])[last]


def _silent(grid, kept):
    """Where all that is given is silent for so long that the other voices rest too: bool [step]."""
    edges = np.flatnonzero(np.diff(((grid == REST) | ~kept).all(axis=1), prepend=False, append=False))
    silent = np.zeros(len(grid), bool)
    for start, end in edges.reshape(-1, 2):
        # Nobody plays before what is given does.
        silent[start:end] = start == 0 or end - start > LONGEST_BRIDGED_REST
    return silent


def _unite(take, grid, onset, kept, place, phase):
    """Set what was written beside what is kept, which is as it was before it was fitted to the model.

    Returns
    -------
    grid : int8 array [step, voice]
    onset : bool array [step, voice]
    """
    united = np.where(kept, grid, take.grid)
    united[_silent(grid, kept)[:, None] & ~kept] = REST
    begins = onsets_of(united)
    # Bach strikes a lower voice's note again at four of five beats where the melody begins a note, and
    # hardly ever elsewhere (measured on the validation chorales).
    again = (onset[:, place] & (phase == 0))[:, None]
    return united, (begins | np.where(kept, onset, again)) & (united != REST)


def _rewrite(arrangement, grid, onset, free, seed, creativity, generator, costs):
    """Write the free cells of an arrangement anew: Arrangement."""
    generator = generator or load_shipped_generator()
    melody, place, steps = arrangement.melody, arrangement.place, len(grid)
    setting = how_heard(melody, place, grid.shape[1], steps, generator)
    wanted = _wanted(arrangement.chords, arrangement.closeness, steps)
    (take,) = harmonize_given(
        generator, fill_rests(grid, ~free), 1, seed, None, creativity, costs, chords=wanted, **setting
    )
    grid, onset = _unite(take, grid, onset, ~free, place, setting["phase"])
    return replace(
        arrangement,
        grid=grid,
        onset=onset,
        scores=take.scores,
        noise=take.noise,
        kept=arrangement.given & ~free,
        previous=arrangement,
    )


def _with_pitch(part, step, pitch):
    """Change the pitch of the note of a part that begins at a step: Melody."""
    starts = to_steps(np.array([note.start for note in part.notes]), part.ticks_per_beat)
    notes = (
        note._replace(pitch=pitch) if start == step else note
        for note, start in zip(part.notes, starts, strict=True)
    )
    return replace(part, notes=tuple(notes))


def _wanted(chords, closeness, steps):
    """Spread chords over the steps: WantedChords, or None."""
    return WantedChords(*chords_by_step(chords, steps), closeness) if chords else None


def _describe(tune, place, voices, generator, setting):
    """Say how the melody was placed: sentences."""
    as_soprano = not hears_any_part(generator)
    return describe_placement(tune, place, voices, setting["octaves"], setting["semitones"], as_soprano)
