import functools
import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from utils.networks import layers, store
from utils.networks.heads import harden, output_head
from utils.networks.layers import BatchNormalization, KeepGiven, LeakyReLU, UpsampleConv2D


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
    assert_same_orders(*twins(shape), normal(*shape, seed=3))


def assert_same_orders(plain, cheap, x):
    for expected, found in zip(orders(plain, x), orders(cheap, x), strict=True):
        bound = 5e-5 * max(1.0, np.abs(expected).max())
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
    taps = layers._low_resolution_taps
    monkeypatch.setattr(layers, "_low_resolution_taps", lambda kernel: wrong(taps, kernel))
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


def penalized(activation, w, v, x):
    """A penalty on the slope of a two-layer network, as the critic's."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = activation(activation(x @ w) @ w) @ v
    slope = tape.gradient(score, x)
    return tf.reduce_sum(tf.square(tf.norm(slope, axis=-1) - 1))


def test_leaky_relu_is_keras_own_in_both_orders():
    w, v, x = tf.Variable(normal(5, 5, seed=1)), tf.Variable(normal(5, 1, seed=2)), normal(7, 5, seed=3)
    answers = []
    for activation in (keras.layers.LeakyReLU(negative_slope=0.3), LeakyReLU(0.3)):
        with tf.GradientTape() as tape:
            penalty = penalized(activation, w, v, x)
        answers.append([activation(x), penalty, *tape.gradient(penalty, [w, v])])
    for a, b in zip(*answers, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)
    assert np.abs(answers[0][2]).max() > 1


def test_leaky_relu_has_no_second_derivative_to_carry_around():
    x = normal(4, 3)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = LeakyReLU(0.2)(x)
        slope = inner.gradient(y, x)
    assert outer.gradient(slope, x) is None  # not a tensor of zeros


def normalizers():
    """Keras' batch normalization and ours, in the same state, which is not that of the beginning."""
    both = keras.layers.BatchNormalization(momentum=0.8), BatchNormalization(momentum=0.8)
    for layer in both:
        layer.build((None, 3, 5, 4))
        layer.set_weights([normal(4, seed=i) for i in (1, 2, 3)] + [np.exp(normal(4, seed=4))])
    return both


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization_is_that_of_keras(training):
    plain, cheap = normalizers()
    x = 2 + 3 * normal(2, 3, 5, 4)  # 30 cells a channel: few enough to tell 1 / 30 from 1 / 29

    class Mode:
        def __init__(self, layer):
            self.layer, self.trainable_variables = layer, layer.trainable_variables

        def __call__(self, x):
            return self.layer(x, training=training)

    before = cheap.get_weights()
    assert_same_orders(Mode(plain), Mode(cheap), x)
    for expected, found in zip(plain.get_weights(), cheap.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert np.array_equal(before[2], cheap.get_weights()[2]) != training
    np.testing.assert_allclose(cheap(x), cheap(x, training=False))


def test_batch_normalization_keeps_its_statistics_in_float32(mixed_precision):
    plain, cheap = normalizers()
    x = tf.cast(100 + normal(4, 3, 5, 4), tf.bfloat16)
    for training in (True, False):
        expected, found = (layer(x, training=training) for layer in (plain, cheap))
        assert found.dtype == expected.dtype == tf.bfloat16
        np.testing.assert_allclose(
            tf.cast(found, tf.float32), tf.cast(expected, tf.float32), rtol=0.03, atol=0.03
        )
    for expected, found in zip(plain.get_weights(), cheap.get_weights(), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", ["tanh", "voice_softmax"])
def test_networks_survive_json(head):
    melody = keras.Input((None, 16, 1))
    x = BatchNormalization(momentum=0.7)(LeakyReLU(0.3)(melody))
    network = keras.Model(melody, output_head(head)(UpsampleConv2D(3, dtype="float32")(x)))
    again = keras.models.model_from_json(network.to_json())
    again.set_weights(network.get_weights())
    x = normal(2, 3, 16, 1)
    for training in (True, False):
        np.testing.assert_array_equal(again(x, training=training), network(x, training=training))
    for one, other in zip(again.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


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


def test_harden_lets_one_pitch_sound_on_a_tie():
    hard = harden(tf.zeros((1, 2, 128, 4)), "voice_softmax")
    assert ((hard > 0).sum(axis=2) == 1).all()


def test_threads_that_want_the_shipped_network_wait_for_one_loading(monkeypatch):
    built, together = [], threading.Barrier(2)
    monkeypatch.setattr(store, "_load_once", functools.cache(store._load_once.__wrapped__))
    monkeypatch.setattr(store, "_build", lambda *stored: built.append(object()) or built[-1])

    def load(_):
        together.wait(10)
        return store.load_shipped_generator.__wrapped__()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(load, range(2))
    assert one is other and len(built) == 1


def test_dropout_follows_the_noise_and_keeps_the_sum():
    layer, x = layers.Dropout(0.25, number=1), tf.ones((4, 8, 8, 16))
    noise, other = (tf.random.stateless_normal((4, 2, 8, 8), (seed, 0)) for seed in (1, 2))
    first = layer((x, noise), training=True).numpy()
    assert set(np.unique(first)) == {0, np.float32(1 / 0.75)}
    assert (first == 0).mean() == pytest.approx(0.25, abs=0.02)
    np.testing.assert_array_equal(first, layer((x, noise), training=True))
    for another in (
        layer((x, other), training=True),
        layers.Dropout(0.25, number=2)((x, noise), training=True),
    ):
        assert (first != another.numpy()).mean() == pytest.approx(2 * 0.25 * 0.75, abs=0.05)
    np.testing.assert_array_equal(layer((x, noise), training=False), x)
    one, again = np.split(layers.Dropout(0.25, takes=2)((x, noise), training=True), 2)
    np.testing.assert_array_equal(one, again)
    assert (one[0] != one[1]).any()
    np.testing.assert_array_equal(layers.Dropout(0.0)((x, noise), training=True), x)


def some_given(*shape):
    """Cells of which about a third each are silent, sounding and not given."""
    return tf.constant(np.random.default_rng(5).integers(-1, 2, shape), tf.float32)


@pytest.mark.parametrize("options", [{}, {"dtype": "float32"}])
def test_what_is_given_is_kept_and_all_else_passes(mixed_precision, options):
    rolls, given = tf.tanh(normal(2, 3, 5, 4)), some_given(2, 3, 5, 4)
    kept = KeepGiven(**options)((rolls, given))
    assert kept.dtype == (tf.float32 if options else tf.bfloat16)
    expected = np.where(given == 0, tf.cast(tf.cast(rolls, kept.dtype), tf.float32), given)
    np.testing.assert_array_equal(tf.cast(kept, tf.float32), expected)


def test_not_even_what_is_no_number_gets_through_what_is_given():
    given = some_given(2, 3, 5, 4)
    kept = KeepGiven()((tf.fill(given.shape, np.nan), given)).numpy()
    np.testing.assert_array_equal(kept, np.where(given == 0, np.nan, given))


def test_gradients_flow_where_nothing_is_given():
    rolls, given, w = normal(2, 3, 5, 4), some_given(2, 3, 5, 4), normal(2, 3, 5, 4, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(rolls)
        score = tf.reduce_sum(w * KeepGiven()((rolls, given)))
    np.testing.assert_array_equal(tape.gradient(score, rolls), np.where(given == 0, w, 0))


def test_keep_given_tells_its_shape_and_survives_json():
    shape = (None, None, 16, 4)
    assert KeepGiven().compute_output_shape([shape, (*shape[:3], 4)]) == shape
    inputs = [keras.Input(shape[1:]) for _ in range(2)]
    network = keras.models.model_from_json(keras.Model(inputs, KeepGiven()(inputs)).to_json())
    rolls, given = normal(2, 3, 16, 4), some_given(2, 3, 16, 4)
    np.testing.assert_array_equal(network([rolls, given]), KeepGiven()((rolls, given)))
