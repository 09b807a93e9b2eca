"""The tokenizers of pretrained models against plain calls of transformers."""

from __future__ import annotations

import numpy as np
import pytest

from vsebench.plugin import SpecError, TokenTable
from vsebench.retrieval.encoders.pieces import PieceTokeniser

CAPTIONS = (
    "A dog runs.",
    "the snowboarder, re-used!",
    "",
    "...",
    "Ünïcode 雪 dog",
    "a " * 40,
    "[MASK] dog [SEP]",
)


def rows(table: TokenTable) -> list[tuple[list[int], list[int]]]:
    assert table.words is not None
    return [
        (table.tokens[a:b].tolist(), table.words[a:b].tolist())
        for a, b in zip(table.offsets[:-1], table.offsets[1:], strict=True)
    ]


@pytest.mark.parametrize("model", ["tiny_bert", "minilm"])
def test_ids_and_words_are_those_of_a_plain_call(
    model: str, request: pytest.FixtureRequest
) -> None:
    from transformers import AutoTokenizer

    folder = request.getfixturevalue(model)
    plain, longest = AutoTokenizer.from_pretrained(folder), 24 if model == "tiny_bert" else 512
    for caption, (ids, words) in zip(
        CAPTIONS, rows(PieceTokeniser(folder).encode(CAPTIONS)), strict=True
    ):
        alone = plain(caption, truncation=True, max_length=longest)
        assert ids == alone["input_ids"]
        assert words == [-1 if word is None else word for word in alone.word_ids()]


def test_words_are_split_as_the_published_recipe_splits_them(minilm: str) -> None:
    ((ids, words),) = rows(PieceTokeniser(minilm).encode(["Two snowboarders, jump-ing"]))
    # [CLS] two snow ##board ##ers , jump - ing [SEP]
    assert ids == [
        101,
        2048,
        4586,
        6277,
        2545,
        1010,
        5376,
        1011,
        13749,
        102,
    ]
    assert words == [-1, 0, 1, 1, 1, 2, 3, 4, 5, -1]


def test_what_replaces_a_piece_is_never_special(minilm: str) -> None:
    tokeniser = PieceTokeniser(minilm)
    assert (len(tokeniser), tokeniser.mask) == (30522, 103)
    assert len(tokeniser.replacements) == 30522 - 5
    assert not np.isin([0, 100, 101, 102, 103], tokeniser.replacements).any()


def test_no_caption_gives_an_empty_table(tiny_bert: str) -> None:
    table = PieceTokeniser(tiny_bert).encode([])
    assert (len(table), table.tokens.dtype, table.offsets.tolist()) == (0, np.int32, [0])


def test_a_model_without_a_tokenizer_is_refused(tiny_bert: str, tmp_path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(f"{tiny_bert}/{name}")
    with pytest.raises(SpecError, match="tokenizer") as caught:
        PieceTokeniser(str(tmp_path))
    assert "\n" not in str(caught.value)
