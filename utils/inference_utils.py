"""A melody in, an arrangement out.

One path serves the lesson's functions, the command ``python -m utils.harmonize`` and your own songs: place
the melody where the model knows its way, run the generator over the whole of it, choose the voices
together (:mod:`utils.decode_utils`), and set them below the melody exactly as its owner wrote it.
"""

from __future__ import annotations

import functools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import mido
import numpy as np
import tensorflow as tf
from scipy.special import ndtr, ndtri

from utils import (
    dataset_utils,
    decode_utils,
    display_utils,
    melody_utils,
    meter_utils,
    midi_utils,
    path_utils,
    training_utils,
)
from utils.harmony_utils import OCTAVE, VOICE_RANGES
from utils.melody_utils import Melody
from utils.midi_utils import REST, STEPS_PER_BAR, STEPS_PER_BEAT, STEPS_PER_WINDOW

MIDI_ENDINGS, SCORE_ENDINGS = (".mid", ".midi"), (".musicxml", ".xml")  # of what can be written
NOISE_SHAPE = (8, 512)  # of the noise, per bar
CREATIVITY = 0.49  # how far takes stray from the likeliest voices, see decode_utils.decode
# Semitones to move a melody by: the generator hears it in several keys, its own first. More of them
# take time and change nothing (pretrained/EXPERIMENTS.md).
KEYS = (0, -1, 1, -2)
LONGEST_BRIDGED_REST = STEPS_PER_BAR - 1  # the voices rest only where the melody is silent for longer
# A long song is heard in pieces. A generator with four halvings hears no further than four bars, so pieces
# that overlap by that much give what one pass would.
PIECE = 48 * STEPS_PER_BAR
OVERLAP = 4 * STEPS_PER_BAR
JUDGED_AT_ONCE = 64  # windows
TRIPLET_PHASES = (0, 1, 1, 1)  # in a beat of triplets the voices move with the beat or not at all


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A melody with voices below it.

    Attributes
    ----------
    grid : int8 array [step, voice]
        MIDI pitches, -1 = rest; voice 0 is the melody.
    onset : bool array [step, voice]
    melody : Melody
        As its owner wrote it.
    scores : dict of str to float
        ``price``: what the decoder paid per step, lower is better. ``critic``: the critic's score,
        higher is better, if there was one to ask.
    report : tuple of str
        What was done to read and to place the melody, a sentence each.
    """

    grid: np.ndarray
    onset: np.ndarray
    melody: Melody
    scores: dict
    report: tuple = ()

    @property
    def bars(self):
        """Steps where bars begin: int array [bar]."""
        return meter_utils.bar_lines(self.melody.meters, self.melody.pickup, len(self.grid))

    def write(self, path, programs=None, tempo=None):
        """Write a MIDI file or a score: the owner's melody as it is, then the other voices.

        Parameters
        ----------
        path : str or Path
            ``.mid`` or ``.midi``; ``.musicxml`` or ``.xml`` for a score.
        programs : sequence of int, optional
            General MIDI programs, 0..127, one a voice. By default the melody keeps its own and the others are
            pianos.
        tempo : float, optional
            Quarter notes per minute throughout, in place of the melody's own tempi.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            For another ending, or if there is not one possible program a voice.
        """
        ending = Path(path).suffix.lower()
        voices = self.grid.shape[1]
        programs = programs or [self.melody.program] + [0] * (voices - 1)
        if len(programs) != voices or not all(0 <= program < 128 for program in programs):
            raise ValueError(f"programs={programs}; give {voices} numbers in 0..127, one a voice")
        names = [self.melody.track, *midi_utils.voice_names(voices)[1:]]
        if ending in SCORE_ENDINGS:
            return self._write_score(path, names, programs, tempo)
        if ending not in MIDI_ENDINGS:
            known = ", ".join((*MIDI_ENDINGS, *SCORE_ENDINGS))
            raise ValueError(f"Cannot write {path}: the ending is {ending!r}, expected one of {known}.")
        # Where a beat has no whole number of ticks for each sixteenth, count in finer ticks.
        finer = math.lcm(self.melody.ticks_per_beat, STEPS_PER_BEAT) // self.melody.ticks_per_beat
        if finer * self.melody.ticks_per_beat > midi_utils.MOST_TICKS_PER_BEAT:
            finer = 1  # so fine already that nobody hears the rest
        ticks_per_beat = finer * self.melody.ticks_per_beat
        conductor = [message.copy(time=finer * message.time) for message in self._conductor(tempo)]
        own = [note._replace(start=finer * note.start, end=finer * note.end) for note in self.melody.notes]
        lower = [
            midi_utils.grid_to_ticks(self.grid[:, voice], self.onset[:, voice], ticks_per_beat)
            for voice in range(1, voices)
        ]
        tracks = list(zip(names, programs, [own, *lower], strict=True))
        return midi_utils.write_tracks(path, tracks, conductor, ticks_per_beat)

    def _conductor(self, tempo):
        own = self.melody.conductor
        if tempo is None:
            return own
        set_tempo = mido.MetaMessage("set_tempo", tempo=midi_utils.tempo_of(tempo))
        return (set_tempo, *(message for message in own if message.type != "set_tempo"))

    def _write_score(self, path, names, programs, tempo):
        from utils import score_utils  # here, because music21 takes a second that MIDI need not wait for

        melody, ticks = self.melody, self.melody.ticks_per_beat
        parts = [(names[0], programs[0], melody_utils.notated(melody))]
        for voice in range(1, len(names)):
            notes = midi_utils.grid_to_notes(self.grid[:, voice], self.onset[:, voice])
            in_beats = [
                (Fraction(start, STEPS_PER_BEAT), Fraction(end, STEPS_PER_BEAT), pitch)
                for start, end, pitch in notes
            ]
            parts.append((names[voice], programs[voice], in_beats))
        tempi = [
            (Fraction(message.time, ticks), midi_utils.MICROSECONDS_PER_MINUTE / message.tempo)
            for message in self._conductor(tempo)
            if message.type == "set_tempo"
        ]
        return score_utils.write_musicxml(path, parts, melody.meters, tempi or [(0, 120.0)], melody.pickup)


def harmonize(melody, takes=8, seed=0, creativity=CREATIVITY, generator=None, critic=None, **options):
    """Set voices below a melody and return the best of several takes.

    Parameters and errors as in :func:`harmonize_takes`.

    Returns
    -------
    Arrangement
    """
    return harmonize_takes(melody, takes, seed, creativity, generator, critic, **options)[0]


def harmonize_takes(
    melody,
    takes=8,
    seed=0,
    creativity=CREATIVITY,
    generator=None,
    critic=None,
    *,
    track=None,
    pickup=None,
    costs=None,
):
    """Set voices below a melody, several times.

    Parameters
    ----------
    melody : str, Path, Melody, music21 stream, or sequence of (pitch, beats)
        A MIDI or MusicXML file or whatever else :func:`utils.melody_utils.read_melody` reads.
    takes : int
    seed : int
        A take depends on ``seed`` and its number alone.
    creativity : float
        How far takes stray from the likeliest voices, at least 0; see :func:`utils.decode_utils.decode`.
    generator : callable, optional
        ``generator((melody, noise), training=False)`` with piano rolls ``melody [sample, step,
        pitch=128, 1]`` and noise ``[sample, step / 16, 8, 512]`` gives ``[sample, step, pitch=128,
        voice]`` in [-1, 1]. A Keras model built for any number of steps takes the song in one
        pass; any other callable gets it in windows, of the model's length if it tells, else of two
        bars. By default the shipped one, and with it the shipped critic.
    critic : callable, optional
        ``critic((rolls, melody), training=False)`` over windows of two bars gives one score a
        window, higher is better. The score of a take is the mean.
    track, pickup
        As for :func:`utils.melody_utils.read_melody`.
    costs : decode_utils.Costs, optional

    Returns
    -------
    list of Arrangement
        The best first by the critic's score, or, without a critic, by the decoder's price.

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
        melody = melody_utils.read_melody(melody, track, pickup)
    if generator is None:
        generator, shipped_critic = load_shipped()
        critic = critic or shipped_critic
    line, octaves = _as_soprano(melody.grid)
    heard = meter_utils.hear_in_common_time(melody.meters, melody.pickup, len(line))
    phase = _phases(melody, heard)
    sung = sing(generator, line, takes, seed, critic, creativity, costs, heard=heard, phase=phase)
    report = (*melody.report, *_told(melody, octaves))
    arrangements = [_arrange(melody, grid, phase, scores, report) for grid, scores in sung]
    # Prices rise and critics' scores fall from better to worse.
    return sorted(arrangements, key=lambda a: -a.scores["critic"] if critic else a.scores["price"])


@functools.cache
def load_shipped():
    """Load the shipped generator and critic, once: two keras.Model."""
    return tuple(
        training_utils.load_network(path_utils.PRETRAINED_DIR / f"{name}.npz")
        for name in ("generator", "critic")
    )


def sing(
    generator,
    line,
    takes=1,
    seed=0,
    critic=None,
    creativity=CREATIVITY,
    costs=None,
    keys=KEYS,
    heard=None,
    phase=None,
):
    """Set voices to a line that is as the model knows it: the core of :func:`harmonize_takes`.

    The network hears the line in several keys and proposes probabilities in each; their geometric mean
    is what the search goes by. Trained under transposition it should think the same in every key; where
    it does not, the vote evens out its slips.

    Parameters
    ----------
    generator, takes, seed, critic, creativity, costs
        As in :func:`harmonize_takes`.
    line : int array [step]
        MIDI pitches without rests.
    keys : sequence of int
        Semitones to move the line by.
    heard : int array [step], optional
        The model's step at which it hears each step, ascending; see
        :func:`utils.meter_utils.hear_in_common_time`. By default the line begins with a bar of 4/4.
    phase : int array [step], optional
        Which sixteenth of a beat each step is; by default that of ``heard``.

    Returns
    -------
    list of (grid, scores)
        A take each: int8 array [step, voice], and ``scores`` as in :class:`Arrangement`.
    """
    line = np.asarray(line)
    heard = np.arange(len(line)) if heard is None else heard
    phase = heard % STEPS_PER_BEAT if phase is None else phase
    # What the model hears between two steps of the song, and after the last, is the note before.
    window = _input_shapes(generator)[0] or STEPS_PER_WINDOW
    length = -(-(heard[-1] + 1) // math.lcm(window, STEPS_PER_WINDOW)) * math.lcm(window, STEPS_PER_WINDOW)
    source = np.maximum(np.searchsorted(heard, np.arange(length), side="right") - 1, 0)
    probability = _probabilities(generator, line[source], seed, keys)[heard]

    def one_take(take):
        rng = np.random.default_rng((seed, take))
        grid, price = decode_utils.decode(
            probability, line, costs, creativity=creativity, rng=rng, phase=phase
        )
        scores = {"price": price}
        if critic is not None:
            scores["critic"] = judge(critic, grid[source])
        return grid, scores

    with ThreadPoolExecutor(max_workers=2) as pool:  # NumPy lets go of Python's lock
        return list(pool.map(one_take, range(takes)))


def _probabilities(generator, line, seed, keys):
    """Ask the generator for the lower voices, in pieces if the line is long: float32 [step, voice, pitch]."""
    if _input_shapes(generator)[0] is not None or len(line) <= PIECE + 2 * OVERLAP:
        return decode_utils.vote(propose(generator, line, seed, keys))[:, 1:]
    answers = []
    for start in range(0, len(line), PIECE):
        first = max(0, start - OVERLAP)
        piece = propose(generator, line[first : start + PIECE + OVERLAP], seed, keys, first // STEPS_PER_BAR)
        answers.append(decode_utils.vote(piece)[start - first :][:PIECE, 1:])
    return np.concatenate(answers)


def propose(generator, line, seed=0, keys=(0,), bar=0):
    """Let the network alone set voices to a line, in one pass where it can.

    Parameters
    ----------
    generator : callable
        See :func:`harmonize_takes`.
    line : int array [step]
        MIDI pitches without rests that begin with a bar, a whole number of the generator's windows long.
    seed : int
        Of the noise, which differs from key to key and bar to bar.
    keys : sequence of int
        Semitones to move the line by.
    bar : int
        The number of the line's first bar in its song.

    Returns
    -------
    float32 array [key, step, pitch=128, voice] in [-1, 1]
        Moved back to where the line stands.

    Raises
    ------
    ValueError
        If the generator's output has another shape.
    """
    window, noise_shape = _input_shapes(generator)
    window = window or len(line)
    moved = np.clip(np.add.outer(keys, line), 0, midi_utils.PITCHES - 1)
    melody = midi_utils.grid_to_roll(moved.reshape(-1, window, 1))
    bars = range(bar, bar + len(line) // STEPS_PER_BAR)
    # Each bar's noise is its own, in whatever piece of the song it is heard.
    draws = [np.random.default_rng((seed, key % OCTAVE, number)) for key in keys for number in bars]
    noise = np.reshape([_noise(noise_shape, rng) for rng in draws], (len(melody), -1, *noise_shape))
    output = np.asarray(generator((melody, noise), training=False), np.float32)
    expected = melody.shape[:3]
    if output.shape[:3] != expected or output.ndim != 4 or output.shape[3] < 2:
        raise ValueError(
            f"the generator gave {output.shape}; expected {expected} (sample, step, pitch) and two or more "
            "voices"
        )
    output = output.reshape(len(keys), len(line), *output.shape[2:])
    # What leaves at one end of the 128 pitches comes back at the other, where no voice sings.
    return np.stack([np.roll(heard, -key, axis=1) for heard, key in zip(output, keys, strict=True)])


def judge(critic, grid):
    """Ask a critic for its mean score of the two-bar windows of a grid; higher is better.

    Parameters
    ----------
    critic : callable
        See :func:`harmonize_takes`.
    grid : int array [step, voice]
        A whole number of windows, beginning with a bar.

    Returns
    -------
    float
    """
    windows = grid.reshape(-1, STEPS_PER_WINDOW, grid.shape[-1])
    scores = []
    for first in range(0, len(windows), JUDGED_AT_ONCE):
        rolls = midi_utils.grid_to_roll(windows[first : first + JUDGED_AT_ONCE])
        scores.append(np.asarray(critic((rolls, rolls[..., :1]), training=False), np.float32).ravel())
    return float(np.mean(np.concatenate(scores)))


def load_melody_samples(n_sample=10, *, seed=0, path=dataset_utils.DATASET_DIR / "eval.npy"):
    """Draw held-out pieces and noise, the same ones for the same seed.

    Parameters
    ----------
    n_sample : int
    seed : int
    path : str or Path
        Piano rolls int8 [sample, step=32, pitch=128, track=4] in {-1, +1}.

    Returns
    -------
    sample_x : float32 array [sample, step=32, pitch=128, track=4]
    sample_z : float32 tensor [sample, bar=2, 8, 512]
        Standard normal, cut off at two standard deviations.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or holds no such rolls, or fewer than ``n_sample``.
    """
    rolls = dataset_utils.load_rolls(path)
    if not 0 < n_sample <= len(rolls):
        raise ValueError(
            f"n_sample={n_sample}, but {path} holds {len(rolls)} samples; choose 1..{len(rolls)}"
        )
    rng = np.random.default_rng(seed)
    sample_x = rolls[rng.choice(len(rolls), n_sample, replace=False)].astype(np.float32)
    sample_z = _noise((n_sample, STEPS_PER_WINDOW // STEPS_PER_BAR, *NOISE_SHAPE), rng)
    print(f"Loaded {n_sample} of {len(rolls)} samples from {path}, seed {seed}.")
    return sample_x, tf.constant(sample_z)


def generate_midi(generator, saveto_dir, input_midi_file="./input_twinkle_twinkle.mid", **options):
    """Accompany a whole song and write it as MIDI.

    Parameters
    ----------
    generator : callable
        See :func:`harmonize_takes`, as for ``options``.
    saveto_dir : str or Path
    input_midi_file : str or Path
    **options
        ``takes``, ``seed``, ``creativity``, ``critic``, ``track`` and so on.

    Returns
    -------
    Path
        ``<name of the input>_accompanied.mid`` in ``saveto_dir``.
    """
    target = Path(saveto_dir) / f"{Path(input_midi_file).stem}_accompanied.mid"
    return harmonize(input_midi_file, generator=generator, **options).write(target)


def show_generated_pianorolls(
    generator, eval_dir, input_midi_file="./input_twinkle_twinkle.mid", n_pr=4, **options
):
    """Draw several takes below one another, and write each as MIDI.

    Parameters
    ----------
    generator : callable
        See :func:`harmonize_takes`, as for ``options``.
    eval_dir : str or Path
        Gets ``<name of the input>_take-<n>.mid``, the best take first.
    input_midi_file : str or Path
    n_pr : int
        Number of takes.
    **options
        ``seed``, ``creativity``, ``critic``, ``track`` and so on.

    Returns
    -------
    matplotlib Figure
    """
    arrangements = harmonize_takes(input_midi_file, takes=n_pr, generator=generator, **options)
    figure, axes = plt.subplots(n_pr, squeeze=False, figsize=(11, 3.5 * n_pr), layout="constrained")
    plt.close(figure)  # so that Jupyter shows the answer once, not twice
    for number, (arrangement, ax) in enumerate(zip(arrangements, axes[:, 0], strict=True), start=1):
        arrangement.write(Path(eval_dir) / f"{Path(input_midi_file).stem}_take-{number}.mid")
        display_utils.draw_roll(
            arrangement.grid, arrangement.onset, ax, title=f"Take {number}", bars=arrangement.bars
        )
    return figure


def _input_shapes(generator):
    """Ask a generator for its window, None if any length will do, and its noise per bar."""
    shapes = getattr(generator, "input_shape", None)
    if shapes is None:
        return STEPS_PER_WINDOW, NOISE_SHAPE
    melody, noise = shapes
    return melody[1], tuple(noise[2:])


def _as_soprano(grid):
    """Make of a melody one that the model knows: int [step], and the octaves that it was moved by.

    Without rests, since Bach's sopranos hardly have any: the note before a rest is held, the first
    note begins at once. In the octave where most of it lies within the soprano's range.
    """
    sounding = np.flatnonzero(grid != REST)
    latest = np.searchsorted(sounding, np.arange(len(grid)), side="right") - 1
    line = grid[sounding[np.maximum(latest, 0)]].astype(np.int64)
    low, high = VOICE_RANGES[0]

    def outside(octaves):
        moved = line + OCTAVE * octaves
        return np.mean((moved < low) | (moved > high)), abs(octaves)

    octaves = min(range(-5, 6), key=outside)
    return np.clip(line + OCTAVE * octaves, 0, midi_utils.PITCHES - 1), octaves


def _phases(melody, heard):
    """Which sixteenth of a beat each step is for the search: int [step]."""
    phase = heard % STEPS_PER_BEAT
    if melody.triplet is None:
        return phase
    return np.where(melody.triplet, np.take(TRIPLET_PHASES, phase), phase)


def _told(melody, octaves):
    """Say how a melody was placed for the model."""
    if octaves:
        way = "up" if octaves > 0 else "down"
        yield (
            f"It lies outside a soprano's range: it was harmonised {abs(octaves)} octave"
            f"{'s' * (abs(octaves) > 1)} further {way} and stays where it is."
        )
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


def _noise(shape, rng):
    """Draw from a standard normal, cut off at two standard deviations, by its inverse: float32."""
    return ndtri(rng.uniform(ndtr(-2), ndtr(2), shape)).astype(np.float32)


def _arrange(melody, grid, phase, scores, report):
    """Set the decoded voices below the melody as it was before it was fitted to the model."""
    grid = grid.copy()
    grid[:, 0] = melody.grid
    grid[_long_rests(melody.grid), 1:] = REST
    onset = midi_utils.onsets_of(grid)
    # Bach strikes a lower voice's note again at four of five beats where the melody begins a note, and
    # hardly ever elsewhere (measured on the validation chorales).
    onset[:, 1:] |= (melody.onset & (phase == 0))[:, None] & (grid[:, 1:] != REST)
    onset[:, 0] = melody.onset
    return Arrangement(grid, onset, melody, scores, report)
