"""One loop for one device, several devices or several machines.

TensorFlow keeps a copy of the networks on every device, a *replica*; each takes its share of every batch,
and their gradients are added up. Here is what makes many replicas compute what one would have computed:
which rows of a batch, and which of its random numbers, are whose. On a single device all of it is a no-op.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from ..path_utils import worker

# Seconds that an exchange with the other workers may take before it is an error. A worker that has died is
# missed sooner: the coordination service hears its heartbeat.
PATIENCE = 300


def choose_strategy():
    """Let training use all that is there, and make that the strategy of this process.

    Several machines if ``TF_CONFIG`` names them, else all devices of this one. It has to come before
    anything else of TensorFlow: a process cannot join the others later, nor can a GPU be told later to
    take memory as it needs it, not all at once.

    Returns
    -------
    tf.distribute.Strategy
        ``MultiWorkerMirroredStrategy``, ``MirroredStrategy``, or TensorFlow's default on one device.
    """
    if tf.distribute.has_strategy():
        return tf.distribute.get_strategy()
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    if worker()[1] > 1:
        strategy = _join_workers()
    else:
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if len(devices) == 1:
            return tf.distribute.get_strategy()
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    tf.distribute.experimental_set_strategy(strategy)
    return strategy


def _join_workers():
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=PATIENCE)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def count_replicas():
    """Count the replicas that train together: 1 on a single device."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def distribute(batches):
    """Serve every replica its share of every batch.

    Parameters
    ----------
    batches : callable
        ``batches(parts=..., served=...)`` is :func:`.batches` with all else given.

    Returns
    -------
    tf.data.Dataset or tf.distribute.DistributedDataset
    """
    strategy = tf.distribute.get_strategy()

    def pipeline(context):
        own = count_replicas() // context.num_input_pipelines
        first = context.input_pipeline_id * own
        return batches(parts=count_replicas(), served=range(first, first + own))

    return strategy.distribute_datasets_from_function(pipeline)


def uniform(shape, seed):
    """Draw from [0, 1) for the samples of this replica, as ``tf.random.stateless_uniform`` does for all.

    Parameters
    ----------
    shape : tuple
        Samples first.
    seed : int tensor [2]

    Returns
    -------
    float32 tensor
    """
    return _own_rows(tf.random.stateless_uniform, shape, seed)


def truncated_normal(shape, seed, batches=1):
    """Draw for the samples of this replica, as ``tf.random.stateless_truncated_normal`` does for all.

    Parameters
    ----------
    shape : tuple
        Samples first.
    seed : int tensor [2]
    batches : int
        The samples are those of so many batches, one after the other.

    Returns
    -------
    float32 tensor
    """
    return _own_rows(tf.random.stateless_truncated_normal, shape, seed, batches)


def _own_rows(draw, shape, seed, batches=1):
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(shape, seed)
    samples, *rest = shape
    # Every replica draws for all, which is cheap beside a convolution, and keeps its own.
    everything = draw((batches, context.num_replicas_in_sync, samples // batches, *rest), seed)
    return tf.reshape(tf.gather(everything, context.replica_id_in_sync_group, axis=1), shape)


def on_all_replicas(iterate):
    """Run a compiled iteration on every replica at once.

    Parameters
    ----------
    iterate : tf.function
        ``iterate(batches, iteration)`` gives losses, scalars.

    Returns
    -------
    callable
        The same; its losses are means over the replicas.
    """
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return iterate
    # The function itself, because a compiled one inside could not exchange gradients.
    step = iterate.python_function

    @tf.function(autograph=False)
    def iterate_everywhere(batches, iteration):
        losses = strategy.run(step, args=(batches, iteration))
        return [strategy.reduce(tf.distribute.ReduceOp.MEAN, loss, axis=None) for loss in losses]

    return iterate_everywhere


def gather_from_workers(value):
    """Let every worker say an integer, and hear those of all.

    Every worker has to ask; on one machine there is nobody else.

    Parameters
    ----------
    value : int

    Returns
    -------
    list of int
    """
    if worker()[1] == 1:
        return [value]
    return _exchange(tf.distribute.get_strategy())(tf.constant([value], tf.int64)).numpy().tolist()


def broadcast_text(text):
    """Let every worker have a text of the chief's; on one machine it is one's own.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    if worker()[1] == 1:
        return text
    own = text.encode()
    length = gather_from_workers(len(own))[0]
    letters = np.zeros(length, np.int32)
    if worker()[0] == 0:
        letters[:] = np.frombuffer(own, np.uint8)
    return _broadcast(tf.constant(letters)).astype(np.uint8).tobytes().decode()


def broadcast_variables(variables):
    """Let every worker have the chief's values, in place; on one machine nothing happens.

    Parameters
    ----------
    variables : list of keras.Variable
        The same ones in the same order everywhere.
    """
    if worker()[1] == 1:
        return
    for dtype in sorted({variable.dtype for variable in variables}):
        alike = [variable for variable in variables if variable.dtype == dtype]
        values = [np.asarray(variable.numpy()) for variable in alike]
        sent = _broadcast(tf.constant(np.concatenate([value.ravel() for value in values])))
        ends = np.cumsum([value.size for value in values])[:-1]
        for variable, value, flat in zip(alike, values, np.split(sent, ends), strict=True):
            variable.assign(flat.reshape(value.shape))


def _broadcast(value):
    strategy = tf.distribute.get_strategy()

    def own(value):
        context = tf.distribute.get_replica_context()
        first = tf.equal(context.replica_id_in_sync_group, 0)
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(first, value, tf.zeros_like(value)))

    @tf.function(autograph=False)
    def send(value):
        return strategy.experimental_local_results(strategy.run(own, args=(value,)))[0]

    return send(value).numpy()


@functools.cache
def _exchange(strategy):
    @tf.function(autograph=False)
    def exchange(value):
        return strategy.gather(strategy.run(tf.identity, args=(value,)), axis=0)

    return exchange
