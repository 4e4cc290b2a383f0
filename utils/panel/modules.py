"""JavaScript of several files, as the one module that a widget can ship."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent / "page"
IMPORT = re.compile(r"^import [^;]*;\n", re.M)
EXPORT = re.compile(r"^export (?!default)", re.M)


def join_modules(*names, folder=PAGE):
    """Join modules of plain JavaScript into one.

    Parameters
    ----------
    names : str
        Without their ending; each imports only from those before it. The last one keeps its default export.
    folder : Path

    Returns
    -------
    str
    """
    texts = ((folder / f"{name}.js").read_text(encoding="utf-8") for name in names)
    return "\n".join(EXPORT.sub("", IMPORT.sub("", text)) for text in texts)
