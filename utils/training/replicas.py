"""One loop for one device, several devices or several machines.

TensorFlow keeps a copy of the networks on every device, a *replica*; each takes its share of every batch,
and their gradients are added up. Here is what makes many replicas compute what one would have computed:
which rows of a batch, and which of its random numbers, are whose. On a single device all of it is a no-op.
"""

from __future__ import annotations

import contextlib
import functools

import numpy as np
import tensorflow as tf

from ..path_utils import worker

# Seconds that an exchange with the other workers may take before it is an error. A worker that has died is
# missed sooner: the coordination service hears its heartbeat.
PATIENCE = 300
DRAWS = ("stateless_uniform", "stateless_truncated_normal")  # of tf.random, in a training iteration


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


@contextlib.contextmanager
def on_one_device():
    """Let what is built and trained meanwhile be on one device, as if there were no others.

    For what is too small to share, with a plain loop that does not know of replicas. Also a decorator.
    """
    strategy = tf.distribute.get_strategy() if tf.distribute.has_strategy() else None
    tf.distribute.experimental_set_strategy(None)
    try:
        yield
    finally:
        tf.distribute.experimental_set_strategy(strategy)


def count_replicas():
    """Count the replicas that train together: 1 on a single device."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def on_all_replicas(gan, iterate, serve):
    """Make of a plain training loop one for all replicas; on a single device it stays as it is.

    Parameters
    ----------
    gan : iterable
        Networks and optimizers. An optimizer adds the gradients of the replicas up: it is told to divide by
        their number, which makes a mean of the sum.
    iterate : tf.function
        ``iterate(batches, iteration)`` gives losses, scalars.
    serve : callable
        :func:`.batches` with all given but ``start``, ``parts`` and ``served``.

    Returns
    -------
    iterate, serve : callable
        The same, but each replica is served its share of every batch, draws its share of every random
        number, and the losses are means over the replicas.
    """
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return iterate, serve
    for member in gan:
        if hasattr(member, "loss_scale_factor"):
            member.loss_scale_factor = count_replicas()
    # The function itself, because a compiled one inside could not exchange gradients.
    step = iterate.python_function

    @tf.function(autograph=False)
    def iterate_everywhere(batches, iteration):
        with _draws_for_own_rows(serve.keywords["batch_size"] // count_replicas()):
            losses = strategy.run(step, args=(batches, iteration))
        return [strategy.reduce(tf.distribute.ReduceOp.MEAN, loss, axis=None) for loss in losses]

    def serve_everywhere(start=0):
        def pipeline(context):
            own = count_replicas() // context.num_input_pipelines
            first = context.input_pipeline_id * own
            return serve(start=start, parts=count_replicas(), served=range(first, first + own))

        return strategy.distribute_datasets_from_function(pipeline)

    return iterate_everywhere, serve_everywhere


@contextlib.contextmanager
def _draws_for_own_rows(rows):
    """Let the draws of an iteration, while TensorFlow traces it, be those of one batch on one device.

    Every replica draws for all, which is cheap beside a convolution, and keeps its own.

    Parameters
    ----------
    rows : int
        Of a batch, that are one replica's. What is drawn may be for several batches, one after the other.
    """
    plain = {name: getattr(tf.random, name) for name in DRAWS}

    def own_rows(draw, shape, seed):
        samples, *rest = shape
        context = tf.distribute.get_replica_context()
        everything = draw((samples // rows, context.num_replicas_in_sync, rows, *rest), seed)
        return tf.reshape(tf.gather(everything, context.replica_id_in_sync_group, axis=1), shape)

    for name, draw in plain.items():
        setattr(tf.random, name, functools.partial(own_rows, draw))
    try:
        yield
    finally:
        for name, draw in plain.items():
            setattr(tf.random, name, draw)


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
