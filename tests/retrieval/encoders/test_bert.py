"""The tokenizers of pretrained models against plain calls of transformers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from tests.tiny_models import write_roberta
from vsebench.plugin import SpecError, TokenTable
from vsebench.retrieval.encoders.backbone import BackboneEncoder
from vsebench.retrieval.encoders.bert import BertEncoder, PieceTokeniser
from vsebench.retrieval.inputs.splits import Captions
from vsebench_plugins.learned.rows import First, Last

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import CLIPModel


@pytest.mark.parametrize("model", ["tiny_bert", "minilm"])
def test_it_is_a_linear_layer_on_the_last_hidden_states_of_each_caption_alone(
    model: str, request: pytest.FixtureRequest
) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = request.getfixturevalue(model)
    torch.manual_seed(0)
    encoder, plain, tokenizer = (
        BertEncoder(8, folder).eval(),
        AutoModel.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    captions = ["a dog runs", "the red cat, the dog and another red dog", "dog"]
    tokens, lengths = map(
        torch.from_numpy,
        Captions(PieceTokeniser(folder).encode(captions)).gather(torch.arange(3).numpy()),
    )
    out = encoder(tokens, lengths)
    for b, caption in enumerate(captions):
        states = plain(**tokenizer(caption, return_tensors="pt")).last_hidden_state[0]
        assert len(states) == lengths[b]
        torch.testing.assert_close(out[b, : lengths[b]], encoder.fc(states), rtol=1e-4, atol=1e-5)
    assert torch.isfinite(out).all()


def test_padding_is_never_read(tiny_bert: str) -> None:
    encoder = BertEncoder(8, tiny_bert).eval()
    tokens, lengths = torch.randint(5, 40, (3, 6)), torch.tensor([6, 1, 4])
    one, other = (
        encoder(tokens, lengths),
        encoder(torch.where(torch.arange(6) < lengths[:, None], tokens, 7), lengths),
    )
    for b, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(one[b, :n], other[b, :n], rtol=0, atol=0)


def test_a_batch_of_many_lengths_is_what_each_caption_is_alone(tiny_bert: str) -> None:
    torch.manual_seed(1)
    encoder = BertEncoder(8, tiny_bert).eval()
    tokens, lengths = torch.randint(5, 40, (70, 20)), torch.randint(1, 21, (70,))
    out = encoder(tokens, lengths)
    assert out.shape == (70, 20, 8)
    for b, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(
            out[b, :n], encoder(tokens[b : b + 1, :n], lengths[b : b + 1])[0], rtol=1e-4, atol=1e-5
        )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_it_gives_what_it_gives_on_the_cpu(tiny_bert: str) -> None:
    encoder = BertEncoder(8, tiny_bert).eval()
    tokens, lengths = torch.randint(5, 40, (70, 20)), torch.randint(1, 21, (70,))
    here, there = encoder(tokens, lengths), encoder.cuda()(tokens.cuda(), lengths.cuda()).cpu()
    for b, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(there[b, :n], here[b, :n], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("frozen", "epochs"), [(False, 0), (True, math.inf)])
def test_the_pretrained_model_is_a_group_of_its_own(
    tiny_bert: str, frozen: bool, epochs: float
) -> None:
    encoder = BertEncoder(8, tiny_bert, frozen=frozen, lr_factor=0.05)
    (group,) = encoder.parameter_groups()
    assert (group.lr_factor, group.frozen_epochs) == (0.05, epochs)
    named = {id(p) for p in group.parameters}
    assert [name for name, p in encoder.named_parameters() if id(p) not in named] == [
        "fc.weight",
        "fc.bias",
    ]
    assert not any("pooler" in name for name, _ in encoder.named_parameters())


HALF = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def write_clip(folder: Path) -> CLIPModel:
    from transformers import CLIPConfig, CLIPModel

    text = {
        **HALF,
        "vocab_size": 50,
        "max_position_embeddings": 12,
        "bos_token_id": 48,
        "eos_token_id": 49,
    }
    clip = CLIPModel(
        CLIPConfig(
            text_config=text,
            vision_config={**HALF, "image_size": 8, "patch_size": 4},
            projection_dim=8,
        )
    ).eval()
    clip.save_pretrained(folder)
    return clip


def test_with_its_own_heads_clip_begins_as_it_is(tmp_path: Path) -> None:
    clip = write_clip(tmp_path)
    image, text = (
        BackboneEncoder(8, str(tmp_path), cls=True, head="own").eval(),
        BertEncoder(8, str(tmp_path), head="own").eval(),
    )
    pixels = torch.randint(256, (3, 3, 8, 8), dtype=torch.uint8)
    tokens, lengths = (
        torch.tensor([[48, 3, 4, 49], [48, 5, 49, 0], [48, 6, 7, 49]]),
        torch.tensor([4, 3, 4]),
    )
    output = clip(
        pixel_values=(pixels - image.backbone.mean) / image.backbone.std,
        input_ids=tokens,
        attention_mask=(tokens != 0).long(),
    )
    pictured = First()(*image(pixels, torch.ones(3, dtype=torch.long)))
    torch.testing.assert_close(
        nn.functional.normalize(pictured), output.image_embeds, rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        nn.functional.normalize(Last()(text(tokens, lengths), lengths)),
        output.text_embeds,
        rtol=1e-4,
        atol=1e-5,
    )
    for encoder in (image, text):
        assert sum(len(group.parameters) for group in encoder.parameter_groups()) == len(
            list(encoder.parameters())
        )


def test_a_head_that_is_not_there_or_of_another_size_is_refused(
    tmp_path: Path, tiny_bert: str
) -> None:
    write_clip(tmp_path)
    with pytest.raises(SpecError, match=r"projects to 8 .*to 16: .*--set embed_dim=8"):
        BertEncoder(16, str(tmp_path), head="own")
    with pytest.raises(SpecError, match="has no text_projection"):
        BertEncoder(16, tiny_bert, head="own")


def test_of_clip_it_takes_the_text_half_and_last_is_its_end_of_text(tmp_path: Path) -> None:
    clip = write_clip(tmp_path)
    encoder = BertEncoder(8, str(tmp_path)).eval()
    assert sum(p.numel() for p in encoder.backbone.parameters()) == sum(
        p.numel() for p in clip.text_model.parameters()
    )
    tokens, lengths = torch.tensor([[48, 3, 4, 49], [48, 5, 49, 0]]), torch.tensor([4, 3])
    pooled = Last()(encoder(tokens, lengths), lengths)
    # CLIP's own choice of the end of text
    own = clip.text_model(input_ids=tokens, attention_mask=(tokens != 0).long()).pooler_output
    torch.testing.assert_close(pooled, encoder.fc(own), rtol=1e-5, atol=1e-6)


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


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused_where_a_caption_has_one(
    tiny_bert: str, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    known = len(tokenizer)
    tokenizer.add_tokens(["selfie"])
    tokenizer.save_pretrained(tmp_path)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(f"{tiny_bert}/{name}")
    tokeniser = PieceTokeniser(str(tmp_path))
    assert tokeniser.encode(["a dog"]).lengths.tolist() == [4]
    assert tokeniser.replacements.max() < known
    with pytest.raises(SpecError, match=f"has {known} token embeddings, .* the id {known}: "):
        tokeniser.encode(["a dog", "a selfie"])


def test_captions_that_are_cut_are_counted(tiny_bert: str) -> None:
    tokeniser = PieceTokeniser(tiny_bert)
    exact, longer = " ".join("z" * 22), " ".join("z" * 23)
    for captions, cut in (([exact], 0), ([longer], 1), ([longer, exact, "a dog", longer], 2)):
        table = tokeniser.encode(captions)
        assert table.cut == cut
        assert table.lengths.max() == 24
    assert tokeniser.encode([]).cut == 0


@pytest.mark.parametrize("rows", [5, 12, 24])
def test_a_model_that_numbers_positions_after_padding_is_given_what_they_hold(
    tmp_path: Path, rows: int
) -> None:
    folder = str(write_roberta(tmp_path, rows=rows))
    table = PieceTokeniser(folder).encode([" ".join("z" * 40), "z"])
    assert table.cut == 1
    assert table.lengths.tolist() == [rows - 2, 3]
    encoder = BertEncoder(8, folder).eval()
    tokens, lengths = map(torch.from_numpy, Captions(table).gather(np.arange(2)))
    assert torch.isfinite(encoder(tokens, lengths)[0]).all()
    beyond = torch.full((1, rows - 1), 5)
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        encoder(beyond, torch.tensor([rows - 1]))


def test_to_ask_for_the_positions_draws_no_random_number(tiny_bert: str) -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    PieceTokeniser(tiny_bert)
    assert torch.equal(torch.random.get_rng_state(), before)
