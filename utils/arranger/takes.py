"""A melody in, an arrangement out.

One path serves the lesson's functions, the command ``python -m utils.harmonize`` and your own songs: place
the melody where the model knows its way, run the generator over the whole of it, choose the voices
together (:mod:`.search`), and set them below the melody exactly as its owner wrote it.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..music.grid import (
    PITCHES,
    REST,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    STEPS_PER_WINDOW,
    grid_to_roll,
    onsets_of,
    voice_names,
)
from ..music.keys import find_key_of_melody
from ..music.meter import bar_lines, hear_in_common_time, heard_steps
from ..music.theory import OCTAVE, VOICE_RANGES, voice_ranges
from ..networks.store import load_shipped_generator
from ..songs.melody import Melody, read_melody
from .arrangement import Arrangement
from .prices import Costs
from .proposals import (
    CREATIVITY,
    draw_takes,
    input_shapes,
    keys_to_ask_in,
    propose_probabilities,
)
from .search import decode

LONGEST_BRIDGED_REST = STEPS_PER_BAR - 1  # the voices rest only where the melody is silent for longer
JUDGED_AT_ONCE = 64  # windows
CROSSING_THE_TUNE = 12.0  # nats, where the melody is not the upper voice
ELSEWHERE = 0.1  # how likely a proposed pitch is in another octave, there
ACROSS = 1e-3  # and how likely on the other side of the melody
TRIPLET_PHASES = (0, 1, 1, 1)  # in a beat of triplets the voices move with the beat or not at all


def harmonize(
    melody,
    takes: int = 8,
    seed: int = 0,
    creativity: float = CREATIVITY,
    generator=None,
    critic=None,
    **options,
) -> Arrangement:
    """Set voices below a melody and return the best of several takes.

    Parameters and errors as in :func:`harmonize_takes`.

    Returns
    -------
    Arrangement
    """
    return harmonize_takes(melody, takes, seed, creativity, generator, critic, **options)[0]


def harmonize_takes(
    melody,
    takes: int = 8,
    seed: int = 0,
    creativity: float = CREATIVITY,
    generator=None,
    critic=None,
    *,
    track: int | str | None = None,
    pickup: float | None = None,
    play_repeats: bool = False,
    phrases=None,
    costs: Costs | None = None,
    noise=None,
) -> list[Arrangement]:
    """Set voices below a melody, several times.

    Parameters
    ----------
    melody : str, Path, Melody, music21 stream, or sequence of (pitch, beats)
        A MIDI or MusicXML file or whatever else :func:`.read_melody` reads.
    takes : int
    seed : int
        Of the noise. A take depends on it and on the take's number alone; the first take hears no noise.
    creativity : float
        Size of the noise that the generator hears, at least 0. At 0 there is one sober answer, at 1 takes
        differ as in training, and beyond it they make less and less sense.
    generator : callable, optional
        ``generator((melody, noise), training=False)`` with piano rolls ``melody [sample, step,
        pitch=128, 1]`` and noise ``[sample, step / 16, 8, 512]`` gives ``[sample, step, pitch=128,
        voice]`` in [-1, 1]. A Keras model built for any number of steps takes the song in one
        pass; any other callable gets it in windows, of the model's length if it tells, else of two
        bars. By default the shipped one.
    critic : callable, optional
        ``critic((rolls, melody), training=False)`` over windows of two bars gives one score a
        window, higher is better. The score of a take is the mean. Nobody is asked by default.
    track, pickup, play_repeats, phrases
        As for :func:`.read_melody`.
    costs : search.Costs, optional
    noise : float array [take, bar, ...], optional
        Hear this instead of noise drawn from the seed, for as many takes; the ``noise`` of an
        :class:`Arrangement` has the shape of one.

    Returns
    -------
    list of Arrangement
        First the sober answer, of a generator that hears no noise; then those with noise, the one that the
        search paid least for before the others. On validation chorales the sober one is nearest to Bach,
        and the price orders the others better than chance, which the critic's score does not
        (``pretrained/EXPERIMENTS.md``).

    Raises
    ------
    MelodyError
        If the file gives no melody.
    ValueError
        If ``takes`` is no positive number, ``creativity`` is negative, or the generator's output has
        another shape.
    """
    if takes < 1:
        raise ValueError(f"takes={takes}; ask for at least one")
    if not 0 <= creativity < math.inf:
        raise ValueError(f"creativity={creativity}; give 0 (the likeliest) or more, as a rule up to 2")
    if not isinstance(melody, Melody):
        melody = read_melody(melody, track, pickup, play_repeats, phrases)
    if generator is None:
        generator = load_shipped_generator()
    line = _without_rests(melody.grid)
    octaves, semitones = _way_to_soprano(line)
    heard = hear_in_common_time(melody.meters, melody.pickup, len(line), melody.bars)
    phase = _phases(melody, heard)
    sung = harmonize_line(
        generator,
        line,
        takes,
        seed,
        critic,
        creativity,
        costs,
        heard=heard,
        phase=phase,
        octaves=octaves,
        semitones=semitones,
        in_its_range=True,
        noise=noise,
        sober=1,
        phrase_ends=last_notes(melody.onset, melody.phrase_ends),
        key=find_key_of_melody(melody.grid, melody.keys[0].sharps),
        bars=bar_lines(melody.meters, melody.pickup, len(line), melody.bars),
        whole=True,
    )
    voices = sung[0].grid.shape[1]
    place = voice_of(line, voices)
    placed = _describe_placement(melody, place, voices, octaves, semitones)
    report = (*melody.report, *placed)
    arrangements = [_arrange(melody, take, phase, report, place) for take in sung]
    first = 0 if noise is not None else 1
    others = sorted(arrangements[first:], key=lambda arrangement: arrangement.scores["price"])
    return arrangements[:first] + others


class Take(NamedTuple):
    """What :func:`harmonize_line` gives.

    Attributes
    ----------
    grid : int8 array [step, voice]
        The line first and then the others from the top.
    scores : dict of str to float
        As in :class:`Arrangement`.
    noise : float32 array [bar, ...]
        That the generator heard.
    """

    grid: np.ndarray
    scores: dict
    noise: np.ndarray


def harmonize_line(
    generator,
    line,
    takes=1,
    seed=0,
    critic=None,
    creativity=CREATIVITY,
    costs=None,
    heard=None,
    phase=None,
    octaves=0,
    semitones=0,
    in_its_range=False,
    noise=None,
    sober=0,
    phrase_ends=(),
    key=None,
    bars=None,
    whole=False,
):
    """Set voices to a line without rests: the core of :func:`harmonize_takes`.

    A take hears its own noise. A network that does not answer alike in every key is asked in several, with
    the same noise; the geometric mean of its probabilities is what the search goes by.

    Parameters
    ----------
    generator, takes, seed, critic, creativity, costs, noise
        As in :func:`harmonize_takes`.
    line : int array [step]
        MIDI pitches without rests.
    heard : int array [step], optional
        The model's step at which it hears each step, ascending; see
        :func:`.hear_in_common_time`. By default the line begins with a bar of 4/4.
    phase : int array [step], optional
        Which sixteenth of a beat each step is; by default that of ``heard``.
    octaves, semitones : int
        How much higher the model hears the line. Of the semitones the voices are brought back; of the
        octaves they are not, unless the line is an inner or the lowest voice.
    in_its_range : bool
        Whether the line is the voice that :func:`voice_of` names, and not always the upper one.
    sober : int
        So many takes, the first ones, hear no noise.
    phrase_ends, key, bars, whole
        As for :func:`.search.decode`. By default the key is guessed and bars are the model's.

    Returns
    -------
    list of Take
    """
    line = np.asarray(line)
    # The songs of the exam have rests, which stay what they are.
    high = np.where(line == REST, REST, np.clip(line + OCTAVE * octaves, 0, PITCHES - 1))
    keys = [semitones + key for key in keys_to_ask_in(generator)]
    heard = np.arange(len(line)) if heard is None else heard
    phase = heard % STEPS_PER_BEAT if phase is None else phase
    key = key or find_key_of_melody(line)
    bars = np.flatnonzero(heard % STEPS_PER_BAR == 0) if bars is None else bars
    source = heard_steps(heard, input_shapes(generator)[0])
    if noise is None:
        bars_heard = len(source) // STEPS_PER_BAR
        noise = draw_takes(generator, takes, seed, bars_heard, creativity, sober)
    expected = (len(source) // STEPS_PER_BAR, *input_shapes(generator)[1])
    if np.ndim(noise) != 1 + len(expected) or noise.shape[1:] != expected:
        wanted = ", ".join(map(str, expected))
        raise ValueError(f"noise has the shape {np.shape(noise)}; this melody needs (takes, {wanted})")
    probability = propose_probabilities(generator, high[source], noise, keys)[:, heard]
    voices = 1 + probability.shape[2]
    place = voice_of(line, voices) if in_its_range else 0
    moved = np.zeros((len(probability), voices), int)
    if place:
        around = [_move_around(one, line, place) for one in probability]
        probability, moved[:, 1:] = map(np.stack, zip(*around, strict=True))
        costs = replace(costs or Costs(), crossing=CROSSING_THE_TUNE)

    def one_take(proposed):
        return decode(
            proposed,
            line if place else high,
            costs,
            phase=phase,
            place=place,
            phrase_ends=phrase_ends,
            key=key,
            bars=bars,
            whole=whole,
        )

    with ThreadPoolExecutor(max_workers=2) as pool:  # NumPy lets go of Python's lock
        found = list(pool.map(one_take, probability))
    sung = [Take(grid, {"price": price}, own) for (grid, price), own in zip(found, noise, strict=True)]
    if critic is not None:
        # As the model knows four voices: the line above them.
        known = [
            np.column_stack([high, (take.grid - by)[:, 1:]]) for take, by in zip(sung, moved, strict=True)
        ]
        answers = critic_scores(critic, [np.clip(grid + semitones, 0, PITCHES - 1)[source] for grid in known])
        for take, answer in zip(sung, answers, strict=True):
            take.scores["critic"] = answer
    return sung


def critic_scores(critic, grids):
    """Ask a critic for its mean score of the two-bar windows of each take; higher is better.

    Parameters
    ----------
    critic : callable
        See :func:`harmonize_takes`.
    grids : list of int array [step, voice]
        All of one length, a whole number of windows, beginning with a bar.

    Returns
    -------
    list of float
    """
    windows = np.stack(grids).reshape(-1, STEPS_PER_WINDOW, grids[0].shape[-1])
    scores = []
    for first in range(0, len(windows), JUDGED_AT_ONCE):
        rolls = grid_to_roll(windows[first : first + JUDGED_AT_ONCE])
        scores.append(np.asarray(critic((rolls, rolls[..., :1]), training=False), np.float32).ravel())
    return np.concatenate(scores).reshape(len(grids), -1).mean(axis=1).tolist()


def voice_of(line, voices):
    """Tell which voice sings a line: the one whose range holds it best, the higher one of two alike.

    Parameters
    ----------
    line : int array [step]
        MIDI pitches.
    voices : int
        At least 2.

    Returns
    -------
    int
        Counted from the top.
    """
    low, high = np.array(voice_ranges(voices)).T[..., None]
    outside = np.maximum(low - line, 0) + np.maximum(line - high, 0)
    return int(outside.mean(axis=1).argmin())


def _without_rests(grid):
    """Make of a melody a line without rests, since Bach's sopranos hardly have any: int [step].

    The note before a rest is held, the first note begins at once.
    """
    sounding = np.flatnonzero(grid != REST)
    latest = np.searchsorted(sounding, np.arange(len(grid)), side="right") - 1
    return grid[sounding[np.maximum(latest, 0)]].astype(np.int64)


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


def _way_to_soprano(line):
    """Find the smallest interval by which most of a line comes into the soprano's range.

    Returns
    -------
    octaves, semitones : int
        Their sum, upwards; at most half an octave of semitones.
    """
    low, high = VOICE_RANGES[0]

    def outside(interval):
        moved = line + interval
        return np.mean((moved < low) | (moved > high)), abs(interval)

    interval = min(range(-PITCHES // 2, PITCHES // 2 + 1), key=outside)
    octaves = round(interval / OCTAVE)
    return octaves, interval - OCTAVE * octaves


def _move_around(probability, line, place):
    """Move what was proposed for voices below a line by octaves, to where they surround it.

    Parameters
    ----------
    probability : float array [step, voice, pitch=128]
    line : int array [step]
    place : int
        How many voices go above the line.

    Returns
    -------
    float array [step, voice, pitch=128]
        Each pitch in other octaves too, less likely, so that a voice can make way for the line.
    int array [voice]
        Semitones that each voice was moved by.
    """
    ranges = np.delete(voice_ranges(1 + probability.shape[1]), place, axis=0)
    moved, intervals = np.empty_like(probability), []
    for voice, middle in enumerate(ranges.mean(axis=1)):
        usual = np.median(probability[:, voice].argmax(axis=-1))
        interval = OCTAVE * round((middle - usual) / OCTAVE)
        by_octave = [
            ELSEWHERE ** abs(octave) * np.roll(probability[:, voice], interval + OCTAVE * octave, axis=-1)
            for octave in (-1, 0, 1)
        ]
        across = np.sign(np.arange(PITCHES) - line[:, None]) == (-1 if voice < place else 1)
        moved[:, voice] = np.where(across, ACROSS, 1) * np.max(by_octave, axis=0)
        intervals.append(interval)
    return moved / moved.sum(axis=-1, keepdims=True), np.array(intervals)


def _phases(melody, heard):
    """Which sixteenth of a beat each step is for the search: int [step]."""
    phase = heard % STEPS_PER_BEAT
    if melody.triplet is None:
        return phase
    return np.where(melody.triplet, np.take(TRIPLET_PHASES, phase), phase)


def _describe_placement(melody, place, voices, octaves, semitones):
    """Say how a melody was placed for the model, and which voice it is."""
    parts = [(abs(octaves), "octave"), (abs(semitones), "semitone")]
    if octaves * semitones < 0:
        parts = [(abs(OCTAVE * octaves + semitones), "semitone")]
    interval = " and ".join(f"{count} {unit}{'s' * (count > 1)}" for count, unit in parts if count)
    way = "higher" if OCTAVE * octaves + semitones > 0 else "lower"
    if place:
        names = voice_names(voices)
        above, below = ", ".join(names[:place]), ", ".join(names[place + 1 :])
        yield (
            f"It has the range of the {names[place]} and is that voice here: {above} join above it"
            + (f", {below} below it. " if below else ". ")
            + f"The model, which knows melodies only as sopranos, heard it {interval} {way}."
        )
    elif interval:
        yield f"It lies outside a soprano's range: the model heard it {interval} {way}; it stays where it is."
    meters = list(dict.fromkeys(f"{meter.numerator}/{meter.denominator}" for meter in melody.meters))
    if meters != ["4/4"]:
        yield f"It is in {', '.join(meters)}; the model, which knows 4/4, hears it in bars of four beats."
    if melody.pickup:
        yield f"A pickup of {float(melody.pickup):g} beats comes before its first bar line."


def _long_rests(grid):
    """Where the melody is silent for so long that the other voices rest too: bool [step]."""
    edges = np.flatnonzero(np.diff(grid == REST, prepend=False, append=False))
    silent = np.zeros(len(grid), bool)
    for start, end in edges.reshape(-1, 2):
        # Nobody plays before the melody does.
        silent[start:end] = start == 0 or end - start > LONGEST_BRIDGED_REST
    return silent


def _arrange(melody, take, phase, report, place):
    """Set the decoded voices to the melody as it was before it was fitted to the model."""
    grid = take.grid.copy()
    grid[:, 0] = melody.grid
    grid[_long_rests(melody.grid), 1:] = REST
    onset = onsets_of(grid)
    # Bach strikes a lower voice's note again at four of five beats where the melody begins a note, and
    # hardly ever elsewhere (measured on the validation chorales).
    onset[:, 1:] |= (melody.onset & (phase == 0))[:, None] & (grid[:, 1:] != REST)
    onset[:, 0] = melody.onset
    return Arrangement(grid, onset, melody, take.scores, report, place, take.noise)
