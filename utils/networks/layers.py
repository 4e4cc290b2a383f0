"""Keras layers that the lesson names but does not write out.

Those with the names of Keras' own compute the same numbers, faster.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from ..music.grid import PITCHES


@keras.saving.register_keras_serializable("bach")
class UpsampleConv2D(keras.layers.Layer):
    """Double both axes by repetition, then convolve with a 4x4 kernel: in one cheap step.

    Repeating every cell and convolving is a linear map, so it can be done at low resolution: along one
    axis, the kernel (w0 w1 w2 w3) becomes (w0, w1 + w2, w3) for even cells and (w0 + w1, w2 + w3) for odd
    ones. In two dimensions that takes 25 multiplications where the plain way takes 64. The weights are
    those of the plain ``Conv2D``, in the same shapes.

    Parameters
    ----------
    filters : int
        Output channels.

    Call arguments
    --------------
    inputs : float tensor [sample, height, width, channel]

    Returns
    -------
    float tensor [sample, 2 * height, 2 * width, filters]
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape):
        """Create kernel [4, 4, channel, filters] and bias [filters], as ``Conv2D`` would."""
        self.kernel = self.add_weight(
            name="kernel", shape=(4, 4, input_shape[-1], self.filters), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, inputs):
        """Return the upsampled and convolved inputs."""
        taps = _low_resolution_taps(self.kernel)
        phases = tf.nn.conv2d(inputs, taps, 1, "SAME")
        return tf.nn.depth_to_space(phases, 2) + self.bias

    def compute_output_shape(self, input_shape):
        """Return (sample, 2 * height, 2 * width, filters)."""
        sample, height, width, _ = input_shape
        return (sample, height and 2 * height, width and 2 * width, self.filters)

    def get_config(self):
        """Return what builds this layer again."""
        return {**super().get_config(), "filters": self.filters}


def _low_resolution_taps(kernel):
    """Sum a kernel [4, 4, in, out] into [3, 3, in, 4 * out], one block of channels an output phase."""
    return tf.concat([taps for rows in _phases(kernel, 0) for taps in _phases(rows, 1)], axis=-1)


def _phases(kernel, axis):
    """Sum the four taps along one axis into the three that even cells need, and those of odd cells."""
    w0, w1, w2, w3 = tf.unstack(kernel, axis=axis)
    even = tf.stack([w0, w1 + w2, w3], axis)
    odd = tf.stack([tf.zeros_like(w0), w0 + w1, w2 + w3], axis)
    return even, odd


@keras.saving.register_keras_serializable("bach")
class Dropout(keras.layers.Layer):
    """Leave cells out at random while training (Srivastava et al. 2014), other ones for other noise.

    Keras' own counts its calls in a state of its own. Here the noise that the network is given decides, so
    a training that goes on from a checkpoint leaves out what it would have left out. And several takes of a
    melody lose the same cells, so that nothing but their noise makes them differ.

    Parameters
    ----------
    rate : float
        Share that is left out, 0..1 (exclusive). The others grow, so that their sum is expected to stay.
    takes : int
        So many times the same melodies stand in a batch, one after the other.
    number : int
        Of the layer: two of one network leave out different cells.

    Call arguments
    --------------
    inputs : (float tensor, float tensor)
        What to thin out, and the network's noise: two numbers or more.
    training : bool
        Otherwise nothing is left out.

    Returns
    -------
    float tensor
        As the first of the inputs.
    """

    def __init__(self, rate, takes=1, number=0, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.takes, self.number = rate, takes, number

    def call(self, inputs, training=False):
        """Return the thinned out inputs."""
        x, noise = inputs
        if not training or not self.rate:
            return x
        first = tf.cast(tf.reshape(noise, (-1,))[:2], tf.float32)
        seed = tf.random.experimental.stateless_fold_in(tf.bitcast(first, tf.int32), self.number)
        shape = tf.concat([tf.shape(x)[:1] // self.takes, tf.shape(x)[1:]], 0)
        kept = tf.repeat(tf.random.stateless_uniform(shape, seed)[None] >= self.rate, self.takes, axis=0)
        kept = tf.reshape(kept, tf.shape(x))
        return tf.where(kept, x / (1 - self.rate), 0)

    def compute_output_shape(self, input_shape):
        """Return the shape of the first of the inputs."""
        return input_shape[0]

    def get_config(self):
        """Return what builds this layer again."""
        return {**super().get_config(), "rate": self.rate, "takes": self.takes, "number": self.number}


@keras.saving.register_keras_serializable("bach")
class LeakyReLU(keras.layers.Layer):
    """Let positive numbers pass and make negative ones small.

    Its slope is one of two constants, so the slope's own derivative is nothing. Keras' layer hands a
    tensor of zeros back there, and a gradient penalty, which differentiates twice, then drags it through
    every convolution: two passes of six for no result. Here that path ends.

    Parameters
    ----------
    negative_slope : float

    Call arguments
    --------------
    inputs : float tensor of any shape
    """

    def __init__(self, negative_slope=0.2, **kwargs):
        super().__init__(**kwargs)
        self.negative_slope = negative_slope

    def call(self, inputs):
        """Return the inputs, times the negative slope where they are not positive."""
        one, slope = tf.ones((), inputs.dtype), tf.cast(self.negative_slope, inputs.dtype)
        return inputs * tf.stop_gradient(tf.where(inputs > 0, one, slope))

    def compute_output_shape(self, input_shape):
        """Return the input's shape."""
        return input_shape

    def get_config(self):
        """Return what builds this layer again."""
        return {**super().get_config(), "negative_slope": self.negative_slope}


@keras.saving.register_keras_serializable("bach")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer for channels in the last of four axes, computed by TensorFlow's fused operation.

    Where several replicas train together, they normalize by the whole batch, not each by its own part.

    Call arguments
    --------------
    inputs : float tensor [sample, height, width, channel]
    training : bool
        Normalize by this batch and update the moving statistics, or normalize by those.
    """

    def call(self, inputs, training=None, mask=None):
        """Return the normalized inputs."""
        training = bool(training and self.trainable)
        replica = tf.distribute.get_replica_context()
        if training and replica is not None and replica.num_replicas_in_sync > 1:
            return self._normalize_together(tf.cast(inputs, tf.float32), replica)
        nothing = tf.zeros((0,), tf.float32)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.cast(self.gamma, tf.float32),
            offset=tf.cast(self.beta, tf.float32),
            mean=nothing if training else self.moving_mean,
            variance=nothing if training else self.moving_variance,
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            # The fused operation estimates the variance of a population; Keras keeps that of the batch.
            cells = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance * (cells - 1) / cells)
        return outputs

    def _normalize_together(self, inputs, replica):
        # The mean first, then the variance around it: the mean of squares would lose digits.
        mean = self._mean_of_all(inputs, replica)
        variance = self._mean_of_all(tf.square(inputs - mean), replica)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        outputs = (inputs - mean) * tf.math.rsqrt(variance + self.epsilon) * self.gamma + self.beta
        return tf.cast(outputs, self.compute_dtype)

    def _mean_of_all(self, inputs, replica):
        return replica.all_reduce(tf.distribute.ReduceOp.MEAN, tf.reduce_mean(inputs, axis=(0, 1, 2)))

    def _move(self, statistic, now):
        statistic.assign(statistic * self.momentum + now * (1 - self.momentum))


@keras.saving.register_keras_serializable("bach")
class VoiceSoftmax(keras.layers.Layer):
    """Let each voice sing one note at a time: a softmax over the pitches, as a piano roll.

    Call arguments
    --------------
    inputs : float tensor [sample, step, pitch, track]
        Logits.

    Returns
    -------
    float tensor [sample, step, pitch, track] in [-1, +1]
        ``2 p - 1``, where the probabilities ``p`` of every (step, track) sum to one.
    """

    def call(self, inputs):
        """Return the piano roll of the likeliest pitches, softly."""
        return 2.0 * tf.nn.softmax(inputs, axis=2) - 1.0


@keras.saving.register_keras_serializable("bach")
class CropPitches(keras.layers.Layer):
    """Keep the register of each track: what lies outside is not seen.

    Parameters
    ----------
    first : list of int
        The lowest pitch that is kept of each track.
    count : int
        How many are kept.

    Call arguments
    --------------
    inputs : float tensor [sample, step, pitch=128, track]

    Returns
    -------
    float tensor [sample, step, row=count, track]
    """

    def __init__(self, first, count, **kwargs):
        super().__init__(**kwargs)
        self.first, self.count = list(first), count

    def call(self, inputs):
        """Return the rows that are kept, side by side."""
        kept = [
            inputs[:, :, first : first + self.count, track : track + 1]
            for track, first in enumerate(self.first)
        ]
        return tf.concat(kept, axis=3)

    def compute_output_shape(self, input_shape):
        """Return (sample, step, count, track)."""
        return (*input_shape[:2], self.count, input_shape[3])

    def get_config(self):
        """Return what builds this layer again."""
        return {**super().get_config(), "first": self.first, "count": self.count}


@keras.saving.register_keras_serializable("bach")
class PadPitches(keras.layers.Layer):
    """Put what :class:`CropPitches` kept back where it was; all else is silent.

    Parameters
    ----------
    first : list of int
        The pitch of the lowest row of each track.

    Call arguments
    --------------
    inputs : float tensor [sample, step, row, track] in [-1, +1]

    Returns
    -------
    float tensor [sample, step, pitch=128, track]
    """

    def __init__(self, first, **kwargs):
        super().__init__(**kwargs)
        self.first = list(first)

    def call(self, inputs):
        """Return the piano roll, with -1 below and above."""
        tracks, rows = tf.unstack(inputs, axis=3), inputs.shape[2]
        padded = [
            tf.pad(track, ((0, 0), (0, 0), (first, PITCHES - first - rows)), constant_values=-1)
            for track, first in zip(tracks, self.first, strict=True)
        ]
        return tf.stack(padded, axis=3)

    def compute_output_shape(self, input_shape):
        """Return (sample, step, 128, track)."""
        return (*input_shape[:2], PITCHES, input_shape[3])

    def get_config(self):
        """Return what builds this layer again."""
        return {**super().get_config(), "first": self.first}


@keras.saving.register_keras_serializable("bach")
class KeepGiven(keras.layers.Layer):
    """Lay what is given over what was written, so that it comes out as it is.

    Call arguments
    --------------
    rolls : float tensor [sample, step, pitch, track]
    given : float tensor [sample, step, pitch, track] in {-1, 0, +1}
        0 where nothing is given.

    Returns
    -------
    float tensor [sample, step, pitch, track]
    """

    def call(self, inputs):
        """Return the rolls, and in their place what is given."""
        rolls, given = inputs
        return tf.where(given == 0, rolls, tf.cast(given, rolls.dtype))

    def compute_output_shape(self, input_shape):
        """Return the shape of the rolls."""
        return input_shape[0]
