"""Matplotlib figures as small SVG elements of a page, without inline styles.

The content security policy of the report forbids inline styles, so that style declarations become
presentation attributes. Identifiers get a prefix per picture; unused ones are dropped.
"""

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Mapping

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
ET.register_namespace("", _SVG[1:-1])
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_LONG_NUMBER = re.compile(r"-?\d+\.\d+")
# SVG repeats the command L of a path by default.
_REPEATED = re.compile(r"(?<=\d) L (?=-?[\d.])")
# Black text and lines take the text colour of the page, which is light in a dark scheme.
_INK = {"#000000", "black"}
_DROPPED = {"metadata", "style"}
# Declarations that repeat SVG's defaults, or differ from them invisibly.
_DEFAULTS = {
    "stroke-linejoin": {"miter", "round"},
    "stroke-linecap": {"butt", "square"},
    "stroke-dashoffset": {"0"},
    "fill-opacity": {"1"},
}
PART = "part-"
"""Prefix of the gid of an artist that the page needs; the rest becomes `data-part`."""


def to_svg(
    figure: Figure, salt: str, label: str, titles: Mapping[str, str] | None = None
) -> Markup:
    """Return a figure, drawn with the current rcParams, as an `svg` element.

    `salt` is a prefix of identifiers, unique in the page, `label` the accessible name, and
    `titles` are tooltips of parts, by the names after `PART`.
    """
    # Identifiers are random without a salt.
    mpl.rcParams["svg.hashsalt"] = salt
    written = io.StringIO()
    with warnings.catch_warnings():
        # Text stays text, and the typeface of the page may have the glyph.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(written, format="svg", metadata={"Date": None})
    root = ET.fromstring(written.getvalue())
    _clean(root)
    _rename(root, salt, titles or {})
    _unwrap(root)
    width, height = root.get("viewBox", "0 0 1 1").split()[2:]
    root.attrib = {"viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": label}
    text = ET.tostring(root, encoding="unicode")
    # HTML implies the namespace.
    text = text.replace(f' xmlns="{_SVG[1:-1]}"', "", 1)
    # Safe in a template, since the XML writer escapes names.
    return Markup(re.sub(r">\s+<", "><", text).replace(" />", "/>").strip())


def _clean(part: ET.Element) -> None:
    """Drop invisible elements, turn styles into attributes and round coordinates."""
    for child in list(part):
        if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in _DROPPED:
            part.remove(child)
        else:
            _clean(child)
    for declaration in part.attrib.pop("style", "").split(";"):
        name, _, value = (piece.strip() for piece in declaration.partition(":"))
        # The typeface is that of the page.
        if name and name != "font-family" and value not in _DEFAULTS.get(name, set()):
            part.set(name, "currentColor" if value in _INK else value)
    for key in ("d", "transform", "x", "y", "width", "height"):
        if key in part.attrib:
            part.set(key, " ".join(_LONG_NUMBER.sub(_round, part.attrib[key]).split()))
    if "d" in part.attrib:
        part.set("d", _REPEATED.sub(" ", part.attrib["d"]))
    if part.get("transform", "").startswith(("rotate(-0 ", "rotate(0 ")):
        del part.attrib["transform"]


def _round(found: re.Match[str]) -> str:
    """Return a coordinate rounded to a tenth of a point, below the resolution of screens."""
    text = f"{float(found.group()):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _rename(root: ET.Element, salt: str, titles: Mapping[str, str]) -> None:
    """Prefix the identifiers in use, drop the others, and mark the parts of the page."""
    used = {name for part in root.iter() for name in _references(part)}
    for part in list(root.iter()):
        name = part.attrib.pop("id", "")
        if name in used:
            part.set("id", f"{salt}-{name}")
        elif name.startswith(PART):
            of_page = name.removeprefix(PART)
            part.set("data-part", of_page)
            if of_page in titles:
                title = ET.Element(f"{_SVG}title")
                title.text = titles[of_page]
                part.insert(0, title)
        for key, value in list(part.attrib.items()):
            if key == _HREF:
                # HTML needs no namespace here.
                part.set("href", f"#{salt}-{part.attrib.pop(key)[1:]}")
            elif "url(#" in value:
                part.set(key, _REFERENCE.sub(rf"url(#{salt}-\1)", value))


def _references(part: ET.Element) -> list[str]:
    """Return the identifiers to which an element refers."""
    names = _REFERENCE.findall(" ".join(part.attrib.values()))
    link = part.get(_HREF, "")
    return [*names, link[1:]] if link.startswith("#") else names


def _unwrap(part: ET.Element) -> None:
    """Replace groups without attributes by their children, and drop invisible elements."""
    children: list[ET.Element] = []
    for child in list(part):
        _unwrap(child)
        if child.tag == f"{_SVG}g" and not child.attrib:
            children += list(child)
        elif _is_visible(child):
            children.append(child)
    part[:] = children


def _is_visible(part: ET.Element) -> bool:
    unpainted = part.get("fill") == "none" and "stroke" not in part.attrib
    if part.tag == f"{_SVG}path":
        return not unpainted
    return part.tag != f"{_SVG}defs" or len(part) > 0
