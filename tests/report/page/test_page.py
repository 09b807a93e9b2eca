from __future__ import annotations

import re

import pytest

from tests.factories import (
    QUICK,
    make_annotation_spec,
    make_curve,
    make_provenance,
    make_record,
    make_spec,
    save,
)
from tests.report.page.dom import parse, tables
from tests.report.verified import GPO_F30K, INSTALLED, leave
from vsebench.report.page.render import title
from vsebench.report.results import load_results
from vsebench.results.folder.store import Store
from vsebench.results.record import Collapse, Column

COLLAPSE = Collapse(
    step=30, cosine=0.985, best_rsum=120, last_rsum=40, last_loss=51.19, plateau=51.2
)


def page(out, **options):
    return parse(
        load_results(
            out, **{key: options.pop(key) for key in ("allow_mixed",) if key in options}
        ).page(**options)
    )


def alarms(document):
    return [alarm.text for alarm in document.all("p", "alarm")]


def facts(section):
    made = next(each for each in section.all("dl") if "keys" not in each.classes)
    return dict(
        zip((t.text for t in made.all("dt")), (d.text for d in made.all("dd")), strict=True)
    )


def runs_of(section):
    """The list of all runs: its cells."""
    (table,) = [
        table
        for table in section.all("table")
        if [head.text for head in table.all("th")][:2] == ["run", "row"]
    ]
    return [[cell.text for cell in row.all("td")] for row in table.one("tbody").all("tr")]


def test_it_says_what_it_is_and_how_it_was_made(folder):
    document = page(folder, command="vsebench report runs --html page.html")
    assert (
        document.one("title").text
        == document.one("h1").text
        == "Poolings and losses on scenes:images=1000"
    )
    assert document.one("p", "lead").text == "4 rows, 12 runs, 1 without a result."
    assert document.one("p", "command").text == "vsebench report runs --html page.html"
    assert document.one("html")["lang"] == "en"
    said = facts(document.one("section"))
    assert said["Data"] == "scenes:images=1000, test split, fingerprint scenes:images=1000-5b1c2a90"
    assert (said["Protocol"], said["Unlike its preset"]) == ("quick", "nothing")
    assert said["Encoders"] == "region, bigru"
    assert said["Seeds"] == "0, 1, 2"
    assert said["Device"] == "cpu (AMD EPYC 9965), 1 thread a run, 2 at a time."
    assert (said["Software"], said["Made"]) == ("torch 2.13.0", "2026-11-21")


def test_differences_from_the_preset_and_between_machines(tmp_path):
    changed = make_spec(protocol=QUICK, protocol_changes={"embed_dim": 64, "sibling_mask": True})
    save(tmp_path, make_record(changed, provenance=make_provenance(git_commit="a" * 40 + "+")))
    other = changed.model_copy(update={"seed": 1})
    save(
        tmp_path,
        make_record(
            other,
            provenance=make_provenance(
                libraries={"torch": "2.14.0"}, started="2026-12-03T10:00:00Z"
            ),
        ),
    )
    said = facts(page(tmp_path).one("section"))
    assert said["Unlike its preset"] == "embed_dim=64, sibling_mask=true"
    assert said["Siblings"].startswith("sibling_mask=true: other captions")
    assert said["Commit"] == "aaaaaaaaaaaa+"
    assert (said["Software"], said["Made"]) == (
        "torch 2.13.0 or 2.14.0",
        "2026-11-21 to 2026-12-03",
    )
    keys = page(tmp_path).one("dl", "keys")
    assert ("embed_dim", "64") in list(
        zip((t.text for t in keys.all("dt")), (d.text for d in keys.all("dd")), strict=True)
    )


def test_what_went_wrong_is_in_sight(tmp_path):
    save(
        tmp_path,
        make_record(
            make_spec("gpo"), collapse=COLLAPSE, plugin_failures=("acme failed in vsebench_tested",)
        ),
        make_curve([100]),
    )
    save(
        tmp_path,
        make_record(make_spec("gpo", seed=1), warnings=("999 images were dropped",)),
        make_curve([100]),
    )
    failed = make_record(
        make_spec("max"),
        status="failed",
        test={},
        best_step=None,
        error="Traceback\nRuntimeError: diverged",
    )
    save(tmp_path, failed.model_copy(update={"cost": None}))
    document = page(tmp_path)
    starts = (
        "† Collapsed: gpo × triplet, seed 0",
        "What has helped against collapse: ",
        "Marked rows are no evidence",
        "Data: 999",
        "Warning: plugin acme",
        "Failed: max × triplet, seed 0: RuntimeError: diverged",
    )
    assert [
        alarm.startswith(start) for alarm, start in zip(alarms(document), starts, strict=True)
    ] == [True] * 6
    hidden = [
        alarm.text for details in document.all("details") for alarm in details.all("p", "alarm")
    ]
    assert hidden == []
    assert [cells[1:] for cells in runs_of(document)] == [
        ["gpo × triplet", "0", "done, collapsed", "40", "40.0"],
        ["gpo × triplet", "1", "done", "40", "40.0"],
        ["max × triplet", "0", "failed: RuntimeError: diverged", "–", "–"],
    ]


def test_uneven_seeds_and_unfinished_runs_are_in_sight(tmp_path):
    save(tmp_path, make_record(make_spec("gpo")))
    save(tmp_path, make_record(make_spec("gpo", seed=1)))
    save(tmp_path, make_record(make_spec("max")))
    started = make_spec("kmax")
    Store(tmp_path).directory_for(started).write_spec(started)
    assert alarms(page(tmp_path)) == [
        "Unfinished, not in the table: scenes · kmax · triplet · seed 0.",
        "Warning: rows rest on different seeds: max × triplet only 0.",
    ]


def test_every_run_is_listed_in_full(folder):
    (section,) = page(folder).all("section")
    results = load_results(folder)
    (block,) = results.blocks
    assert [cells[0] for cells in runs_of(section)] == [
        run.record.run_id for run in block.section.runs
    ]
    assert "All 12 runs" in [summary.text for summary in section.all("summary")]


def test_mixed_protocols_are_parts_of_their_own(tmp_path):
    save(tmp_path, make_record(make_spec("gpo"), rsum=300), make_curve([100, 200]))
    longer = make_spec("gpo", protocol=QUICK.model_copy(update={"epochs": 8}))
    save(
        tmp_path,
        make_record(longer, rsum=310, provenance=make_provenance(started="2027")),
        make_curve([100, 200]),
    )
    document = page(tmp_path, allow_mixed=True)
    sections = document.all("section")
    assert [section.one("h2").text for section in sections] == [
        "scenes · test · epochs=4",
        "scenes · test · epochs=8",
    ]
    assert [tables(section)[0].rows[0]["rsum"]["data-value"] for section in sections] == [
        "300.0",
        "310.0",
    ]
    assert [link["href"] for link in document.one("nav").all("a")] == [
        f"#{section['id']}" for section in sections
    ]
    assert sum(alarm.startswith("Warning: other blocks") for alarm in alarms(document)) == 2


def test_both_tasks_on_one_page(tmp_path):
    metrics = dict.fromkeys(("p_at_5", "p_at_10", "r_at_5", "r_at_10", "map", "auc"), 0.25)
    curve = [point.model_copy(update={"metrics": metrics}) for point in make_curve([1, 2])]
    save(tmp_path, make_record(make_annotation_spec(), test=metrics, best_dev=metrics), curve)
    save(tmp_path, make_record(make_spec("gpo")), make_curve([100, 200]))
    document = page(tmp_path)
    by_heading = {section.one("h2").text: section for section in document.all("section")}
    assert tables(by_heading["mirflickr · test"])[0].rows[0]["map"].text == "0.2500"
    assert [caption.text for caption in by_heading["mirflickr · test"].all("figcaption")] == [
        "Dev MAP over updates",
        "Dev MAP over seconds",
    ]
    assert "Encoders" not in facts(by_heading["mirflickr · test"])
    notes = document.one("footer").text
    assert "AUC: share of (positive, negative) pairs" in notes
    assert "i2t: images retrieve captions" in notes


def test_published_figures_of_the_same_setting_stand_beside_ours(tmp_path):
    for seed, recall in ((0, 77.0), (1, 80.0)):
        leave(tmp_path, "gpo", seed=seed, test={"i2t_r1": recall})
    leave(tmp_path, "mean")
    section = page(tmp_path, registry=INSTALLED).one("section")
    beside = [
        table
        for table in section.all("table")
        if [row.all("th")[0].text for row in table.one("tbody").all("tr") if row.all("th")]
    ]
    (table,) = beside  # mean has no published figure of this setting
    cells = {
        row.one("th").text: [cell.text for cell in row.all("td")]
        for row in table.one("tbody").all("tr")
    }
    assert [head["data-key"] for head in table.one("thead").all("th")] == list(GPO_F30K)
    assert cells["published"] == [f"{value:.1f}" for value in GPO_F30K.values()]
    assert cells["ours"][0] == "78.5"
    assert (cells["gap"][0], cells["gap"][1], cells["limit"][0]) == ("+2.00", "+0.00", "±3.51")
    assert "Beside published figures" not in page(tmp_path).text


HOSTILE = '<script>alert("1")</script>\'"><img src=x onerror=alert(2)>&amp;{{ 7 * 7 }}$x$'


def test_names_are_text_wherever_they_stand(tmp_path):
    columns = {HOSTILE: Column(value=0.5, source=HOSTILE)}
    spec = make_spec(dataset="scenes" + HOSTILE.replace(":", ""), protocol_changes={"lr": HOSTILE})
    pooling = spec.image_pooling.model_copy(update={"spec": HOSTILE})
    spec = spec.model_copy(update={"image_pooling": pooling, "text_pooling": pooling})
    save(
        tmp_path,
        make_record(
            spec,
            columns=columns,
            warnings=(HOSTILE,),
            collapse=COLLAPSE,
            provenance=make_provenance(libraries={"torch": HOSTILE}),
        ),
    )
    other = spec.model_copy(update={"seed": 1})
    save(
        tmp_path,
        make_record(other, columns=columns, plugin_failures=(HOSTILE,)),
        make_curve([100, 200]),
    )
    third = spec.model_copy(update={"seed": 2})
    save(tmp_path, make_record(third, status="failed", test={}, cost=None, error=HOSTILE))
    document = page(tmp_path, command=HOSTILE)
    assert len(document.all("script")) == 1
    assert not document.all("img")
    assert not any(
        key.startswith("on") for element in document.all("*") for key in element.attributes
    )
    main, _ = tables(document.one("section"))
    assert main.rows[0]["pooling"].text == HOSTILE
    assert main.heads[HOSTILE].text == HOSTILE
    assert main.heads[HOSTILE]["title"] == f"Measured on test by {HOSTILE}."
    assert document.one("p", "command").text == HOSTILE
    for said in (
        f"Data: {HOSTILE}",
        f"Warning: plugin {HOSTILE}.",
        f"Failed: {HOSTILE} × triplet, seed 2: {HOSTILE}",
    ):
        assert said in alarms(document)
    assert facts(document.one("section"))["Unlike its preset"] == f"lr={HOSTILE}"


def test_nothing_is_fetched_and_every_reference_is_inside(folder):
    html = load_results(folder).page(command="vsebench report runs --html page.html")
    document = parse(html)
    elements = document.all("*")
    assert not {element.tag for element in elements} & {
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "image",
    }
    assert not any(
        key in element.attributes
        for element in elements
        for key in ("src", "srcset", "action", "xmlns")
    )
    ids = [element["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    references = [
        element["href"] for element in elements if "href" in element.attributes
    ] + re.findall(r"url\(([^)]*)\)", html)
    assert len(references) > 10
    assert {reference.removeprefix("#") for reference in references} <= set(ids)
    assert "@import" not in html
    assert "http" not in html


def test_it_is_whole_without_its_script(folder):
    (section,) = page(folder).all("section")
    main, _ = tables(section)
    assert not any(
        element.tag in ("button", "template") or "hidden" in element.attributes
        for element in section.all("*")
    )
    assert len(main.rows) == 4
    assert len(section.one("ul", "legend").all("li")) == 4


def test_the_same_results_give_the_same_page(folder):
    assert load_results(folder).page() == load_results(folder).page()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("gpo", "triplet")], "Results on scenes"),
        ([("gpo", "triplet"), ("max", "triplet")], "Poolings on scenes"),
        ([("gpo", "triplet"), ("gpo", "aoq")], "Losses on scenes"),
    ],
)
def test_titles_name_what_varies(tmp_path, rows, said):
    for pooling, loss in rows:
        save(tmp_path, make_record(make_spec(pooling, loss)))
    assert title(load_results(tmp_path).blocks) == said


def test_a_folder_in_which_nothing_finished(tmp_path):
    save(tmp_path, make_record(status="failed", test={}, cost=None, provenance=None, error=None))
    document = page(tmp_path)
    assert not document.all("figure")
    assert alarms(document) == ["Failed: mean × triplet, seed 0: no reason recorded"]
    assert tables(document.one("section"))[0].rows[0]["rsum"].text == "–"
