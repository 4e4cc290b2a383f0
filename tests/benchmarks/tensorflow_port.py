"""The ancestor's lesson, line by line in TensorFlow 2 and Keras 3: what the engine is measured against.

Float32; repetition, then convolution; real and generated pieces through the critic one after the other;
one tape for their scores and one for the penalty; new fakes for every critic step; a compiled function a
step. The model is that of https://github.com/aws-samples/aws-deepcomposer-samples (gan/GAN.ipynb).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def _down(x, filters, normalize=True):
    x = layers.Conv2D(filters, 4, strides=2, padding="same")(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    return layers.BatchNormalization(momentum=0.8)(x) if normalize else x


def _up(x, skip, filters):
    x = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(filters, 4, padding="same")(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.ReLU()(x)
    return layers.Concatenate()([x, skip])


def build_generator(filters):
    melody, noise = keras.Input((32, 128, 1)), keras.Input((2, 8, 512))
    d1 = _down(melody, filters, normalize=False)
    d2 = _down(d1, filters * 2)
    d3 = _down(d2, filters * 4)
    d4 = _down(d3, filters * 8)
    x = layers.Concatenate()([d4, noise])
    x = _up(x, d3, filters * 4)
    x = _up(x, d2, filters * 2)
    x = _up(x, d1, filters)
    x = layers.UpSampling2D(2)(x)
    rolls = layers.Conv2D(4, 4, padding="same", activation="tanh")(x)
    return keras.Model([melody, noise], rolls)


def build_critic(filters):
    rolls, melody = keras.Input((32, 128, 4)), keras.Input((32, 128, 1))
    x = layers.Concatenate()([rolls, melody])
    for deeper in (1, 2, 4, 8):
        x = _down(x, filters * deeper, normalize=False)
    return keras.Model([rolls, melody], layers.Dense(1)(layers.Flatten()(x)))


class Engine:
    """See ``worker.py`` for what is asked of an engine."""

    def __init__(self, config, precision):
        keras.config.set_dtype_policy(precision)
        self.generator, self.critic = build_generator(config["filters"]), build_critic(config["filters"])
        self.optimizers = [keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9) for _ in range(2)]

    def load(self, generator, critic):
        self.generator.set_weights(generator)
        self.critic.set_weights(critic)

    def inspect(self, real, noise, epsilon):
        real, noise = tf.constant(real), tf.constant(noise)
        fake = self.generator((real[..., :1], noise), training=False)
        critic_loss, critic_gradients = self._critic_gradients(real, fake, epsilon, 10.0)
        _, plain_gradients = self._critic_gradients(real, fake, epsilon, 0.0)
        generator_loss, generator_gradients = self._generator_gradients(real, noise)
        found = {
            "fakes": fake,
            "critic loss": critic_loss,
            "generator loss": generator_loss,
            **{f"critic gradient {i}": g for i, g in enumerate(critic_gradients)},
            # Without the Wasserstein loss, what is left is the penalty's, second order and all.
            "penalty gradient": critic_gradients[2] - plain_gradients[2],
            **{f"generator gradient {i}": g for i, g in enumerate(generator_gradients)},
            "moving variance": self.generator.non_trainable_variables[5],
        }
        return {name: np.asarray(value) for name, value in found.items()}

    def iterate(self, batches):
        *critic_batches, generator_batch = map(tf.constant, batches)
        for real in critic_batches:
            critic_loss = self._critic_step(real)
        return float(critic_loss), float(self._generator_step(generator_batch))

    def _penalty(self, real, fake, epsilon):
        between = epsilon * real + (1.0 - epsilon) * fake
        with tf.GradientTape() as tape:
            tape.watch(between)
            score = self.critic((between, real[..., :1]), training=True)
        slope = tape.gradient(score, between)
        norm = tf.sqrt(tf.reduce_sum(tf.square(slope), axis=(1, 2, 3)) + 1e-12)
        return tf.reduce_mean(tf.square(norm - 1.0))

    def _critic_gradients(self, real, fake, epsilon, penalty_weight):
        melody, weights = real[..., :1], self.critic.trainable_variables
        with tf.GradientTape() as tape:
            real_score = self.critic((real, melody), training=True)
            fake_score = self.critic((fake, melody), training=True)
            loss = tf.reduce_mean(fake_score) - tf.reduce_mean(real_score)
        gradients = tape.gradient(loss, weights)
        with tf.GradientTape() as tape:
            penalty = penalty_weight * self._penalty(real, fake, epsilon)
        slopes = tape.gradient(penalty, weights)
        # The last bias moves the score, but not its slope.
        both = zip(gradients, slopes, strict=True)
        return loss + penalty, [a if b is None else a + b for a, b in both]

    def _generator_gradients(self, real, noise):
        melody = real[..., :1]
        with tf.GradientTape() as tape:
            fake = self.generator((melody, noise), training=True)
            loss = -tf.reduce_mean(self.critic((fake, melody), training=False))
        return loss, tape.gradient(loss, self.generator.trainable_variables)

    @tf.function
    def _critic_step(self, real):
        noise = tf.random.truncated_normal((real.shape[0], 2, 8, 512))
        fake = self.generator((real[..., :1], noise), training=False)
        epsilon = tf.random.uniform((real.shape[0], 1, 1, 1))
        loss, gradients = self._critic_gradients(real, fake, epsilon, 10.0)
        self.optimizers[1].apply(gradients, self.critic.trainable_variables)
        return loss

    @tf.function
    def _generator_step(self, real):
        noise = tf.random.truncated_normal((real.shape[0], 2, 8, 512))
        loss, gradients = self._generator_gradients(real, noise)
        self.optimizers[0].apply(gradients, self.generator.trainable_variables)
        return loss


def square_matmul(size, precision):
    """Prepare the product of two square matrices: a function without arguments that waits for it."""
    dtype = tf.bfloat16 if "bfloat16" in precision else tf.float32
    matrix = tf.cast(tf.random.stateless_normal((size, size), (0, 0)), dtype)
    multiply = tf.function(lambda: tf.matmul(matrix, matrix))
    return lambda: float(multiply()[0, 0])
