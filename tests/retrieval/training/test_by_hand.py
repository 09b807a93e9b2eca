"""Whole runs against plain loops over single items in float64, from the files of a set and the keys
of the random streams.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import normalize

from tests.oracles import losses as oracle
from tests.oracles import ranking
from tests.oracles.words import augmented
from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin import Key, OfflineLists
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.retrieval.model import build
from vsebench.retrieval.training.first_round import StoredLists
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.model import Model

    Plan = Callable[..., tuple[RunSpec, ...]]

REGIONS, DIM, WORDS = (
    4,
    5,
    ("red", "green", "blue", "dog", "cat", "horse", "runs", "sits", "there", "here"),
)
EPOCHS = 2  # of 60 captions of 12 images: every batch has siblings
DROP, HIDE, CLIP, DECAY = 0.3, 0.4, 0.5, 0.05


class Pace(NamedTuple):
    """Batches of `batch` pairs and what becomes of the rest; the learning rate of each step: two
    steps up, cut at the second epoch.
    """

    batch: int
    last_batch: str
    rates: tuple[float, ...]

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return len(self.rates) // EPOCHS

    @property
    def settings(self) -> dict[str, object]:
        return {
            "embed_dim": 6,
            "word_dim": 4,
            "image_encoder": "grid",
            "batch_size": self.batch,
            "last_batch": self.last_batch,
            "epochs": EPOCHS,
            "evals_per_epoch": self.steps,
            "select_at": "last",
            "lr": 0.01,
            "lr_warmup_epochs": 2 / self.steps,
            "lr_decay": 0.3,
            "lr_decay_at": 0.5,
            "warmup_epochs": 1 / self.steps,
            "drop_regions": DROP,
            "augment_words": HIDE,
            "clip_norm": CLIP,
            "weight_decay": DECAY,
        }


WHOLE = Pace(20, "drop", (0.005, 0.01, 0.01, *3 * [0.003]))
LEFT_OUT = Pace(25, "drop", (0.005, 0.01, *2 * [0.003]))  # ten captions an epoch
PARTIAL = Pace(25, "keep", (0.005, 0.01, 0.01, *3 * [0.003]))  # the third batch has ten pairs


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of random features and distinct captions of 2 to 6 words."""
    rng, folder = np.random.default_rng(7), tmp_path_factory.mktemp("by_hand") / "precomp"
    folder.mkdir()
    for name, images in (("train", 12), ("dev", 4), ("test", 3)):
        np.save(
            folder / f"{name}_ims.npy", rng.normal(size=(images, REGIONS, DIM)).astype(np.float32)
        )
        captions: dict[str, None] = {}
        while len(captions) < 5 * images:
            captions[" ".join(rng.choice(WORDS, size=rng.integers(2, 7)))] = None
        (folder / f"{name}_caps.txt").write_text(
            "".join(f"{caption}\n" for caption in captions), encoding="utf-8"
        )
    return folder.parent


class Split(NamedTuple):
    features: Tensor
    captions: list[list[int]]
    owner: list[int]

    @classmethod
    def read(cls, root: Path, name: str, vocabulary: Vocabulary) -> Split:
        lines = (root / "precomp" / f"{name}_caps.txt").read_text().splitlines()
        captions = [
            [
                vocabulary.start,
                *(vocabulary.words.index(word) for word in line.split()),
                vocabulary.end,
            ]
            for line in lines
        ]
        return cls(
            torch.from_numpy(np.load(root / "precomp" / f"{name}_ims.npy")).double(),
            captions,
            [c // 5 for c in range(len(lines))],
        )


class Seen(NamedTuple):
    """What a step showed: its loss before the update, and the dev metrics after it."""

    loss: float
    metrics: dict[str, float]


def of_image(model: Model, rows: Tensor) -> Tensor:
    return normalize(model.image.encoder.fc(rows).mean(0), dim=0)


def of_caption(model: Model, ids: Sequence[int]) -> Tensor:
    encoder = model.text.encoder
    words = encoder.embedding(torch.tensor(ids))
    ahead, back = encoder.forward_gru(words)[0], encoder.backward_gru(words.flip(0))[0].flip(0)
    return normalize((ahead + back).mean(0) / 2, dim=0)


def whole(model: Model, split: Split) -> tuple[list[Tensor], list[Tensor]]:
    with torch.no_grad():
        return [of_image(model, rows) for rows in split.features], [
            of_caption(model, ids) for ids in split.captions
        ]


def dots(left: Sequence[Tensor], right: Sequence[Tensor]) -> list[Tensor]:
    return [a @ b for a, b in zip(left, right, strict=True)]


@dataclass
class ByHand:
    """A run by plain loops; `lists` are the offline negatives of AOQ."""

    model: Model
    pace: Pace
    train: Split
    dev: Split
    vocabulary: Vocabulary
    seed: int
    siblings: bool
    lists: OfflineLists | None

    def run(self) -> list[Seen]:
        key, seen = Key(self.seed), []
        moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.model.parameters()]
        for epoch in range(EPOCHS):
            order = (
                (key / "batches" / epoch).generator().permutation(len(self.train.captions)).tolist()
            )
            pairs, offline, negatives = (
                (key / name / epoch).generator()
                for name in ("augmentation", "offline augmentation", "offline negatives")
            )
            for i in range(self.pace.steps):
                batch = order[self.pace.batch * i : self.pace.batch * (i + 1)]
                loss = self.loss(batch, pairs, offline, negatives, warming=not seen)
                self.update(loss, self.pace.rates[len(seen)], len(seen) + 1, moments)
                seen.append(Seen(loss.item(), self.evaluate()))
        return seen

    def loss(
        self,
        captions: list[int],
        pairs: np.random.Generator,
        offline: np.random.Generator,
        negatives: np.random.Generator,
        *,
        warming: bool,
    ) -> Tensor:
        owners = [self.train.owner[c] for c in captions]
        image, text = self.images(owners, pairs), self.captions(captions, pairs)
        scores: Any = [[a @ b for b in text] for a in image]
        positives = [
            [a == b if self.siblings else i == j for j, b in enumerate(owners)]
            for i, a in enumerate(owners)
        ]
        if warming:
            value: Any = oracle.sum_hinge(scores, positives, 0.2)
        elif self.lists is None:
            value = oracle.triplet(scores, positives, 0.2)
        else:
            text3, image3, image4, text4 = self.roles(self.lists, captions, negatives)
            t3, t4 = self.captions(text3, offline), self.captions(text4, offline)
            i3, i4 = self.images(image3, offline), self.images(image4, offline)
            other: Any = dots(image, t3), dots(i3, text), dots(i3, t3), dots(i4, t4)
            value = sum(oracle.aoq(scores, positives, other))
        return value  # type: ignore[no-any-return]

    def images(self, images: Sequence[int], rng: np.random.Generator) -> list[Tensor]:
        """Regions stay whose number is at least DROP; the one with the largest, where none is."""
        fates, embedded = rng.random((len(images), REGIONS), dtype=np.float32), []
        for image, fate in zip(images, fates.tolist(), strict=True):
            kept = [k for k in range(REGIONS) if fate[k] >= DROP] or [fate.index(max(fate))]
            embedded.append(of_image(self.model, self.train.features[image][kept]))
        return embedded

    def captions(self, captions: Sequence[int], rng: np.random.Generator) -> list[Tensor]:
        tokens = [self.train.captions[c] for c in captions]
        shape = len(tokens), max(map(len, tokens))
        fates = rng.random(shape, dtype=np.float32)
        others = rng.integers(self.vocabulary.unk, self.vocabulary.mask, shape)
        changed = [
            augmented(
                ids,
                range(len(ids)),
                fates[b],
                others[b, : len(ids)].tolist(),
                HIDE,
                self.vocabulary.mask,
            )
            for b, ids in enumerate(tokens)
        ]
        return [of_caption(self.model, ids) for ids in changed]

    def roles(
        self, lists: OfflineLists, captions: list[int], rng: np.random.Generator
    ) -> list[list[int]]:
        """Text 3, image 3, image 4 and text 4 of each pair (methods of AOQ: one rank n for both
        lists, n // 5 of the images).
        """
        owner, roles = self.train.owner, []
        ranks = rng.integers(lists.texts.shape[1], size=len(captions)).tolist()
        for caption, n, u in zip(captions, ranks, rng.random(len(captions)).tolist(), strict=True):
            text3, images = (
                int(lists.texts[owner[caption]][n]),
                lists.images[caption].tolist(),
            )
            image3, image4 = images[n // 5], owner[text3]
            if self.siblings and image3 == image4:
                image3 = images[(n // 5 + 1) % len(images)]
            roles.append((text3, image3, image4, 5 * image3 + int(5 * u)))
        return [list(role) for role in zip(*roles, strict=True)]

    def update(
        self, loss: Tensor, lr: float, step: int, moments: list[tuple[Tensor, Tensor]]
    ) -> None:
        """AdamW on gradients of norm CLIP at most."""
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        norm = math.sqrt(sum(g.square().sum().item() for g in gradients))
        assert norm > CLIP  # so that every step of these runs is clipped
        with torch.no_grad():
            for p, g, (m, v) in zip(self.model.parameters(), gradients, moments, strict=True):
                g = g * CLIP / norm
                p -= lr * DECAY * p
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                p -= lr * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)

    def evaluate(self) -> dict[str, float]:
        """Whole images and captions, each by itself."""
        images, texts = whole(self.model, self.dev)
        return ranking.metrics(
            *ranking.ranks([[(a @ b).item() for b in texts] for a in images], self.dev.owner)
        )


def trained(spec: RunSpec, out: Path) -> RunDirectory:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    train(spec, directory, lambda event: None)
    return directory


def start(spec: RunSpec, root: Path, pace: Pace, lists: OfflineLists | None = None) -> ByHand:
    vocabulary = Vocabulary.build((root / "precomp" / "train_caps.txt").read_text().splitlines(), 1)
    model = build(
        spec, load_plugins().registry, in_dim=DIM, vocabulary_size=len(vocabulary)
    ).double()
    splits = (Split.read(root, name, vocabulary) for name in ("train", "dev"))
    return ByHand(model, pace, *splits, vocabulary, spec.seed, spec.protocol.sibling_mask, lists)


def check(directory: RunDirectory, plain: ByHand) -> None:
    curve, seen = directory.read_curve(), plain.run()
    assert [e.step for e in curve] == list(range(1, len(plain.pace.rates) + 1))
    assert [e.lr for e in curve] == pytest.approx(plain.pace.rates)
    assert [e.loss for e in curve] == pytest.approx([s.loss for s in seen], rel=2e-5)
    for evaluation, own in zip(curve, seen, strict=True):
        assert evaluation.metrics == pytest.approx(
            {name: own.metrics[name] for name in evaluation.metrics}
        )
    for name, value in load_file(directory.best_path).items():
        torch.testing.assert_close(
            value.double(), plain.model.state_dict()[name], rtol=0, atol=2e-5
        )


@pytest.mark.parametrize("pace", [WHOLE, LEFT_OUT, PARTIAL], ids=["whole", "left out", "partial"])
@pytest.mark.parametrize("siblings", [False, True], ids=["pairs", "siblings"])
def test_a_run_is_what_plain_loops_give(
    plan_runs: Plan, root: Path, tmp_path: Path, pace: Pace, siblings: bool
) -> None:
    settings = {**pace.settings, "sibling_mask": siblings}
    (spec,) = plan_runs(data_root=str(root), seeds=[3], set=settings)
    check(trained(spec, tmp_path), start(spec, root, pace))


@pytest.mark.parametrize("pace", [WHOLE, PARTIAL], ids=["whole", "partial"])
@pytest.mark.parametrize("siblings", [False, True], ids=["pairs", "siblings"])
def test_a_run_of_aoq_is_what_plain_loops_give(
    plan_runs: Plan, root: Path, tmp_path: Path, pace: Pace, siblings: bool
) -> None:
    settings = {**pace.settings, "sibling_mask": siblings}
    first, second = plan_runs(data_root=str(root), loss="aoq:h=20", seeds=[3], set=settings)
    teacher = trained(first, tmp_path)
    directory = trained(second, tmp_path)
    plain = start(second, root, pace, StoredLists.load(directory.offline_path).lists)
    check(directory, plain)
    plain.model.load_state_dict(load_file(teacher.best_path))
    check_lists(StoredLists.load(directory.offline_path).lists, *whole(plain.model, plain.train))


def check_lists(lists: OfflineLists, images: list[Tensor], texts: list[Tensor]) -> None:
    """The hardest items by the best model of the first round, hardest first."""
    for i, image in enumerate(images):
        foreign = [c for c in range(len(texts)) if c // 5 != i]
        assert (
            lists.texts[i].tolist()
            == sorted(foreign, key=lambda c: -(image @ texts[c]).item())[:20]
        )
    for c, text in enumerate(texts):
        foreign = [i for i in range(len(images)) if c // 5 != i]
        assert (
            lists.images[c].tolist()
            == sorted(foreign, key=lambda i: -(images[i] @ text).item())[:4]
        )
