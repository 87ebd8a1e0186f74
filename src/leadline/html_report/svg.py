"""Matplotlib's SVG made fit for a page: small, without styles, and with the colours of the page.

A page whose content security policy forbids inline styles shows no `style` attribute, so that
these become presentation attributes; identifiers that nothing refers to go, as they would clash
between pictures.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_LONG_NUMBER = re.compile(r"-?\d+\.\d+")
# A line goes on without its letter.
_REPEATED = re.compile(r"(?<=\d) L (?=-?[\d.])")
# Text and lines are black on a page by day, white by night.
_INK = {"#000000", "black"}
_DROPPED = {"metadata", "style"}
ET.register_namespace("", _SVG[1:-1])
# Matplotlib spells out what SVG has as a default.
_DEFAULTS = {
    "stroke-linejoin": {"miter", "round"},
    "stroke-linecap": {"butt", "square"},
    "fill-opacity": {"1"},
}
_GROUP = "keep-"
"""Before the identifiers that the page needs; it goes."""


def for_page(text: str, salt: str, label: str, titles: Mapping[str, str]) -> str:
    """Return the picture as an `svg` element for the body of a page.

    Parameters
    ----------
    text : str
        What matplotlib wrote.
    salt : str
        Before identifiers, another for every picture of the page.
    label : str
        What the picture shows, for those who do not see it.
    titles : mapping of str to str
        What is shown when one points at a part, by its name.
    """
    root = ET.fromstring(text)
    _clean(root)
    used = {name for part in root.iter() for name in _referred(part)}
    for part in list(root.iter()):
        name = part.attrib.pop("id", None)
        if name is not None and name in used:
            part.set("id", f"{salt}-{name}")
        elif name is not None and name.startswith(_GROUP):
            of_page = name.removeprefix(_GROUP)
            part.set("data-part", of_page)
            if of_page in titles:
                ET.SubElement(part, f"{_SVG}title").text = titles[of_page]
        for key, value in list(part.attrib.items()):
            if key == _HREF:
                # HTML knows it without its namespace.
                part.set("href", f"#{salt}-{part.attrib.pop(key)[1:]}")
            elif "url(#" in value:
                part.set(key, _REFERENCE.sub(rf"url(#{salt}-\1)", value))
    _unwrap(root)
    width, height = root.get("viewBox", "0 0 1 1").split()[2:]
    root.attrib = {"viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": label}
    written = ET.tostring(root, encoding="unicode", short_empty_elements=True)
    # HTML knows the namespace.
    written = written.replace(f' xmlns="{_SVG[1:-1]}"', "", 1)
    return re.sub(r">\s+<", "><", written).replace(" />", "/>").strip()


def _referred(part: ET.Element) -> list[str]:
    """Return the identifiers that an element refers to."""
    names = _REFERENCE.findall(" ".join(part.attrib.values()))
    link = part.get(_HREF, "")
    return [*names, link[1:]] if link.startswith("#") else names


def _clean(part: ET.Element) -> None:
    """Drop what is not drawn, turn styles into attributes and round coordinates."""
    for child in list(part):
        if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in _DROPPED:
            part.remove(child)
        else:
            _clean(child)
    for declaration in part.attrib.pop("style", "").split(";"):
        name, _, value = (piece.strip() for piece in declaration.partition(":"))
        # The page has its own typeface.
        if name and name != "font-family" and value not in _DEFAULTS.get(name, set()):
            part.set(name, "currentColor" if value in _INK else value)
    for key in ("d", "transform", "x", "y", "width", "height"):
        if key in part.attrib:
            part.set(key, " ".join(_LONG_NUMBER.sub(_shorter, part.attrib[key]).split()))
    if "d" in part.attrib:
        part.set("d", _REPEATED.sub(" ", part.attrib["d"]))
    if part.get("transform", "").startswith(("rotate(-0 ", "rotate(0 ")):
        del part.attrib["transform"]


def _drawn(part: ET.Element) -> bool:
    """Return whether one can see an element."""
    outline = (
        part.tag == f"{_SVG}path" and part.get("fill") == "none" and "stroke" not in part.attrib
    )
    return not outline and (part.tag != f"{_SVG}defs" or len(part) > 0)


def _shorter(found: re.Match[str]) -> str:
    """Return a coordinate to a tenth of a point, which no screen shows better."""
    text = f"{float(found.group()):.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def _unwrap(part: ET.Element) -> None:
    """Replace groups that say nothing by what is in them."""
    children: list[ET.Element] = []
    for child in list(part):
        _unwrap(child)
        if child.tag == f"{_SVG}g" and not child.attrib:
            children += list(child)
        elif _drawn(child):
            children.append(child)
    part[:] = children
