"""Keras layers that the lesson names but does not write out."""

from .networks.heads import harden, output_head
from .networks.layers import BatchNormalization, LeakyReLU, UpsampleConv2D, VoiceSoftmax
from .networks.pitches import crop_noise, crop_pitches, pad_pitches

__all__ = [
    "BatchNormalization",
    "LeakyReLU",
    "UpsampleConv2D",
    "VoiceSoftmax",
    "crop_noise",
    "crop_pitches",
    "harden",
    "output_head",
    "pad_pitches",
]
