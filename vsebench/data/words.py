"""The words of a caption, in any language.

A word is a run of letters and digits with the marks on them. Scripts that write no spaces between
words give characters instead, as the default word boundaries of Unicode do (UAX #29): a dictionary
of each language would find words, and change what a data set means with its version.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regex import Pattern

_ASCII = re.compile(r"[^\W_]+(?:-[^\W_]+)*")

_MARK = r"\p{Mn}\p{Mc}"
_JOINERS = "\u200c\u200d"
"""What forms a letter, in Persian and in scripts of India, without being one."""

_UNSPACED = "".join(
    rf"\p{{{script}}}"
    for script in ("scx=Han", "scx=Hira", "scx=Kana", "scx=Bopo", "sc=Yi", "sc=Tangut", "sc=Nushu")
)
_UNSPACED += r"\p{lb=SA}"
"""Scripts without spaces; SA are those of South East Asia, such as Thai, Lao, Khmer and Burmese."""

_LETTER = rf"[[\p{{L}}\p{{N}}]--[{_UNSPACED}]]"
_CHARACTER = rf"[[\p{{L}}\p{{N}}]&&[{_UNSPACED}]]"

_ATTACHED = r"\u0e33\u0eb3\uff9e\uff9f"
"""Letters that belong to the one before: the vowels AM of Thai and Lao, and the voicing of
Katakana of half width.
"""

_STACKED = r"(?<=[\u17d2\u1039])[\p{L}&&[\p{sc=Khmer}\p{sc=Myanmar}]]"
"""The consonant that a sign before it puts beneath another, in Khmer and Burmese."""

_RUN = rf"{_LETTER}(?:{_LETTER}|[{_MARK}{_JOINERS}])*"
_WORD = "|".join(
    (
        rf"{_RUN}(?:[-\u2010\u2011]{_RUN})*",
        rf"(?:[\p{{WB=Katakana}}&&\p{{L}}][{_MARK}{_ATTACHED}]*)+",
        rf"{_CHARACTER}(?:[{_MARK}{_ATTACHED}]|{_STACKED})*",
    )
)
"""A word of a script with spaces, a run of Katakana, or a character."""

_PLAIN = {0x2010: "-", 0x2011: "-"}
"""Hyphens of typography, and the one of keyboards."""

_INVISIBLE = r"[\p{WB=Format}\p{Variation_Selector}\u034f]"
"""Soft hyphens, marks of direction and of a glyph's look, byte-order marks: no part of a word."""


def tokenise(caption: str) -> list[str]:
    """The lower-cased words of a caption, composed (NFC); hyphens join, every other mark and symbol
    separates. Of Han, Hiragana, Thai and the other scripts without spaces every character is one,
    with its marks; a run of Katakana is one.

    VSE++, VSE-infinity and their successors take NLTK's `word_tokenize(caption.lower())`, whose
    punctuation and clitics ("n't", "'s") are tokens as well.

    >>> tokenise("A T-shirt's on the man , 2 dogs!")
    ['a', 't-shirt', 's', 'on', 'the', 'man', '2', 'dogs']
    >>> tokenise("两只狗 run")
    ['两', '只', '狗', 'run']
    """
    if caption.isascii():
        return _ASCII.findall(caption.lower())
    visible = _pattern(_INVISIBLE).sub("", caption)
    found = _pattern(_WORD).findall(unicodedata.normalize("NFC", visible.lower()))
    return [word.rstrip(_JOINERS).translate(_PLAIN) for word in found]


def has_word(caption: str) -> bool:
    """Whether `tokenise` would find at least one word."""
    if caption.isascii():
        return _ASCII.search(caption) is not None
    return _pattern(r"[\p{L}\p{N}]").search(caption) is not None


def as_line(caption: str) -> str:
    """A caption as one line of a text file: white space of any kind and NUL are single blanks."""
    return " ".join(caption.replace("\0", " ").split())


@cache
def _pattern(text: str) -> Pattern[str]:
    """Made when the first caption beyond ASCII is read."""
    import regex

    return regex.compile(text, regex.V1)
