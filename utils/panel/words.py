"""What the panel says: errors with advice and without folders, reports without a programmer's words."""

from __future__ import annotations

import html
import re
from pathlib import Path

from ..songs.song import MelodyError

# What somebody who writes code would do about it: "(--phrases)", "as in keep={"bass": 0}".
FOR_PROGRAMMERS = re.compile(
    r"; say otherwise with phrases= \(--phrases\)|,? as in keep=\{[^}]*\}"
    r"| \((?:\w+=[^,)]*, )?--[^)]*\)| \(keep\)"
)
FOLDERS = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][^\\/:*?\"'<>|\n]+)+[\\/]")
UNFORESEEN = (
    "Something went wrong inside the program. Try it once more, then with fewer takes or another melody. "
    "If it goes wrong again, somebody should know: the details are below."
)


def plain(sentence):
    """Leave out of a sentence what only a programmer can do.

    Parameters
    ----------
    sentence : str

    Returns
    -------
    str
    """
    return FOR_PROGRAMMERS.sub("", sentence)


def explain(error):
    """Say what went wrong and what to do.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    str
        For everybody.
    str
        For those who will mend it; empty where everything is said.
    """
    if isinstance(error, MelodyError):  # written to be read
        name = Path(error.path.replace("\\", "/")).name
        return plain(f"{name}: {FOLDERS.sub('', error.reason)}. {error.advice}."), ""
    if isinstance(error, OSError):
        reason = error.strerror or "it is not there"
        return f"A file could not be read or written: {reason}. Make space or choose another one.", ""
    if isinstance(error, MemoryError):
        return "There is too little memory for this. Ask for fewer takes, or give a shorter piece.", ""
    return UNFORESEEN, FOLDERS.sub("", f"{type(error).__name__}: {error}")


def said(text, before="", kind="status", details=""):
    """Lay out a sentence so that a screen reader says it too.

    Parameters
    ----------
    text : str
    before : str
        HTML.
    kind : {"status", "alert"}
    details : str
        To be unfolded.

    Returns
    -------
    str
        HTML.
    """
    mark = "<b>Not done.</b> " if kind == "alert" else ""
    more = f"<details><summary>Details</summary>{html.escape(details)}</details>" if details else ""
    return f'<div role="{kind}" style="line-height:1.5">{before}{mark}{html.escape(text)}{more}</div>'


def count(number, one, many=None):
    """Count in words: ``one take``, ``4 takes``."""
    return f"one {one}" if number == 1 else f"{number} {many or one + 's'}"
