"""The English of the procedural scenes: every word that a caption can hold."""

from __future__ import annotations


def _synonyms(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(words.split("/")) for words in text.split(", "))


FAMILIES = {
    name: _synonyms(classes)
    for name, classes in {
        "animal": "dog/puppy/hound, cat/kitten/tabby, horse/pony/stallion, cow/bull/calf, "
        "sheep/lamb/ram",
        "bird": "duck/mallard/drake, chicken/hen/rooster, parrot/macaw/parakeet, "
        "pigeon/dove/turtledove, eagle/hawk/falcon",
        "vehicle": "car/automobile/sedan, truck/lorry/pickup, bus/coach/minibus, "
        "bicycle/bike/cycle, motorcycle/motorbike/scooter",
        "boat": "canoe/kayak/rowboat, sailboat/yacht/sloop, ship/freighter/steamer, "
        "ferry/barge/tugboat, raft/dinghy/pontoon",
        "furnishing": "chair/seat/armchair, table/desk/counter, sofa/couch/settee, bed/cot/bunk, "
        "shelf/bookcase/rack",
        "container": "box/crate/carton, bag/sack/pouch, basket/hamper/creel, bottle/flask/jug, "
        "bucket/pail/tub",
        "utensil": "cup/mug/teacup, plate/dish/platter, bowl/basin/tureen, spoon/ladle/scoop, "
        "kettle/teapot/pot",
        "garment": "hat/cap/bonnet, shirt/blouse/top, coat/jacket/parka, shoe/boot/sneaker, "
        "scarf/shawl/muffler",
        "tool": "hammer/mallet/gavel, shovel/spade/trowel, ladder/stepladder/steps, "
        "rope/cord/cable, broom/brush/mop",
        "toy": "ball/football/sphere, doll/puppet/figurine, kite/glider/pinwheel, "
        "robot/android/automaton, sled/sledge/toboggan",
        "instrument": "guitar/mandolin/banjo, piano/keyboard/organ, drum/tambourine/bongo, "
        "flute/recorder/whistle, trumpet/bugle/horn",
        "structure": "house/cottage/cabin, tower/steeple/turret, tent/marquee/tepee, "
        "fence/railing/hedge, statue/sculpture/bust",
    }.items()
}
"""Twelve families of five classes, each with three nouns, the usual one first."""

COLOURS = _synonyms(
    "red/crimson, blue/azure, green/emerald, yellow/golden, black/ebony, white/ivory, brown/tan, "
    "orange/amber, purple/violet, grey/silver"
)
MATERIALS = _synonyms(
    "wooden/timber, metal/steel, plastic/vinyl, glass/crystal, leather/suede, woollen/knitted"
)
SIZES = _synonyms("small/tiny, medium/average, large/huge")

SETTINGS = _synonyms(
    "on a beach/on the sand, in a forest/in the woods, on a street/on a road, "
    "in a kitchen/in a galley, in a garden/in a yard, in a field/in a meadow, "
    "in an office/in a study, at a market/at a bazaar, on a mountain/on a hillside, "
    "at a harbour/at a dock"
)

AT_HOME = _synonyms(
    "boat/bird/toy, animal/bird/tool, vehicle/structure/garment, utensil/container/furnishing, "
    "toy/tool/furnishing, animal/structure/vehicle, furnishing/container/instrument, "
    "garment/container/instrument, structure/garment/animal, boat/vehicle/bird"
)
"""Families that are at home in each setting."""

RELATIONS = (
    ("left of", "to the left of"),
    ("right of", "to the right of"),
    ("placed above", "at some point above"),
    ("placed below", "at some point below"),
    ("close to", "not very far from"),
)
"""In the order of `Relation`. All have the same lengths, so that a caption's length does not tell
which it is.
"""

CARRIES = ("carrying a", "holding a", "topped with a", "laden with a")

DETERMINERS = ("a", "the", "one", "this")
JOINERS = ("and", "with", "along with", "as well as", "together with")
PREFIXES = (
    "there is",
    "a photo of",
    "a picture showing",
    "we can see",
    "the image shows",
    "look at",
)
SUFFIXES = ("in this picture", "in the scene", "during the day", "on display", "in plain view")
