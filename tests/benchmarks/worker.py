"""A long-lived process that holds one engine and works only when it is told to.

Messages are lines of JSON on standard input; each gets one line of JSON on standard output. An engine is
a class with four methods:

- ``Engine(config, precision)``: ``config`` as keywords of the lesson's ``Config``, ``precision`` a policy;
  more where a port has variants
- ``load(generator, critic)``: take weights over, lists of arrays in Keras' order and layout
- ``inspect(real, noise, epsilon)``: losses and gradients of one critic and one generator step, by name
- ``iterate(batches)``: train on the last batch the generator, on those before the critic; give the losses
"""

import importlib
import json
import os
import sys
import tempfile
import time

import numpy as np


class Worker:
    def __init__(self, engine, precision, config, fixture, **options):
        if engine != "torch_port":
            importlib.import_module("utils.quiet_tensorflow")
        self._module = importlib.import_module(f"tests.benchmarks.{engine}")
        self._precision, self._options = precision, options
        self._engine, stored = self._build(precision, config, fixture)
        self._batches = list(stored["batches"])

    def _build(self, precision, config, fixture):
        engine = self._module.Engine(config, precision, **self._options)
        with np.load(fixture) as file:
            stored = dict(file)
        weights = {
            network: [stored[key] for key in sorted(stored) if key.startswith(network)]
            for network in ("generator", "critic")
        }
        engine.load(**weights)
        return engine, stored

    def inspect(self, config, fixture, result):
        """Write what an engine in float32 finds to a file."""
        engine, stored = self._build("float32", config, fixture)
        np.savez(result, **engine.inspect(stored["real"], stored["noise"], stored["epsilon"]))

    def train(self, iterations):
        """Give the seconds of each iteration."""
        seconds = []
        for _ in range(iterations):
            started = time.perf_counter()
            losses = self._engine.iterate(self._batches)
            seconds.append(time.perf_counter() - started)
            if not np.isfinite(losses).all():
                raise RuntimeError(f"{self._module.__name__}: losses {losses} are no numbers.")
        return seconds

    def matmul(self, size, repeats):
        """Give the best rate of multiply-adds a second over some products of square matrices."""
        product = self._module.square_matmul(size, self._precision)
        product()
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            product()
            seconds.append(time.perf_counter() - started)
        return size**3 / min(seconds)

    def monitor(self, done, iteration_seconds):
        from tests.benchmarks import housekeeping

        with tempfile.TemporaryDirectory() as folder:
            return housekeeping.Monitor(self._engine, folder).share(done, iteration_seconds)

    def waiting(self, iterations):
        from tests.benchmarks import housekeeping

        return housekeeping.share_of_waiting(self._engine, iterations)


def memory():
    import utils.quiet_tensorflow  # noqa: F401
    from tests.benchmarks import housekeeping

    return housekeeping.memory_of_pipeline()


def serve():
    # Replies travel on the real standard output; whatever a library prints must not get among them.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = None
    for line in sys.stdin:
        method, arguments = json.loads(line)
        if method == "start":
            worker, answer = Worker(**arguments), None
        elif method == "memory":  # wants a process without an engine
            answer = memory()
        else:
            answer = getattr(worker, method)(**arguments)
        print(json.dumps(answer), file=replies, flush=True)


if __name__ == "__main__":
    serve()
