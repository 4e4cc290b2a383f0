import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from utils import layer_utils
from utils.layer_utils import UpsampleConv2D, harden, output_head


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def twins(shape, filters=5):
    """The plain way and the cheap one, with the same random weights, bias included."""
    plain = keras.Sequential([keras.layers.UpSampling2D(2), keras.layers.Conv2D(filters, 4, padding="same")])
    cheap = UpsampleConv2D(filters)
    plain.build(shape)
    cheap.build(shape)
    weights = [normal(4, 4, shape[-1], filters, seed=1), normal(filters, seed=2)]
    plain.set_weights(weights)
    cheap.set_weights(weights)
    return plain, cheap


def orders(layer, x):
    """Output, gradients in input, kernel and bias, and the gradients of a gradient's length."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape(persistent=True) as inner:
            inner.watch(x)
            y = layer(x)
            score = tf.reduce_sum(tf.sin(y))
        first = [inner.gradient(score, v) for v in (x, *layer.trainable_variables)]
        length = tf.reduce_sum(tf.square(first[0]))
    return [y, *first, *outer.gradient(length, [x, *layer.trainable_variables])]


def assert_same_map(shape):
    plain, cheap = twins(shape)
    x = normal(*shape, seed=3)
    for expected, found in zip(orders(plain, x), orders(cheap, x), strict=True):
        bound = 1e-5 * max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("size", [(4, 8), (3, 5), (1, 1), (1, 6)])
def test_upsample_conv_is_upsampling_then_conv(size):
    assert_same_map((2, *size, 3))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda taps, kernel: taps(kernel[::-1]),
        lambda taps, kernel: taps(tf.transpose(kernel, (1, 0, 2, 3))),
        lambda taps, kernel: taps(kernel)[::-1],
        lambda taps, kernel: tf.roll(taps(kernel), kernel.shape[3], axis=3),
    ],
    ids=["flipped", "axes swapped", "taps flipped", "phases swapped"],
)
def test_a_wrong_upsample_conv_is_noticed(monkeypatch, wrong):
    taps = layer_utils._low_resolution_taps
    monkeypatch.setattr(layer_utils, "_low_resolution_taps", lambda kernel: wrong(taps, kernel))
    with pytest.raises(AssertionError):
        assert_same_map((2, 3, 5, 3))


def test_upsample_conv_has_the_weights_of_a_conv():
    plain, cheap = twins((None, 4, 8, 3))
    assert [w.shape for w in cheap.get_weights()] == [w.shape for w in plain.get_weights()]
    fresh = UpsampleConv2D(40)
    fresh.build((None, 4, 8, 30))
    kernel, bias = fresh.get_weights()
    assert np.abs(kernel).max() == pytest.approx(np.sqrt(6 / (16 * (30 + 40))), rel=0.01)  # Glorot
    assert not bias.any()


def test_upsample_conv_tells_its_shape():
    layer = UpsampleConv2D(5)
    assert layer.compute_output_shape((2, 3, 7, 4)) == (2, 6, 14, 5)
    assert layer.compute_output_shape((None, None, 8, 4)) == (None, None, 16, 5)
    assert layer(normal(2, 3, 7, 4)).shape == (2, 6, 14, 5)


@pytest.mark.parametrize("head", ["tanh", "voice_softmax"])
def test_networks_survive_json(head):
    melody = keras.Input((None, 16, 1))
    network = keras.Model(melody, output_head(head)(UpsampleConv2D(4, dtype="float32")(melody)))
    again = keras.models.model_from_json(network.to_json())
    again.set_weights(network.get_weights())
    x = normal(2, 3, 16, 1)
    np.testing.assert_array_equal(again(x), network(x))


def test_tanh_head_decides_every_cell_alone():
    logits = 3 * normal(2, 3, 5, 4)
    np.testing.assert_allclose(output_head("tanh")(logits), np.tanh(logits), atol=1e-6)


def test_voice_softmax_shares_one_note_among_pitches():
    logits = 3 * normal(2, 3, 5, 4)
    rolls = output_head("voice_softmax")(logits)
    np.testing.assert_allclose(rolls, 2 * softmax(logits, axis=2) - 1, atol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum((1 + rolls) / 2, axis=2), np.ones((2, 3, 4)), atol=1e-5)
    assert np.isfinite(output_head("voice_softmax")(1e4 * logits)).all()


@pytest.mark.parametrize("head", ["tanh", "voice_softmax"])
def test_heads_stay_in_float32(mixed_precision, head):
    assert keras.layers.ReLU()(normal(1, 2, 3, 4)).dtype == tf.bfloat16
    assert output_head(head)(tf.cast(normal(1, 2, 3, 4), tf.bfloat16)).dtype == tf.float32


def test_unknown_head_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'sigmoid'.*tanh, voice_softmax"):
        output_head("sigmoid")


# One sample, two steps, three pitches, one track.
SHADES = np.array([[[0.4, 0.1, -0.2], [-0.9, -0.5, 0.0]]], np.float32)[..., None]


@pytest.mark.parametrize(
    ("head", "sounding"),
    [
        ("tanh", [[True, True, False], [False] * 3]),
        ("voice_softmax", [[True, False, False], [False, False, True]]),
    ],
)
def test_harden_decides_as_the_head_does(head, sounding):
    hard = harden(tf.constant(SHADES), head)
    assert isinstance(hard, np.ndarray)
    assert hard.dtype == np.float32
    np.testing.assert_array_equal(hard[0, ..., 0], np.where(sounding, 1, -1))


def test_harden_lets_one_pitch_of_each_voice_sound():
    hard = harden(output_head("voice_softmax")(normal(2, 3, 128, 4)), "voice_softmax")
    np.testing.assert_array_equal((hard > 0).sum(axis=2), np.ones((2, 3, 4)))
    loud = harden(np.tanh(normal(2, 3, 128, 4)), "tanh")
    assert (loud > 0).sum(axis=2).min() > 1
