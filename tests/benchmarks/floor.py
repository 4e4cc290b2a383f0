"""The least arithmetic that one training iteration takes.

Counted are the multiply-adds of the convolutions, taps that meet the padding included; the rest (dense
layer, normalization, activations, Adam) is small beside them. Each convolution costs the same in all
directions: forward, backward to its input, backward to its filters.
"""

UPSAMPLING_TAPS = 25  # of the 64 that four output cells take when the cells are repeated first


def convolutions(generator_kernels, critic_kernels, step=32, pitch=128):
    """List the multiply-adds of one sample in each convolution, one direction.

    Parameters
    ----------
    generator_kernels, critic_kernels : list of (int, int, int, int)
        Shapes [4, 4, in, out]: four down, four up; four down.
    step, pitch : int
        Size of a piano roll.

    Returns
    -------
    generator, critic : list of int
    """
    cells = [step * pitch // 4**level for level in range(1, 5)]  # of the feature maps, going down
    down = [16 * n * k[2] * k[3] for n, k in zip(cells, generator_kernels[:4], strict=True)]
    bottom_up = zip(reversed(cells), generator_kernels[4:], strict=True)
    up = [UPSAMPLING_TAPS * n * k[2] * k[3] for n, k in bottom_up]
    critic = [16 * n * k[2] * k[3] for n, k in zip(cells, critic_kernels, strict=True)]
    return down + up, critic


def multiply_adds(generator_kernels, critic_kernels, batch_size, critic_steps):
    """Count one iteration in its cheapest exact formulation.

    - Fakes for all critic steps: the generator forward.
    - Critic, real and fake: forward, to the filters, to the inputs except of the first layer.
    - Penalty: the critic is piecewise linear, so the slope's own gradient needs no more than forward (for
      the signs), backward to the rolls, one more chain forward from the rolls, and the filters. The
      melody's channel takes part only in the first of them.
    - Generator: forward, to the filters, to the inputs except the melody and the noise; the critic forward
      and backward to the rolls.

    Parameters
    ----------
    generator_kernels, critic_kernels : list of (int, int, int, int)
    batch_size, critic_steps : int

    Returns
    -------
    int
    """
    generator, critic = convolutions(generator_kernels, critic_kernels)
    (_, _, sheets, _), tracks = critic_kernels[0], generator_kernels[-1][3]
    to_rolls = sum(critic[1:]) + critic[0] * tracks // sheets
    scores = 2 * (2 * sum(critic) + sum(critic[1:]))
    penalty = sum(critic) + 3 * to_rolls
    critic_step = scores + penalty

    encoded, joined = generator_kernels[3][3], generator_kernels[4][2]
    to_inputs = sum(generator[1:]) - generator[4] + generator[4] * encoded // joined
    generator_step = 2 * sum(generator) + to_inputs + sum(critic) + to_rolls
    return batch_size * (critic_steps * (sum(generator) + critic_step) + generator_step)
