"""A melody in, an arrangement out.

One path serves the lesson's functions and your own songs: fit the melody to the model, run the
generator over the whole of it, choose the voices together (:mod:`utils.decode_utils`), and set them
below the melody exactly as its owner wrote it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from scipy.stats import truncnorm

from utils import dataset_utils, decode_utils, display_utils, midi_utils
from utils.harmony_utils import OCTAVE, VOICE_RANGES
from utils.midi_utils import REST, STEPS_PER_BAR, STEPS_PER_BEAT, STEPS_PER_WINDOW, VOICES, Melody

NOISE_SHAPE = (8, 512)  # of the noise, per bar
CREATIVITY = 0.49  # how far takes stray from the likeliest voices, see decode_utils.decode
# Semitones to move a melody by: the generator hears it in every key, its own first.
KEYS = tuple(sorted(dataset_utils.TRANSPOSITIONS, key=abs))
LONGEST_BRIDGED_REST = STEPS_PER_BAR - 1  # the voices rest only where the melody is silent for longer


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A melody with three voices below it.

    Attributes
    ----------
    grid : int8 array [step, voice=4]
        MIDI pitches, -1 = rest; voice 0 is the melody.
    onset : bool array [step, voice=4]
    melody : Melody
        As its owner wrote it.
    scores : dict of str to float
        ``price``: what the decoder paid per step, lower is better. ``critic``: the critic's score,
        higher is better, if there was one to ask.
    """

    grid: np.ndarray
    onset: np.ndarray
    melody: Melody
    scores: dict

    def write(self, path):
        """Write a MIDI file: the owner's melody to the tick, then alto, tenor and bass.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path
        """
        # Where a beat has no whole number of ticks for each sixteenth, count in finer ticks.
        finer = math.lcm(self.melody.ticks_per_beat, STEPS_PER_BEAT) // self.melody.ticks_per_beat
        ticks_per_beat = finer * self.melody.ticks_per_beat
        conductor = [message.copy(time=finer * message.time) for message in self.melody.conductor]
        own = [note._replace(start=finer * note.start, end=finer * note.end) for note in self.melody.notes]
        tracks = [(self.melody.track, self.melody.program, own)]
        for voice, name in enumerate(VOICES[1:], start=1):
            notes = midi_utils.grid_to_ticks(self.grid[:, voice], self.onset[:, voice], ticks_per_beat)
            tracks.append((name, self.melody.program, notes))
        return midi_utils.write_tracks(path, tracks, conductor, ticks_per_beat)


def harmonize(generator, melody, takes=1, seed=0, critic=None, creativity=CREATIVITY, costs=None):
    """Set three voices below a melody and return the best of several takes.

    Parameters and errors as in :func:`harmonize_takes`.

    Returns
    -------
    Arrangement
    """
    return harmonize_takes(generator, melody, takes, seed, critic, creativity, costs)[0]


def harmonize_takes(generator, melody, takes=1, seed=0, critic=None, creativity=CREATIVITY, costs=None):
    """Set three voices below a melody, several times.

    Parameters
    ----------
    generator : callable
        ``generator((melody, noise), training=False)`` with piano rolls ``melody [sample, step,
        pitch=128, 1]`` and noise ``[sample, step / 16, 8, 512]`` gives ``[sample, step, pitch=128,
        voice=4]`` in [-1, 1]. A Keras model built for any number of steps takes the song in one
        pass; any other callable gets it in windows, of the model's length if it tells, else of two
        bars.
    melody : Melody, str or Path
        A melody or the name of its MIDI file.
    takes : int
    seed : int
        A take depends on ``seed`` and its number alone.
    critic : callable, optional
        ``critic((rolls, melody), training=False)`` over windows of two bars gives one score a
        window, higher is better. The score of a take is the mean.
    creativity : float
        How far takes stray from the likeliest voices; see :func:`utils.decode_utils.decode`.
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
        If ``takes`` is no positive number or the generator's output has another shape.
    """
    if takes < 1:
        raise ValueError(f"takes={takes}; ask for at least one")
    if not isinstance(melody, Melody):
        melody = midi_utils.read_melody(melody)
    line = _for_model(melody.grid, _input_shapes(generator)[0] or STEPS_PER_WINDOW)
    silent = _long_rests(melody.grid)
    sung = sing(generator, line, takes, seed, critic, creativity, costs)
    arrangements = [_arrange(melody, grid, silent, scores) for grid, scores in sung]
    # Prices rise and critics' scores fall from better to worse.
    return sorted(arrangements, key=lambda a: -a.scores["critic"] if critic else a.scores["price"])


def sing(generator, line, takes=1, seed=0, critic=None, creativity=CREATIVITY, costs=None, keys=KEYS):
    """Set voices to a line that is as the model knows it: the core of :func:`harmonize_takes`.

    The network hears the line in several keys and proposes probabilities in each; their geometric mean
    is what the search goes by. Trained under transposition it should think the same in every key; where
    it does not, the vote evens out its slips.

    Parameters
    ----------
    generator, takes, seed, critic, creativity, costs
        As in :func:`harmonize_takes`.
    line : int array [step]
        As in :func:`propose`.
    keys : sequence of int
        Semitones to move the line by.

    Returns
    -------
    list of (grid, scores)
        A take each: int8 array [step, voice=4], and ``scores`` as in :class:`Arrangement`.
    """
    probability = decode_utils.vote(propose(generator, line, seed, keys))[:, 1:]
    sung = []
    for take in range(takes):
        rng = np.random.default_rng((seed, take))
        grid, price = decode_utils.decode(probability, line, costs, creativity=creativity, rng=rng)
        scores = {"price": price}
        if critic is not None:
            scores["critic"] = judge(critic, grid)
        sung.append((grid, scores))
    return sung


def propose(generator, line, seed=0, keys=(0,)):
    """Let the network alone set voices to a line, in one pass where it can.

    Parameters
    ----------
    generator : callable
        See :func:`harmonize_takes`.
    line : int array [step]
        MIDI pitches without rests that begin with a bar, a whole number of the generator's windows long.
    seed : int
        Of the noise, which differs from key to key.
    keys : sequence of int
        Semitones to move the line by.

    Returns
    -------
    float32 array [key, step, pitch=128, voice] in [-1, 1]
        Moved back to where the line stands.

    Raises
    ------
    ValueError
        If the generator's output has another shape.
    """
    rng = np.random.default_rng(seed)
    window, noise_shape = _input_shapes(generator)
    window = window or len(line)
    heard = []
    for key in keys:
        moved = np.clip(np.add(line, key), 0, midi_utils.PITCHES - 1)
        melody = midi_utils.grid_to_roll(moved.reshape(-1, window, 1))
        noise = _noise((len(melody), window // STEPS_PER_BAR, *noise_shape), rng)
        output = np.asarray(generator((melody, noise), training=False), np.float32)
        expected = (*melody.shape[:3], len(VOICES))
        if output.shape != expected:
            raise ValueError(
                f"the generator gave {output.shape}; expected {expected} (sample, step, pitch, voice)"
            )
        # What leaves at one end of the 128 pitches comes back at the other, where no voice sings.
        heard.append(np.roll(output.reshape(-1, *output.shape[2:]), -key, axis=1))
    return np.stack(heard)


def judge(critic, grid):
    """Ask a critic for its mean score of the two-bar windows of a grid; higher is better.

    Parameters
    ----------
    critic : callable
        See :func:`harmonize_takes`.
    grid : int array [step, voice=4]
        A whole number of windows, beginning with a bar.

    Returns
    -------
    float
    """
    rolls = midi_utils.grid_to_roll(grid).reshape(-1, STEPS_PER_WINDOW, midi_utils.PITCHES, len(VOICES))
    return float(np.mean(np.asarray(critic((rolls, rolls[..., :1]), training=False), np.float32)))


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
        ``takes``, ``seed``, ``critic``, ``creativity``, ``costs``.

    Returns
    -------
    Path
        ``<name of the input>_accompanied.mid`` in ``saveto_dir``.
    """
    target = Path(saveto_dir) / f"{Path(input_midi_file).stem}_accompanied.mid"
    return harmonize(generator, input_midi_file, **options).write(target)


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
        ``seed``, ``critic``, ``creativity``, ``costs``.

    Returns
    -------
    matplotlib Figure
    """
    arrangements = harmonize_takes(generator, input_midi_file, takes=n_pr, **options)
    figure, axes = plt.subplots(n_pr, squeeze=False, figsize=(11, 3.5 * n_pr), layout="constrained")
    plt.close(figure)  # so that Jupyter shows the answer once, not twice
    for number, (arrangement, ax) in enumerate(zip(arrangements, axes[:, 0], strict=True), start=1):
        arrangement.write(Path(eval_dir) / f"{Path(input_midi_file).stem}_take-{number}.mid")
        display_utils.draw_roll(arrangement.grid, arrangement.onset, ax, title=f"Take {number}")
    return figure


def _input_shapes(generator):
    """Ask a generator for its window, None if any length will do, and its noise per bar."""
    shapes = getattr(generator, "input_shape", None)
    if shapes is None:
        return STEPS_PER_WINDOW, NOISE_SHAPE
    melody, noise = shapes
    return melody[1], tuple(noise[2:])


def _for_model(grid, multiple):
    """Make of a melody one that the model knows: int [step], a multiple of steps long.

    Without rests, since Bach's sopranos hardly have any: the note before a rest is held, the first
    note begins at once, the last one fills the last window. In the octave where most of it lies
    within the soprano's range.
    """
    sounding = np.flatnonzero(grid != REST)
    padded = -(-len(grid) // multiple) * multiple
    latest = np.searchsorted(sounding, np.arange(padded), side="right") - 1
    line = grid[sounding[np.maximum(latest, 0)]].astype(np.int64)
    low, high = VOICE_RANGES[0]

    def outside(octaves):
        moved = line + OCTAVE * octaves
        return np.mean((moved < low) | (moved > high)), abs(octaves)

    return np.clip(line + OCTAVE * min(range(-5, 6), key=outside), 0, midi_utils.PITCHES - 1)


def _long_rests(grid):
    """Where the melody is silent for so long that the other voices rest too: bool [step]."""
    edges = np.flatnonzero(np.diff(grid == REST, prepend=False, append=False))
    silent = np.zeros(len(grid), bool)
    for start, end in edges.reshape(-1, 2):
        # Nobody plays before the melody does.
        silent[start:end] = start == 0 or end - start > LONGEST_BRIDGED_REST
    return silent


def _noise(shape, rng):
    return truncnorm.rvs(-2, 2, size=shape, random_state=rng).astype(np.float32)


def _arrange(melody, grid, silent, scores):
    """Set the decoded voices below the melody as it was before it was fitted to the model."""
    grid = grid[: len(melody.grid)].copy()
    grid[:, 0] = melody.grid
    grid[silent, 1:] = REST
    onset = midi_utils.onsets_of(grid)
    # Bach strikes a lower voice's note again at four of five beats where the melody begins a note, and
    # hardly ever elsewhere (measured on the validation chorales).
    on_beat = np.arange(len(grid)) % STEPS_PER_BEAT == 0
    onset[:, 1:] |= (melody.onset & on_beat)[:, None]
    onset[:, 0] = melody.onset
    return Arrangement(grid, onset, melody, scores)
