"""Registers the encoders of the suite."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vsebench.plugin import Card, ImageEncoderCard, Paper, Param, TextEncoderCard, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import RegisterEncoder, Scalar

_VSE_INFINITY = Paper(
    title="Learning the Best Pooling Strategy for Visual Semantic Embedding",
    year=2021,
    venue="CVPR",
    url="https://arxiv.org/abs/2011.04305",
    where="supplementary material, section 1.1",
)

_VSE_PP = Paper(
    title="VSE++: Improving Visual-Semantic Embeddings with Hard Negatives",
    year=2018,
    venue="BMVC",
    url="https://arxiv.org/abs/1707.05612",
    where="section 3.1",
)

_WORDS = (
    (
        "Words are runs of letters, digits and hyphens; the released code takes NLTK's "
        "word_tokenize, whose punctuation and clitics are tokens too."
    ),
    (
        "Augmentation replaces with any word or <unk>; the released code of VSE-infinity may also "
        "put <pad>, <start>, <end> or <mask> into a caption."
    ),
)


_ONCE = (
    "With frozen=true, --set frozen_features=kept computes what the model gives once, for all "
    "epochs, seeds and runs."
)


@hookimpl
def vsebench_register_encoders(register: RegisterEncoder) -> None:
    register(
        "region",
        "vsebench.retrieval.encoders.features:RegionEncoder",
        side="image",
        params=[
            Param(
                "count_padding",
                False,
                "let the batch normalisation see padding rows, as the released code does",
            )
        ],
        card=Card(
            (
                "a linear layer plus a two-layer perceptron with batch normalisation, per local "
                "feature"
            ),
            paper=_VSE_INFINITY,
            notes=(
                (
                    "Batch statistics are taken over valid rows; the released code counts zero "
                    "padding too (count_padding=true)."
                ),
            ),
        ),
    )
    register(
        "grid",
        "vsebench.retrieval.encoders.features:GridEncoder",
        side="image",
        card=Card(
            "a linear layer per local feature",
            paper=replace(_VSE_INFINITY, where="section 5.1: grid features"),
        ),
    )
    _register_backbone(register)
    _register_text(register)


def _is_frozen(params: Mapping[str, Scalar]) -> bool:
    return bool(params["frozen"])


def _register_backbone(register: RegisterEncoder) -> None:
    register(
        "backbone",
        "vsebench.retrieval.encoders.backbone:BackboneEncoder",
        side="image",
        params=[
            Param(
                "model",
                "",
                "a folder, or a name on the Hugging Face hub: ResNet, ConvNeXt, MobileNetV2, ViT "
                "or CLIP",
            ),
            Param(
                "size",
                0,
                "side of the images in pixels; 0 for the one that the model was trained with",
                minimum=0,
                maximum=4096,
            ),
            Param("cls", False, "keep the CLS token of a transformer as the first local feature"),
            Param("frozen", False, "never train the pretrained model"),
            Param(
                "last_blocks",
                0,
                "train only so many of its last stages or layers; 0 for all of it",
                minimum=0,
            ),
            Param("lr_factor", 0.1, "of the learning rate, for the pretrained model", minimum=0),
            Param("frozen_epochs", 1, "epochs before the pretrained model trains", minimum=0),
            Param(
                "recompute",
                False,
                "compute activations again in the backward pass: less memory, more time",
            ),
            Param(
                "head",
                "new",
                "a new linear layer, or the model's own projection, of CLIP",
                choices=("new", "own"),
            ),
        ],
        card=ImageEncoderCard(
            "a pretrained vision model and a linear layer, from raw images",
            paper=replace(
                _VSE_INFINITY, where="section 5.1 and supplementary section 1.1: grid features"
            ),
            notes=(
                "Batch normalisation of the pretrained model works in evaluation mode throughout.",
                _ONCE,
                (
                    "Published rates of the pretrained model: 0.01 of the learning rate for BUTD "
                    "and WSL weights, 0.1 for ImageNet's."
                ),
            ),
            files="vsebench.retrieval.encoders.pretrained:model_files",
            frozen=_is_frozen,
            raw_images=True,
        ),
    )


def _register_text(register: RegisterEncoder) -> None:
    register(
        "bigru",
        "vsebench.retrieval.encoders.gru:BiGRUEncoder",
        side="text",
        card=Card(
            "word embeddings learned from scratch and a bidirectional GRU whose directions are "
            "averaged",
            paper=_VSE_INFINITY,
            notes=_WORDS,
        ),
    )
    register(
        "gru-last",
        "vsebench.retrieval.encoders.gru:GRUEncoder",
        side="text",
        card=Card(
            "word embeddings learned from scratch and a GRU in one direction, for the pooling "
            "'last'",
            paper=_VSE_PP,
            notes=(
                "It gives every hidden state; the papers use the last one: --pooling IMAGE/last.",
                *_WORDS,
            ),
        ),
    )
    register(
        "bert",
        "vsebench.retrieval.encoders.bert:BertEncoder",
        side="text",
        params=[
            Param(
                "model",
                "bert-base-uncased",
                "a folder, also one under $VSEBENCH_MODELS, or a name on the Hugging Face hub; of "
                "CLIP, the text half",
            ),
            Param("frozen", False, "the pretrained model never trains"),
            Param("lr_factor", 0.1, "of the learning rate, for the pretrained model", minimum=0.0),
            Param(
                "head",
                "new",
                "a new linear layer, or the model's own projection, of CLIP",
                choices=("new", "own"),
            ),
        ],
        card=TextEncoderCard(
            "the last hidden states of a pretrained transformer and a linear layer",
            paper=_VSE_INFINITY,
            files="vsebench.retrieval.encoders.pretrained:model_files",
            frozen=_is_frozen,
            tokeniser="vsebench.retrieval.encoders.bert:PieceTokeniser",
            notes=(
                (
                    "Special tokens such as [CLS] and [SEP] are local features too, as published; "
                    "augmentation leaves them alone."
                ),
                (
                    "Augmentation replaces with any id but special ones; the released code may "
                    "also put [PAD] or [CLS] into a caption."
                ),
                "The content of the model's files is part of a run's identity.",
                _ONCE,
            ),
        ),
    )
