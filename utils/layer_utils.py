"""Keras layers that the lesson names but does not write out."""

from .networks.heads import harden, output_head
from .networks.layers import BatchNormalization, LeakyReLU, UpsampleConv2D, VoiceSoftmax

__all__ = ["BatchNormalization", "LeakyReLU", "UpsampleConv2D", "VoiceSoftmax", "harden", "output_head"]
