"""`clips`: procedural videos of a few frames, in which the order of events can be all that tells
two of them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.frames import CAPTIONS, IDS, OFFSETS, ROWS, SPLITS, Frames
from vsebench.data.generated import ensure_generated
from vsebench.plugin import Key

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin import RetrievalData

ACTORS, ACTIONS, PLACES = (
    tuple(words.split())
    for words in (
        "dog cat horse girl boy man woman robot bear bird clown nurse sailor monkey cook judge",
        (
            "runs jumps sleeps eats sings turns waits climbs falls waves digs swims dances reads "
            "hides kneels"
        ),
        "park kitchen street forest office garden station desert",
    )
)
FORMS = (
    "a {actor} {first} and then {second} in the {place}",
    "in the {place} a {actor} {first} before it {second}",
    "after it {first} a {actor} {second} in the {place}",
    "the {actor} {first} , then it {second}",
)
SINGLE = (
    "a {actor} {first} in the {place}",
    "in a {place} the {actor} {first}",
    "some {actor} {first}",
)

_NOISE = 0.7
_CAPTIONS = (3, 7)  # of a clip, fewest and most
_CAPTION_BYTES = 64


@dataclass(frozen=True, eq=False)
class Clip:
    """Who does what, in order, where; `frames` float32 [1..N, d]; and what is said of it."""

    actor: int
    actions: tuple[int, ...]
    place: int
    frames: np.ndarray
    captions: list[str]


class Clips:
    """Clips of one actor in one place, with one to three actions after each other.

    Every third clip is its predecessor with the actions in reverse: only their order tells the two
    apart.

    Args:
        videos: training clips; dev and test have a fifth of it each, 50 to 500.
        frames: most frames of a clip.
        dim: width of a frame's features.
        seed: seed of the clips; what actors, actions and places look like is always the same.
    """

    def __init__(self, videos: int = 600, frames: int = 24, dim: int = 32, seed: int = 0) -> None:
        self.frames, self.dim, self.seed = frames, dim, seed
        held_out = min(max(videos // 5, 50), 500)
        self.sizes = {"train": videos, "dev": held_out, "test": held_out}

    def files(self, root: Path) -> list[Path]:  # noqa: ARG002  # a generated set is identified by its options
        return []

    def load(self, root: Path) -> RetrievalData:
        videos = sum(self.sizes.values())
        video_bytes = self.frames * self.dim * 2 + _CAPTIONS[1] * _CAPTION_BYTES
        ensure_generated(root, videos * video_bytes, self._write)
        return Frames(self.frames).load(root)

    def clip(self, split: str, number: int) -> Clip:
        """Clip `number` of a split, a function of the options and these alone."""
        mirrored = number % 3 == 2
        story = (Key("clips", self.seed) / split / (number - mirrored) / "story").generator()
        actor, place = int(story.integers(len(ACTORS))), int(story.integers(len(PLACES)))
        events = int(story.integers(1, 3) if number % 3 == 0 else story.integers(2, 4))
        actions = tuple(int(a) for a in story.choice(len(ACTIONS), events, replace=False))
        if mirrored:
            actions = actions[::-1]
        view = (Key("clips", self.seed) / split / number / "view").generator()
        captions = [
            _caption(view, actor, actions, place)
            for _ in range(int(view.integers(_CAPTIONS[0], _CAPTIONS[1] + 1)))
        ]
        return Clip(actor, actions, place, self._render(view, actor, actions, place), captions)

    def _render(
        self, view: np.random.Generator, actor: int, actions: tuple[int, ...], place: int
    ) -> np.ndarray:
        """[1..N, d]: each action lasts some frames, in which actor, action and place are seen with
        varying strength.
        """
        count = int(view.integers(len(actions), self.frames + 1))
        cuts = np.sort(view.choice(np.arange(1, count), len(actions) - 1, replace=False))
        action = np.searchsorted(cuts, np.arange(count), side="right")
        world = Key("clips", "world", self.dim)
        actors, acts, places = (
            (world / name).generator().standard_normal((len(words), self.dim))
            for name, words in (("actor", ACTORS), ("action", ACTIONS), ("place", PLACES))
        )
        seen = np.stack(
            [
                np.broadcast_to(actors[actor], (count, self.dim)),
                acts[np.array(actions)[action]],
                np.broadcast_to(places[place], (count, self.dim)),
            ]
        )
        strength = view.uniform(0.4, 1.2, (3, count, 1))
        frames: np.ndarray = (strength * seen).sum(0) + _NOISE * view.standard_normal(
            (count, self.dim)
        )
        return frames.astype(np.float32)

    def _write(self, folder: Path) -> None:
        names, offsets, rows = [], [0], []
        with (folder / CAPTIONS).open("w", encoding="utf-8") as captions:
            for split, size in self.sizes.items():
                ids = [f"{split}{number}" for number in range(size)]
                (folder / SPLITS[split]).write_text("".join(f"{name}\n" for name in ids))
                for number, name in enumerate(ids):
                    clip = self.clip(split, number)
                    rows.append(clip.frames.astype(np.float16))
                    offsets.append(offsets[-1] + len(clip.frames))
                    captions.writelines(f"{name}\t{caption}\n" for caption in clip.captions)
                names += ids
        np.save(folder / ROWS, np.concatenate(rows))
        np.save(folder / OFFSETS, np.array(offsets, np.int64))
        (folder / IDS).write_text("".join(f"{name}\n" for name in names))


def _caption(view: np.random.Generator, actor: int, actions: tuple[int, ...], place: int) -> str:
    """One or two of the actions in their order, with the actor and mostly the place."""
    words = {"actor": ACTORS[actor], "place": PLACES[place]}
    if len(actions) == 1 or view.random() < 0.2:
        return SINGLE[view.integers(len(SINGLE))].format(
            first=ACTIONS[actions[view.integers(len(actions))]], **words
        )
    first, second = np.sort(view.choice(len(actions), 2, replace=False))
    return FORMS[view.integers(len(FORMS))].format(
        first=ACTIONS[actions[first]], second=ACTIONS[actions[second]], **words
    )
