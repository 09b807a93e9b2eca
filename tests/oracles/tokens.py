"""The words of a caption: characters with their marks first, then what follows what. Scripts are
told by the names of characters.
"""

from __future__ import annotations

import unicodedata

BY_CHARACTER = (
    "CJK UNIFIED IDEOGRAPH",
    "CJK COMPATIBILITY IDEOGRAPH",
    "IDEOGRAPHIC",
    "HIRAGANA",
    "BOPOMOFO",
    "YI SYLLABLE",
    "THAI CHARACTER",
    "LAO",
    "KHMER LETTER",
    "MYANMAR LETTER",
)
INVISIBLE = "\u00ad\u034f\u061c\u200e\u200f\u2060\ufeff\ufe0e\ufe0f\U000e0100"
ATTACHED = "\u0e33\u0eb3\uff9e\uff9f"
STACKING = "\u17d2\u1039"
JOINERS = "\u200c\u200d"
HYPHENS = "-\u2010\u2011"


def words(caption: str) -> list[str]:
    """The words, in their order."""
    visible = "".join(char for char in caption if char not in INVISIBLE)
    found: list[str] = []
    before = between = ""  # kind of the last letter, and what stood since
    for text, kind in _with_marks(unicodedata.normalize("NFC", visible.lower())):
        if not kind:
            between += text
            continue
        stacked = (
            found
            and found[-1][-1] in STACKING
            and not between
            and unicodedata.name(text[0]).startswith(("KHMER", "MYANMAR"))
        )
        if kind == before == "spaced" and between in ("", *HYPHENS):
            found[-1] += between.replace("\u2010", "-").replace("\u2011", "-") + text
        elif (kind == before == "katakana" and not between) or (
            kind == before == "character" and stacked
        ):
            found[-1] += text
        else:
            found.append(text)
        before, between = kind, ""
    return [word.rstrip(JOINERS) for word in found]


def _with_marks(text: str) -> list[tuple[str, str]]:
    """Every character with the marks on it, and its kind; none for what belongs to no word."""
    found: list[tuple[str, str]] = []
    for char in text:
        kind = _kind(char)
        before, on = found[-1] if found else ("", "")
        attached = on in ("character", "katakana") and char in ATTACHED
        joiner = on == "spaced" and char in JOINERS
        if on and (kind == "mark" or attached or joiner):
            found[-1] = (before + char, on)
        else:
            found.append((char, "" if kind == "mark" else kind))
    return found


def _kind(char: str) -> str:
    name, category = unicodedata.name(char, ""), unicodedata.category(char)
    if category in ("Mn", "Mc"):
        return "mark"
    if category[0] not in "LN":
        return ""
    if "KATAKANA" in name and char not in ATTACHED:
        return "katakana"
    by_character = category != "Nd" and (name.startswith(BY_CHARACTER) or char in ATTACHED)
    return "character" if by_character else "spaced"
