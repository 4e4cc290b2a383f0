"""The generator's last layer, and what would be played of its output."""

from __future__ import annotations

import keras
import tensorflow as tf

from .layers import VoiceSoftmax

HEADS = ("tanh", "voice_softmax")


def output_head(name):
    """Choose the layer that turns the generator's last feature map into a piano roll.

    Parameters
    ----------
    name : {"tanh", "voice_softmax"}
        ``tanh`` decides every cell by itself, as the classic recipe does; ``voice_softmax`` lets the
        pitches of one voice compete.

    Returns
    -------
    keras.layers.Layer
        In float32, whatever the precision of the rest: [-1, +1] needs it.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    heads = {
        "tanh": lambda: keras.layers.Activation("tanh", dtype="float32", name="tanh"),
        "voice_softmax": lambda: VoiceSoftmax(dtype="float32", name="voice_softmax"),
    }
    if name not in heads:
        raise ValueError(f"Unknown output head {name!r}; choose one of {', '.join(heads)}.")
    return heads[name]()


def head_of(generator):
    """Name the head of a generator, also where silence is put around it.

    Parameters
    ----------
    generator : keras.Model

    Returns
    -------
    str
        ``tanh`` where no other is found, as in networks of other people.
    """
    found = [layer.name for layer in generator.layers if layer.name in HEADS]
    return found[-1] if found else HEADS[0]


def harden(rolls, head):
    """Decide every cell of a generator's output: what would really be played.

    Parameters
    ----------
    rolls : float tensor [sample, step, pitch, track] in [-1, +1]
    head : {"tanh", "voice_softmax"}
        ``tanh`` cells sound above 0, each by itself. Of a softmax the likeliest pitch sounds, even where
        it is less likely than all others together.

    Returns
    -------
    float32 array [sample, step, pitch, track] in {-1, +1}
    """
    if head == "tanh":
        return tf.where(rolls > 0, 1.0, -1.0).numpy()
    return tf.one_hot(tf.argmax(rolls, axis=2), rolls.shape[2], 1.0, -1.0, axis=2).numpy()
