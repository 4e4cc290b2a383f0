"""Keras layers that the lesson names but does not write out."""

from .networks.heads import harden, output_head
from .networks.layers import BatchNormalization, Dropout, KeepGiven, LeakyReLU, UpsampleConv2D, VoiceSoftmax
from .networks.registers import crop, pad

__all__ = [
    "BatchNormalization",
    "Dropout",
    "KeepGiven",
    "LeakyReLU",
    "UpsampleConv2D",
    "VoiceSoftmax",
    "crop",
    "harden",
    "output_head",
    "pad",
]
