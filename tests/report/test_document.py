"""Where a document's tables are, and what replacing them leaves alone."""

from __future__ import annotations

import pytest

from vsebench.plugin.errors import SpecError
from vsebench.report.document import Place, places, with_contents

DOCUMENT = """# Title

<!-- vsebench report runs -->
old
table
<!-- /vsebench -->
Between.
<!-- a remark -->
<!-- vsebench compare 'my runs' --to mean,triplet   -->
<!-- /vsebench -->
"""


def test_places_are_found_with_their_commands_and_lines():
    assert places(DOCUMENT) == [
        Place("vsebench report runs", 3, "old\ntable\n"),
        Place("vsebench compare 'my runs' --to mean,triplet", 9, ""),
    ]
    assert places("No table.\n") == []


def test_everything_outside_the_markers_is_kept():
    new = with_contents(DOCUMENT, ["one\n", "two\nthree\n"])
    assert new == DOCUMENT.replace("old\ntable\n", "one\n").replace(
        "mean,triplet   -->\n", "mean,triplet   -->\ntwo\nthree\n"
    )
    assert [place.content for place in places(new)] == ["one\n", "two\nthree\n"]
    assert with_contents(new, ["old\ntable\n", ""]) == DOCUMENT


def test_what_was_replaced_may_hold_fences_and_is_found_again():
    fenced = "```text\na\n```\n"
    new = with_contents(DOCUMENT, [fenced, fenced])
    assert [place.content for place in places(new)] == [fenced, fenced]


@pytest.mark.parametrize(
    "text",
    [
        "```\n<!-- vsebench report runs -->\n<!-- /vsebench -->\n```\n",
        "~~~~ html\n~~~\n```\n<!-- vsebench report runs -->\n~~~~\n",
        "````\n```\n<!-- /vsebench -->\n```` no end\n<!-- /vsebench -->\n````\n",
        "    <!-- vsebench report runs -->\n    <!-- /vsebench -->\n",
        "Write <!-- vsebench report runs --> before it.\n",
        "<!-- vsebenches report runs -->\n",
    ],
)
def test_markers_within_code_and_text_are_text(text: str):
    assert places(text) == []


def test_a_code_block_ends_where_its_fence_does():
    text = "```python\nprint()\n```\n<!-- vsebench report runs -->\n<!-- /vsebench -->\n"
    assert [place.line for place in places(text)] == [4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\n<!-- vsebench report runs -->\ntable\n",
            "line 2: .*'vsebench report runs'",
        ),
        (
            "<!-- vsebench report a -->\n<!-- vsebench report b -->\n<!-- /vsebench -->\n",
            "line 1: .*'vsebench report a'",
        ),
        ("text\n<!-- /vsebench -->\n", "line 2: '<!-- /vsebench -->' ends no table"),
    ],
)
def test_a_marker_without_its_counterpart_is_named(text: str, message: str):
    with pytest.raises(SpecError, match=message):
        places(text)
