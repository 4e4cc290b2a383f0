"""Keep the Korean edition beside the English one: ``python -m utils.lesson.korean``.

``notebook.ko.ipynb`` has the code and the outputs of ``notebook.ipynb``; its prose is its own. Every cell of
it, and every section of ``README.ko.md``, carries a stamp of the English text that it says again, so that
those can be named whose English has changed since.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import re
import sys
from pathlib import Path

import nbformat

from ..path_utils import PROJECT_DIR, atomic_write
from .definitions import NOTEBOOK

KOREAN_NOTEBOOK = PROJECT_DIR / "notebook.ko.ipynb"
README = PROJECT_DIR / "README.md"
KOREAN_README = PROJECT_DIR / "README.ko.md"
ALL = "all"
STAMP = re.compile(r"<!-- (.+): ?([0-9a-f]*) ?-->")  # in the README: the English heading, and the stamp


def english_stamp(text):
    """Fingerprint an English text, in twelve hexadecimal digits."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:12]


def follow(english, korean, seen=()):
    """Make the Korean notebook follow the English one: its cells, code and outputs, with Korean prose.

    Parameters
    ----------
    english, korean : nbformat.NotebookNode
    seen : sequence of str
        The ids of cells whose Korean says again what the English says, or ``all``; they are stamped.

    Returns
    -------
    nbformat.NotebookNode
        Cells that have no Korean yet hold the English, without a stamp.
    """
    known = {cell.id: cell for cell in korean.cells if cell.cell_type == "markdown"}
    edition = copy.deepcopy(english)
    for cell in edition.cells:
        if cell.cell_type != "markdown":
            continue
        stamp = english_stamp(cell.source)
        if cell.id in known:
            cell.source, cell.metadata = known[cell.id].source, copy.deepcopy(known[cell.id].metadata)
        if cell.id in seen or ALL in seen:
            cell.metadata["english"] = stamp
    return edition


def outdated_cells(english, korean):
    """Name the cells whose English has changed since they were translated: list of their ids."""
    stamps = {cell.id: cell.metadata.get("english") for cell in korean.cells}
    prose = [cell for cell in english.cells if cell.cell_type == "markdown"]
    return [cell.id for cell in prose if stamps.get(cell.id) != english_stamp(cell.source)]


def read_sections(text):
    """Cut a README at its headings.

    Returns
    -------
    dict of str to str
        From each heading to all that stands below it, itself included.
    """
    sections = re.split(r"^(?=#{2,} )", text, flags=re.MULTILINE)
    return {section.partition("\n")[0].lstrip("# "): section for section in sections}


def outdated_sections(english, korean):
    """Name the sections whose English has changed since they were translated, or that are no more.

    Parameters
    ----------
    english, korean : str
        The two texts.

    Returns
    -------
    list of str
        English headings.
    """
    stamps = dict(STAMP.findall(korean))
    now = {heading: english_stamp(section) for heading, section in read_sections(english).items()}
    return [heading for heading in now | stamps if stamps.get(heading) != now.get(heading)]


def stamp_sections(english, korean, seen):
    """Stamp the sections of the Korean README that say again what the English one says: str."""
    now = {heading: english_stamp(section) for heading, section in read_sections(english).items()}

    def stamped(match):
        heading, stamp = match.groups()
        return f"<!-- {heading}: {now.get(heading, '') if heading in seen or ALL in seen else stamp} -->"

    return STAMP.sub(stamped, korean)


def main(arguments=None):
    """Copy code and outputs, stamp what was said to be seen, and name what is left.

    Returns
    -------
    int
        1 if something is left to translate.
    """
    parser = argparse.ArgumentParser(prog="python -m utils.lesson.korean", description=__doc__)
    parser.add_argument(
        "--seen",
        nargs="+",
        default=[],
        metavar="NAME",
        help="cells (their ids) and sections of the README (their English headings) whose Korean says again "
        f"what the English says now; or {ALL}",
    )
    seen = parser.parse_args(arguments).seen
    english, korean = (nbformat.read(path, as_version=4) for path in (NOTEBOOK, KOREAN_NOTEBOOK))
    edition = follow(english, korean, seen)
    atomic_write(KOREAN_NOTEBOOK, lambda name: nbformat.write(edition, name))
    readme, korean_readme = (path.read_text(encoding="utf-8") for path in (README, KOREAN_README))
    korean_readme = stamp_sections(readme, korean_readme, seen)
    atomic_write(KOREAN_README, lambda name: Path(name).write_text(korean_readme, encoding="utf-8"))
    left = outdated_cells(english, edition) + outdated_sections(readme, korean_readme)
    for name in left:
        print(f"The English of {name} has changed, or has no Korean yet.", file=sys.stderr)
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
