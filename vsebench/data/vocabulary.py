"""Captions to token ids: the vocabulary of the training captions, and captions packed in one flat
table.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.words import tokenise
from vsebench.files import read_bytes
from vsebench.plugin import DataError, TokenTable
from vsebench.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_FIRST = ("<pad>", "<start>", "<end>", "<unk>")
_LAST = "<mask>"


def some_word_is_known(captions: Iterable[str], min_count: int) -> bool:
    """Whether the vocabulary of these captions would have a word; most of them are not read."""
    counts: Counter[str] = Counter()
    for word in chain.from_iterable(map(tokenise, captions)):
        counts[word] += 1
        if counts[word] >= min_count:
            return True
    return False


@dataclass(frozen=True)
class Vocabulary:
    """Words by id: the special tokens of SCAN's vocabularies, then words by falling frequency,
    `<mask>` last.

    Attributes:
        words: the word of every id.
        ends_are_words: whether size augmentation may take `<start>` and `<end>` as it takes words.
    """

    words: tuple[str, ...]
    ends_are_words: bool = True

    pad = 0
    start = 1
    end = 2
    unk = 3

    def __post_init__(self) -> None:
        if (
            self.words[:4] != _FIRST
            or self.words[-1] != _LAST
            or len(set(self.words)) != len(self.words)
        ):
            raise DataError(
                f"a vocabulary holds {', '.join(_FIRST)}, then distinct words, then {_LAST}; this "
                f"one of {len(self.words)} words does not"
            )

    @classmethod
    def build(
        cls, captions: Iterable[str], min_count: int, *, ends_are_words: bool = True
    ) -> Vocabulary:
        """The vocabulary of the training captions.

        Args:
            captions: the training captions.
            min_count: words seen less often are left out, and read as `<unk>`.
            ends_are_words: whether size augmentation may take `<start>` and `<end>` as it takes
                words.
        """
        counts = Counter(chain.from_iterable(map(tokenise, captions)))
        kept = sorted(
            (w for w, c in counts.items() if c >= min_count), key=lambda w: (-counts[w], w)
        )
        return cls((*_FIRST, *kept, _LAST), ends_are_words)

    def unknown(self, captions: Iterable[str]) -> tuple[int, int]:
        """How many words of captions are read as `<unk>`, and how many there are."""
        counts = Counter(chain.from_iterable(map(tokenise, captions)))
        unknown = sum(count for word, count in counts.items() if word not in self._ids)
        return unknown, counts.total()

    @classmethod
    def read(cls, path: Path, *, ends_are_words: bool = True) -> Vocabulary:
        """The vocabulary in a file of one word a line, as `text` gives it.

        Raises:
            DataError: the file is missing, cannot be read, or is not a vocabulary.
        """
        with readable(path):
            words = read_bytes(path).decode("utf-8").split("\n")[:-1]
        try:
            return cls(tuple(words), ends_are_words)
        except DataError as error:
            raise DataError(f"{path} is damaged: {error}") from error

    @property
    def text(self) -> str:
        """One word a line; a word's id is its line's number, from 0."""
        return "".join(f"{word}\n" for word in self.words)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def mask(self) -> int:
        """The id of `<mask>`, the last one."""
        return len(self.words) - 1

    @cached_property
    def replacements(self) -> np.ndarray:
        """The ids of words, `<unk>` among them. VSE-infinity's code draws from all ids, `<pad>` and
        the other special tokens included.
        """
        return np.arange(self.unk, max(self.unk + 1, self.mask), dtype=np.int64)

    def encode(self, captions: Sequence[str]) -> TokenTable:
        """Tokenises captions, each as `<start>`, its words, `<end>`."""
        ids = self._ids
        tokens: list[int] = []
        offsets = np.zeros(len(captions) + 1, np.int64)
        for i, caption in enumerate(captions, start=1):
            tokens.append(self.start)
            tokens += [ids.get(word, self.unk) for word in tokenise(caption)]
            tokens.append(self.end)
            offsets[i] = len(tokens)
        return TokenTable(
            np.array(tokens, np.int32),
            offsets,
            None if self.ends_are_words else _between_ends(offsets),
        )

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {word: i for i, word in enumerate(self.words)}


def _between_ends(offsets: np.ndarray) -> np.ndarray:
    """Numbers the tokens of each caption from 0, its first and last left out (-1)."""
    words = np.arange(offsets[-1], dtype=np.int64) - np.repeat(offsets[:-1] + 1, np.diff(offsets))
    words[offsets[1:] - 1] = -1
    numbers: np.ndarray = words.astype(np.int32)
    return numbers
