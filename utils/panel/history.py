"""What was made, one thing after another: undone, done again, kept by name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Result:
    """The takes of a song as they stand at a moment.

    Attributes
    ----------
    title : str
        Under which it is kept.
    song : str
        What the song is called.
    takes : tuple of Arrangement
    held : tuple of bool array [step, voice]
        For each take what stays when others are written again.
    take : int
        Which one is shown.
    did : str
        What led to it, to be undone: "Bars 5-6 of take 1 were written again".
    """

    title: str
    song: str
    takes: tuple
    held: tuple
    take: int = 0
    did: str = ""

    @property
    def shown(self):
        """The take that is shown."""
        return self.takes[self.take]

    @property
    def names(self):
        """What the takes are called, each by its song: list of str."""
        if len(self.takes) == 1:
            return [self.song]
        return [f"{self.song}, take {number}" for number in range(1, len(self.takes) + 1)]

    def with_shown(self, arrangement, did, held=None):
        """Put another arrangement in the place of the one that is shown."""
        takes, hold = list(self.takes), list(self.held)
        takes[self.take] = arrangement
        hold[self.take] = hold[self.take] if held is None else held
        return replace(self, takes=tuple(takes), held=tuple(hold), did=did)


def first_result(title, song, takes):
    """Begin with the takes of a song: what was given is held."""
    return Result(title, song, tuple(takes), tuple(np.array(take.given) for take in takes))


@dataclass
class History:
    """A line of results, of which one is now.

    Attributes
    ----------
    kept : dict of str to Result
        By title, each as it was left.
    """

    past: list = field(default_factory=list)
    future: list = field(default_factory=list)
    now: Result | None = None
    kept: dict = field(default_factory=dict)

    def do(self, result):
        """Go on with a result."""
        if self.now is not None:
            self.past.append(self.now)
        self.future.clear()
        self._arrive(result)

    def amend(self, result):
        """Go on with a result that nobody wants to undo."""
        self._arrive(result)

    def undo(self):
        """Go back: the sentence on what is undone."""
        did = self.now.did
        self.future.append(self.now)
        self._arrive(self.past.pop())
        return did

    def redo(self):
        """Go forth again: the sentence on what is done."""
        self.past.append(self.now)
        self._arrive(self.future.pop())
        return self.now.did

    def keep(self, title):
        """Keep what is now under a name, beside the one that goes on."""
        self.kept[title] = replace(self.now, title=title, did=f"{title} was chosen")

    def new_title(self, wanted):
        """Make a name that is not taken."""
        number, title = 1, wanted
        while title in self.kept:
            number += 1
            title = f"{wanted} ({number})"
        return title

    def _arrive(self, result):
        self.now = result
        self.kept[result.title] = result
