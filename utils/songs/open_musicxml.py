"""From the bytes of a MusicXML file to its elements: encodings, compressed files, scores by time."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from xml.etree import ElementTree

from .song import LARGEST_SCORE, SCORES_TO_READ, MelodyError

MUSICXML_MEDIA_TYPES = ("application/vnd.recordare.musicxml+xml", "application/vnd.recordare.musicxml")
CONTAINER = "META-INF/container.xml"
LARGEST_CONTAINER = 1_000_000  # bytes
DECLARATION = re.compile(rb"\s*<\?xml[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)[\"']")
BYTE_ORDER_MARKS = {  # the longer ones first, since some begin with another one
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What stands for letters; Python's other codecs are none of a text file's business.
TEXT_ENCODINGS = re.compile(
    r"utf-(8|16|32)|utf_8|ascii|latin|iso8859|iso2022|cp\d|mac|koi8|shift_jis|euc|gb|big5|tis"
)
OTHER_XML = {  # what else people take for MusicXML, by the name of its first element
    "museScore": "a file of MuseScore's own",
    "mei": "an MEI file",
    "opus": "a list of scores (an opus)",
    "container": "the list of contents of an .mxl file",
    "html": "a web page",
    "GPIF": "a file of Guitar Pro",
}
DIGITS = re.compile(r"[0-9]+")
LARGEST_NUMBER = 256  # of beats, of what a beat is of a whole note, of sharps
ADVICE = "Export it as MusicXML (.musicxml, .xml or .mxl) from a notation program"


def open_musicxml(path, data):
    """Find the score in a file.

    A compressed file names its score in a container; a file says which encoding its text has; a score may
    be written part by part or, seldom, bar by bar. See the MusicXML 4.0 specification, "Compressed .mxl
    files" and "score-timewise".

    Parameters
    ----------
    path : str or Path
        For messages.
    data : bytes

    Returns
    -------
    xml.etree.ElementTree.Element
        ``score-partwise``.

    Raises
    ------
    MelodyError
        If there is no score in it.
    zipfile.BadZipFile, RuntimeError, NotImplementedError, xml.etree.ElementTree.ParseError
        If it is damaged.
    """
    if data.startswith(b"PK"):
        data = _unzip(path, data)
    root = ElementTree.fromstring(_decode(path, data))
    if root.tag == "score-timewise":
        root = _part_by_part(root)
    if root.tag != "score-partwise":
        name = root.tag.rpartition("}")[2]
        raise MelodyError(path, OTHER_XML.get(name, f"XML, but no MusicXML (<{name[:40]}>)"), ADVICE)
    for number in (*root.iter("beats"), *root.iter("beat-type"), *root.iter("fifths")):
        # music21 would make an object for each of a million beats.
        if any(int(digits) > LARGEST_NUMBER for digits in DIGITS.findall((number.text or "")[:100])):
            raise MelodyError(path, f"a meter or key of {number.text[:40]} ({number.tag})", ADVICE)
    return root


def _unzip(path, data):
    """Take the score out of a compressed file: the first MusicXML that its container names."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        name = next((name for name in _named_by_container(path, archive) if name in names), None)
        if name is None:
            # A Mac adds a shadow of every file.
            others = ("META-INF/", "__MACOSX/")
            scores = (
                name
                for name in names
                if name.lower().endswith(SCORES_TO_READ)
                and not name.startswith(others)
                and not name.rpartition("/")[2].startswith("._")
            )
            name = next(scores, None)
        if name is None:
            raise MelodyError(path, "a zip file without a score", ADVICE)
        with archive.open(name) as file:
            unpacked = file.read(LARGEST_SCORE + 1)
    if len(unpacked) > LARGEST_SCORE:
        raise MelodyError(path, f"more than {LARGEST_SCORE / 1e6:.0f} MB of score", "Cut it into parts")
    return unpacked


def _named_by_container(path, archive):
    """List the files that a container names as MusicXML, or without a type, which means the same."""
    try:
        with archive.open(CONTAINER) as file:
            text = _decode(path, file.read(LARGEST_CONTAINER))
        entries = [entry for entry in ElementTree.fromstring(text).iter() if entry.tag.endswith("rootfile")]
    except (KeyError, ElementTree.ParseError, MelodyError):
        return []  # none, or a damaged one
    return [
        entry.get("full-path", "").removeprefix("./").removeprefix("/").replace("\\", "/")
        for entry in entries
        if entry.get("media-type") in (None, "", *MUSICXML_MEDIA_TYPES)
    ]


def _decode(path, data):
    """Decode a text as its first bytes and its declaration say."""
    declared = DECLARATION.match(data)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    if encoding is None and data[:4] in (b"<\0?\0", b"\0<\0?"):
        encoding = "utf-16-le" if data[0] else "utf-16-be"
    if encoding is None:
        encoding = declared[1].decode("ascii") if declared else "utf-8"
        if encoding.lower().startswith(("utf-16", "ucs-2")):
            encoding = "utf-8"  # a text in UTF-16 would not have let us read that
    try:
        if not TEXT_ENCODINGS.match(codecs.lookup(encoding).name):
            raise LookupError
        return data.decode(encoding)
    except LookupError:
        reason = f"it declares the encoding {encoding[:40]!r}, which is unknown"
        raise MelodyError(path, reason, "Export it again, as UTF-8") from None
    except UnicodeDecodeError as error:
        reason = f"its text is not in the encoding {encoding}, as it should be (byte {error.start})"
        raise MelodyError(path, reason, "Export it again, as UTF-8") from error


def _part_by_part(root):
    """Turn a score that lists its parts bar by bar into one that lists its bars part by part."""
    score = ElementTree.Element("score-partwise", root.attrib)
    score.extend(child for child in root if child.tag != "measure")
    for entry in root.findall("part-list/score-part"):
        part = ElementTree.SubElement(score, "part", {"id": entry.get("id", "")})
        for measure in root.findall("measure"):
            bar = ElementTree.SubElement(part, "measure", measure.attrib)
            for own in measure.findall("part"):
                if own.get("id") == entry.get("id"):
                    bar.extend(own)
    return score
