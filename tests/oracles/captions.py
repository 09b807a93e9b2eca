"""Whether what a caption says is true of a scene, decided by trying every way to match its mentions
to objects.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from vsebench.data.scenes.captions import APART, UNSAID, Relation
from vsebench.data.scenes.world import MEMBERS

if TYPE_CHECKING:
    from vsebench.data.scenes.captions import Statements
    from vsebench.data.scenes.world import Scenes


def fits(said: Statements, c: int, scenes: Scenes, i: int) -> bool:
    """Whether caption c is true of scene i."""
    if said.setting[c] not in (UNSAID, scenes.setting[i]):
        return False
    mentions = [m for m in range(3) if said.kind[c, m] != UNSAID or said.family[c, m] != UNSAID]
    for objects in permutations(range(scenes.count[i]), len(mentions)):
        described = all(
            _describes(said, c, m, scenes, i, o) for m, o in zip(mentions, objects, strict=True)
        )
        if described and (
            said.relation[c] == UNSAID
            or lies(scenes.place[i, objects[0]], scenes.place[i, objects[1]]) == said.relation[c]
        ):
            return True
    return False


def lies(first, second) -> Relation:
    """How one place lies to another."""
    right, up = first[0] - second[0], first[1] - second[1]
    if abs(right) < APART and abs(up) < APART:
        return Relation.NEAR
    if abs(right) >= abs(up):
        return Relation.RIGHT if right > 0 else Relation.LEFT
    return Relation.ABOVE if up > 0 else Relation.BELOW


def _describes(said: Statements, c: int, m: int, scenes: Scenes, i: int, o: int) -> bool:
    pairs = [
        (said.kind[c, m], scenes.kind[i, o]),
        (said.family[c, m], scenes.kind[i, o] // MEMBERS),
        (said.cargo[c, m], scenes.cargo[i, o]),
        (said.colour[c, m], scenes.colour[i, o]),
        (said.material[c, m], scenes.material[i, o]),
        (said.size[c, m], scenes.size[i, o]),
    ]
    return all(stated in (UNSAID, true) for stated, true in pairs)
