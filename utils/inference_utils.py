"""A melody in, an arrangement out: what the lesson and its ancestor call."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .arranger.arrangement import Arrangement
from .arranger.prices import without_prices
from .arranger.proposals import NOISE_SHAPE, draw_noise
from .arranger.takes import harmonize, harmonize_takes
from .corpus.roll_files import load_rolls
from .music.grid import STEPS_PER_BAR, STEPS_PER_WINDOW
from .networks.store import load_shipped
from .path_utils import DATASET_DIR
from .songs.melody import Melody, read_melody
from .songs.song import MelodyError
from .songs.typed import parse_notes

__all__ = [
    "Arrangement",
    "Melody",
    "MelodyError",
    "generate_midi",
    "harmonize",
    "harmonize_takes",
    "load_melody_samples",
    "load_shipped",
    "panel",
    "parse_notes",
    "read_melody",
    "show_generated_pianorolls",
    "without_prices",
]


def load_melody_samples(n_sample=10, *, seed=0, path=DATASET_DIR / "eval.npy"):
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
    import tensorflow as tf

    rolls = load_rolls(path)
    if not 0 < n_sample <= len(rolls):
        raise ValueError(
            f"n_sample={n_sample}, but {path} holds {len(rolls)} samples; choose 1..{len(rolls)}"
        )
    rng = np.random.default_rng(seed)
    sample_x = rolls[rng.choice(len(rolls), n_sample, replace=False)].astype(np.float32)
    sample_z = draw_noise((n_sample, STEPS_PER_WINDOW // STEPS_PER_BAR, *NOISE_SHAPE), rng)
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
    from .pictures.rolls import count_notes, draw_roll
    from .pictures.style import new_figure

    arrangements = harmonize_takes(input_midi_file, takes=n_pr, generator=generator, **options)
    figure = new_figure((11, 3.5 * n_pr), alt="Piano rolls of several takes, one below the other.")
    axes = figure.subplots(n_pr, squeeze=False)[:, 0]
    for number, (arrangement, ax) in enumerate(zip(arrangements, axes, strict=True), start=1):
        arrangement.write(Path(eval_dir) / f"{Path(input_midi_file).stem}_take-{number}.mid")
        draw_roll(arrangement.grid, arrangement.onset, ax, title=f"Take {number}", bars=arrangement.bars)
        figure.alt += f" Take {number}: {count_notes(arrangement.grid, arrangement.onset)}."
    return figure


def panel(generator=None):
    """Open a panel that harmonizes melodies: see :func:`.panel.panel.panel`."""
    from .panel.panel import panel as open_panel

    return open_panel(generator)
