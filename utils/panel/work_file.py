"""One file that holds the work, to go on with it later: no pickle, nothing that could run.

It is an .npz: a text in JSON, and the arrays that it names.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from fractions import Fraction

import mido
import numpy as np
from mido.midifiles.meta import UnknownMetaMessage

from ..arranger.arrangement import Arrangement
from ..music.meter import Bar, Meter
from ..songs.chords import Chord
from ..songs.melody import Melody
from ..songs.song import LARGEST_SCORE, Key, MelodyError, Note, Sign
from .history import Result

ENDING = ".bach"
FORMAT = 1
ADVICE = "Save the work again, or begin with the melody"
ROWS = {kind.__name__: kind for kind in (Bar, Meter, Chord, Key, Note, Sign)}
OBJECTS = {kind.__name__: kind for kind in (Arrangement, Melody, Result)}
MESSAGES = {kind.__name__: kind for kind in (mido.Message, mido.MetaMessage, UnknownMetaMessage)}
LEFT_OUT = ("previous",)  # what led here is history


def pack(results, now, settings):
    """Write work to a file.

    Parameters
    ----------
    results : list of Result
    now : str
        The title of the one that is shown.
    settings : dict
        Of plain values.

    Returns
    -------
    bytes
    """
    packer = _Packer()
    work = {"results": packer.pack(list(results)), "now": now, "settings": settings}
    text = json.dumps({"format": FORMAT, "objects": packer.objects, **work})
    file = io.BytesIO()
    np.savez_compressed(file, work=np.array(text), **{f"a{n}": one for n, one in enumerate(packer.arrays)})
    return file.getvalue()


def unpack(name, data):
    """Read work back.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    data : bytes

    Returns
    -------
    results : list of Result
    now : str
    settings : dict

    Raises
    ------
    MelodyError
        If the file is damaged, or none of these.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 10 * LARGEST_SCORE:
                raise ValueError("too large")
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            work = json.loads(str(stored["work"]))
            unpacker = _Unpacker(stored, work["objects"])
            results, now, settings = unpacker.unpack(work["results"]), work["now"], work["settings"]
        if work["format"] != FORMAT or now not in {result.title for result in results}:
            raise ValueError("of another kind")
        for result in results:
            _check(result)
    except Exception as error:  # whatever bad bytes happen to cause
        raise MelodyError(name, "it holds no work of this program that can be read", ADVICE) from error
    return results, now, settings


def _check(result):
    """Refuse what is no result, though it was put together like one."""
    fits = 0 <= result.take < len(result.takes) == len(result.held)
    for take, held in zip(result.takes, result.held, strict=True):
        fits &= take.grid.shape == take.onset.shape == held.shape and held.dtype == bool
        fits &= take.grid.ndim == 2 and len(take.melody.grid) == len(take.grid)
        fits &= 0 <= take.place < take.grid.shape[1] and isinstance(take.melody, Melody)
    if not fits:
        raise ValueError("parts of it do not fit")


class _Packer:
    """Values as JSON, arrays and shared objects set aside, each once."""

    def __init__(self):
        self.arrays, self.objects, self._places, self._alive = [], [], {}, []

    def pack(self, value):
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Fraction):
            return {"fraction": str(value)}
        if isinstance(value, np.ndarray):
            return {"array": self._place(value, lambda: self._append(self.arrays, value))}
        if type(value) in OBJECTS.values():
            return {"object": self._place(value, lambda: self._append(self.objects, self._fields(value)))}
        if type(value) in ROWS.values():
            return {type(value).__name__: [self.pack(entry) for entry in value]}
        if type(value) in MESSAGES.values():
            return {type(value).__name__: self.pack(vars(value))}
        if isinstance(value, dict):
            return {"dict": [[self.pack(key), self.pack(entry)] for key, entry in value.items()]}
        entries = [self.pack(entry) for entry in value]
        return {"tuple": entries} if isinstance(value, tuple) else entries

    def _fields(self, value):
        names = [field.name for field in dataclasses.fields(value) if field.name not in LEFT_OUT]
        return {type(value).__name__: {name: self.pack(getattr(value, name)) for name in names}}

    def _place(self, value, append):
        if id(value) not in self._places:
            self._places[id(value)] = append()
            self._alive.append(value)  # so that its id is nobody else's
        return self._places[id(value)]

    def _append(self, table, entry):
        table.append(entry)
        return len(table) - 1


class _Unpacker:
    """The way back."""

    def __init__(self, arrays, objects):
        self._arrays, self._objects, self._made = arrays, objects, {}

    def unpack(self, value):
        if isinstance(value, list):
            return [self.unpack(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind == "array":
            return self._once((kind, content), lambda: self._arrays[f"a{content}"])
        if kind == "object":
            return self._once((kind, content), lambda: self._object(self._objects[content]))
        if kind == "fraction":
            return Fraction(content)
        if kind == "dict":
            return {self.unpack(key): self.unpack(entry) for key, entry in content}
        if kind == "tuple":
            return tuple(self.unpack(entry) for entry in content)
        if kind in MESSAGES:
            return MESSAGES[kind](**self.unpack(content))
        return ROWS[kind](*(self.unpack(entry) for entry in content))

    def _object(self, value):
        ((kind, fields),) = value.items()
        return OBJECTS[kind](**{name: self.unpack(entry) for name, entry in fields.items()})

    def _once(self, key, make):
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]
