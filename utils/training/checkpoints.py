"""The checkpoints of a run: written and read as a whole or not at all, by one process at a time."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import time
from pathlib import Path

import filelock
import tensorflow as tf

from ..networks.store import first_line

KEPT_CHECKPOINTS = 5


class CheckpointStore:
    """A folder with the newest checkpoints of a run.

    Each is a folder ``checkpoint-000050`` with the networks' variables and what else there is to know, a
    JSON file.

    Parameters
    ----------
    folder : str or Path
    networks : dict of str to keras.Model or keras.Optimizer
        All that learns.

    Raises
    ------
    RuntimeError
        If another process is training here.
    """

    def __init__(self, folder, networks):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._checkpoint = tf.train.Checkpoint(**networks)
        # One lock a process: a cell that is run again after an error must not be kept out by itself.
        self._lock = filelock.FileLock(self.folder / ".lock", thread_local=False, is_singleton=True)
        self._holder = self.folder / ".holder.json"
        self._known = set()  # checkpoints that this process has read, refused or written

    @contextlib.contextmanager
    def locked(self, iteration=None):
        """Keep other processes out; the lock of a process that dies is free.

        Parameters
        ----------
        iteration : int, optional
            How far the caller is; it must not be behind the newest checkpoint.

        Raises
        ------
        RuntimeError
            If another process holds the folder, which the message names, or has trained further meanwhile.
        """
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise RuntimeError(
                f"{self.folder.parent} is being trained by {self._describe_holder()}. Wait until it is done "
                "or stop it; or change the config, which gives a folder of its own."
            ) from None
        try:
            if self._lock.lock_counter == 1:  # not what is saved while a run trains
                self._sign()
            foreign = [c.name for c in self._all() if c not in self._known]
            if iteration is not None and foreign and int(foreign[-1].rpartition("-")[2]) > iteration:
                raise RuntimeError(
                    f"{self.folder.parent} has been trained further by another process: it holds "
                    f"{foreign[-1]}, this run is at {iteration}. Start the run again to go on from there."
                )
            yield
        finally:
            if self._lock.lock_counter == 1:
                self._holder.unlink(missing_ok=True)
            self._lock.release()

    def _sign(self):
        holder = {"process": os.getpid(), "host": platform.node(), "since": time.strftime("%H:%M")}
        with contextlib.suppress(OSError):  # a courtesy; that the disk is full, the checkpoint will say
            self._holder.write_text(json.dumps(holder))

    def _describe_holder(self):
        try:
            holder = json.loads(self._holder.read_text())
            return "process {process} on {host}, since {since}".format(**holder)
        except (OSError, ValueError, KeyError):  # it is just about to write
            return "another process"

    def write(self, iteration, state):
        """Write a checkpoint aside, rename it, and keep the newest five.

        Parameters
        ----------
        iteration : int
        state : dict
            Fit for JSON.

        Raises
        ------
        OSError
            If it cannot be written; the checkpoints before it are untouched.
        RuntimeError
            As :meth:`locked`.
        """
        with self.locked():
            target = self.folder / f"checkpoint-{iteration:06d}"
            aside = self.folder / f".{target.name}.part"
            shutil.rmtree(aside, ignore_errors=True)
            try:
                aside.mkdir()
                self._checkpoint.write(str(aside / "networks"))
                (aside / "history.json").write_text(json.dumps(state))
                if target.exists():
                    shutil.rmtree(target)
                aside.rename(target)
                self._known.add(target)
            except (OSError, tf.errors.OpError) as error:
                shutil.rmtree(aside, ignore_errors=True)
                last = self._all()[-1:] or ["none yet"]
                raise OSError(
                    f"Checkpoint {target} could not be written ({error}). Is the disk full? The last good "
                    f"checkpoint: {last[0]}. Free some space and run again; training goes on from there."
                ) from error
            # Damaged ones from further on, if any, must not crowd out the good ones.
            for old in [c for c in self._all() if c <= target][:-KEPT_CHECKPOINTS]:
                shutil.rmtree(old)

    def restore(self):
        """Read the newest checkpoint that is whole into the networks.

        Returns
        -------
        dict or None
            Its state; None if there is none.

        Raises
        ------
        ValueError
            If it holds networks of other shapes.
        RuntimeError
            As :meth:`locked`.
        """
        with self.locked():
            for unfinished in self.folder.glob(".checkpoint-*.part"):
                shutil.rmtree(unfinished)
            self._known.update(self._all())
            for folder in reversed(self._all()):
                try:
                    state = json.loads((folder / "history.json").read_text())
                    _read_through(folder / "networks")
                # TensorFlow's reader meets bad bytes with whatever exception they happen to cause.
                except Exception as error:
                    print(f"{folder} is damaged ({first_line(error)}); trying the one before.")
                    continue
                try:
                    self._checkpoint.read(str(folder / "networks")).assert_consumed()
                except (ValueError, AssertionError) as error:
                    raise ValueError(
                        f"{folder} holds other networks than these ({first_line(error)}). "
                        "Give this run another name, or build the networks as they were to go on with it."
                    ) from error
                print(f"Resumed from {folder}: {len(state['history']['critic_loss'])} iterations done.")
                return state
        return None

    def _all(self):
        return sorted(self.folder.glob("checkpoint-*"))


def _read_through(path):
    """Read a checkpoint to its end, checksums included, so that a damaged one changes no variable."""
    reader = tf.train.load_checkpoint(str(path))
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)
