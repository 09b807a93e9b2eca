"""The pages of a site as text, by their paths in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from vsebench.claims.text import on_page
from vsebench.report.leaderboard.text import as_dict, frame
from vsebench.report.page.render import summary, templates, title
from vsebench.report.tables.formats import as_csv
from vsebench.report.tables.notes import general_notes, unfinished_note
from vsebench.report.wording import name
from vsebench.site.methods import learnt_weights, methods_of, setting_text
from vsebench.site.studies import Slugs
from vsebench.site.study_page import board_part, made
from vsebench.text import as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from markupsafe import Markup

    from vsebench.claims.file import ClaimsFile
    from vsebench.claims.judge import Judged
    from vsebench.plugin.registry import Registry
    from vsebench.report.page.render import Verdicts
    from vsebench.report.queries.data import Queried
    from vsebench.site.methods import Key, Method
    from vsebench.site.queries import AtHand
    from vsebench.site.studies import Study


_TOLD = 3
"""Settings that tell boards apart in the index."""


@dataclass(frozen=True)
class Claims:
    """A claims file with its verdicts.

    Attributes:
        held: the claims.
        judged: their verdicts.
        slug: stem of their page's file name.
    """

    held: ClaimsFile
    judged: Sequence[Judged]
    slug: str

    @property
    def shown(self) -> Verdicts:
        """The verdicts as its page shows them."""
        return on_page(self.held, self.judged)


def pages_of(
    title_of_site: str,
    studies: Sequence[Study],
    claims: Sequence[Claims],
    registry: Registry,
    at_hand: Mapping[Queried, AtHand],
) -> dict[str, str]:
    """Every file of a site, by its path.

    Args:
        title_of_site: heading of its index.
        studies: its studies, in their order.
        claims: claims with their verdicts.
        registry: where cards and published results are looked for.
        at_hand: captions and thumbnails of data sets.
    """
    environment = templates("vsebench.site", "vsebench.report.page")
    environment.filters["coded"] = _coded
    environment.globals["made"] = made
    methods = methods_of(studies, registry, Slugs())
    common: dict[str, Any] = {
        "site": title_of_site,
        "version": version("vsebench"),
        "methods": list(methods.values()),
        "claims": claims,
        "setting_text": setting_text,
    }

    def filled(template: str, **values: Any) -> str:
        return environment.get_template(template).render(common | values).strip() + "\n"

    pages = {
        "index.html": filled(
            "index.html.jinja", root="", listed=[row for study in studies for row in _listed(study)]
        ),
        "site.css": filled("site.css.jinja"),
        "site.js": filled("site.js.jinja"),
    }
    for study in studies:
        path = f"studies/{study.slug}"
        pages[f"{path}.html"] = filled(
            "study.html.jinja",
            root="../",
            **_study(study, methods, claims, registry, at_hand),
        )
        pages[f"{path}.json"] = as_json(as_dict(study.boards))
        pages[f"{path}.csv"] = as_csv(frame(study.boards))
    for method in methods.values():
        pages[f"methods/{method.slug}.html"] = filled(
            "method.html.jinja", root="../", method=method, weights=learnt_weights(method)
        )
    for each in claims:
        pages[f"claims/{each.slug}.html"] = filled(
            "claims.html.jinja",
            root="../",
            file=each,
            studies=[study for study in studies if _made_under(each, study)],
        )
    return pages


def _coded(text: str) -> Markup:
    """A text as HTML in which what stands between backticks is code."""
    from markupsafe import Markup

    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part)
        if i % 2 and i < len(parts) - 1
        else Markup.escape(part)
        for i, part in enumerate(parts)
    )


def _made_under(claims: Claims, study: Study) -> bool:
    """Whether runs of a study name suites of the claims as those now are."""
    named = {run.record.spec.claims for run in study.gathered.ended}
    return not named.isdisjoint(claims.held.digest(suite) for suite in claims.held.suites)


def _study(
    study: Study,
    methods: Mapping[Key, Method],
    claims: Sequence[Claims],
    registry: Registry,
    at_hand: Mapping[Queried, AtHand],
) -> dict[str, Any]:
    blocks = [board.block for board in study.boards]
    waiting = study.gathered.unfinished
    return {
        "study": study,
        "title": title(blocks),
        "summary": summary(blocks),
        "parts": [board_part(study, i, methods, registry, at_hand) for i in range(len(blocks))],
        "alarms": [unfinished_note(waiting)] if waiting else [],
        "general": general_notes(blocks),
        "judged": [each for each in claims if _made_under(each, study)],
    }


def _listed(study: Study) -> Iterator[dict[str, Any]]:
    """A study in the index, by each of its boards: on what it is, how much of it there is, its best
    row, of those that are evidence where some are, and the day of its last run.
    """
    for number, board in enumerate(study.boards, start=1):
        section = board.block.section
        metric, first = section.task.headline, board.standings[0]
        value = first.entry.row[metric.key]
        text = f"{metric.heading} {metric.text(value)}" if isinstance(value, (int, float)) else ""
        yield {
            "study": study,
            "board": number,
            "dataset": section.dataset,
            "protocol": " · ".join(
                (section.runs[0].record.spec.protocol.name, *section.apart[:_TOLD])
            ),
            "rows": len(board.standings),
            "runs": len(section.runs),
            "best": name(section.runs[0].combination) if text else "",
            "headline": text,
            "marks": first.entry.no_evidence,
            "made": max(run.started[:10] for run in section.runs),
        }
