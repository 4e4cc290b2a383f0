"""What networks are given of the music: one track, or any cells of all tracks."""

from __future__ import annotations

import numpy as np

GENERATOR_INPUTS, CRITIC_INPUTS = ("given", "noise"), ("rolls", "given")


def hears_any_part(network, inputs=GENERATOR_INPUTS):
    """Tell whether a network may be given any part of the music, or one track alone.

    Parameters
    ----------
    network : callable
        What is no Keras model is taken for one of the old lesson's: it knows a melody.
    inputs : tuple of str
        ``GENERATOR_INPUTS`` or ``CRITIC_INPUTS``.

    Returns
    -------
    bool
    """
    shapes = getattr(network, "input_shape", None)
    return shapes is not None and shapes[inputs.index("given")][-1] > 1


def write_given(rolls, known, any_part, track=0):
    """Write what is known of some music as a network is given it.

    Parameters
    ----------
    rolls : array [..., step, pitch, track] in {-1, +1}
    known : bool array, broadcast to [..., step, track]
        What is given to a network that takes any part.
    any_part : bool
        As :func:`hears_any_part` says.
    track : int
        Which one is given to a network that takes one, known or not.

    Returns
    -------
    array [..., step, pitch, track or 1] in {-1, 0, +1}
        0 where nothing is given.
    """
    if not any_part:
        return rolls[..., track, None]
    return np.where(np.asarray(known)[..., None, :], rolls, 0).astype(rolls.dtype)
