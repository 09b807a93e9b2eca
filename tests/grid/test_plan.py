"""From suites to runs: the grid, its dependencies, and what is refused before anything is
written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.grid.planning import make
from vsebench.plugin import DataError, DatasetCard, PluginError, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.tasks import task_named

if TYPE_CHECKING:
    from vsebench.grid.plan import Plan

LOSS_FILE = """
from vsebench.plugin import Card, DatasetCard, LossCard, OfflineSpec, Param, hookimpl

@hookimpl
def vsebench_register_losses(register):
    def needs(summary, loss):
        return LossCard(summary, offline=OfflineSpec(loss))

    register("own", "a:B", card=needs("needs another margin", "triplet:margin=0.1"))
    register("third", "a:B", card=needs("needs a loss that needs another", "own"))
    register("circle", "a:B", card=needs("needs itself", "circle:k=2"), params=[Param("k", 1)])
    register("ranking", "a:B", card=LossCard("of the other task", task="annotation"))

@hookimpl
def vsebench_register_datasets(register):
    register("labels", "a:B", card=DatasetCard("of the other task", task="annotation"))
"""


@pytest.fixture
def own_losses(tmp_path: Path) -> str:
    file = tmp_path / "own_losses.py"
    file.write_text(LOSS_FILE)
    return str(file)


def rows(planned: Plan) -> list[tuple[str, str, int, str]]:
    return [
        (
            run.pooling,
            run.loss.spec,
            run.seed,
            "support" if run.run_id in planned.support else "row",
        )
        for run in planned.runs
    ]


@pytest.mark.usefixtures("opened")
def test_every_combination_is_a_run():
    planned = make(pooling="gpo,maxavg", loss="sum-hinge,triplet", seeds="0,1", similarity="dot")
    expected = [
        (p, loss, seed, "row")
        for p in ("gpo", "maxavg")
        for loss in ("sum-hinge", "triplet")
        for seed in (0, 1)
    ]
    assert rows(planned) == expected
    assert len({run.run_id for run in planned.runs}) == 8
    assert all(run.depends_on == () for run in planned.runs)


@pytest.mark.usefixtures("opened")
def test_a_first_round_that_the_grid_has_is_shared():
    planned = make(pooling="gpo,maxavg", loss="triplet,aoq")
    assert rows(planned) == [
        ("gpo", "triplet", 0, "row"),
        ("gpo", "aoq", 0, "row"),
        ("maxavg", "triplet", 0, "row"),
        ("maxavg", "aoq", 0, "row"),
    ]
    for first, second in (planned.runs[:2], planned.runs[2:]):
        assert second.depends_on == (first.run_id,)


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("loss", ["aoq,triplet", "aoq:h=50,triplet,aoq"])
def test_a_first_round_comes_first_whatever_the_order(loss: str):
    planned = make(pooling="gpo", loss=loss)
    assert rows(planned)[0] == ("gpo", "triplet", 0, "row")
    assert sum(run.loss.spec == "triplet" for run in planned.runs) == 1


@pytest.mark.usefixtures("opened")
def test_a_first_round_that_the_grid_lacks_is_a_support_run_for_all_that_need_it():
    planned = make(pooling="gpo/mean", loss="aoq,aoq:h=50", seeds="0,1")
    assert [row for row in rows(planned) if row[3] == "support"] == [
        ("gpo/mean", "triplet", seed, "support") for seed in (0, 1)
    ]
    support = {run.seed: run.run_id for run in planned.runs if run.run_id in planned.support}
    assert all(
        run.depends_on == (support[run.seed],)
        for run in planned.runs
        if run.run_id not in planned.support
    )


@pytest.mark.usefixtures("opened")
def test_a_triplet_with_other_parameters_is_no_first_round():
    planned = make(pooling="gpo", loss="triplet:margin=0.3,aoq")
    assert rows(planned) == [
        ("gpo", "triplet:margin=0.3", 0, "row"),
        ("gpo", "triplet", 0, "support"),
        ("gpo", "aoq", 0, "row"),
    ]


@pytest.mark.usefixtures("opened")
def test_first_rounds_may_have_first_rounds(own_losses: str):
    planned = make(pooling="gpo", loss="third", plugin=own_losses)
    assert [run.loss.spec for run in planned.runs] == ["triplet:margin=0.1", "own", "third"]
    assert [run.depends_on for run in planned.runs] == [
        (),
        (planned.runs[0].run_id,),
        (planned.runs[1].run_id,),
    ]
    assert planned.runs[2].environment.plugin_files == (own_losses,)
    assert planned.plugin_files == (own_losses,)


@pytest.mark.usefixtures("opened")
def test_a_warm_up_that_leaves_nothing_to_compare_is_warned_of():
    planned = make(
        dataset="scenes",
        pooling="mean",
        loss="sum-hinge,triplet",
        epochs=2,
        set={"warmup_epochs": 2},
    )
    assert planned.warnings == (
        (
            "scenes: the warm-up takes all 2 epochs, so every loss trains as sum-hinge: lower it "
            "with "
            "--set warmup_epochs=N"
        ),
    )
    assert (
        "takes the only epoch, so"
        in make(
            dataset="scenes", pooling="mean", loss="triplet", epochs=1, set={"warmup_epochs": 2}
        ).warnings[0]
    )
    assert (
        make(
            dataset="scenes", pooling="mean", loss="triplet", epochs=2, set={"warmup_epochs": 1}
        ).warnings
        == ()
    )
    assert (
        make(
            dataset="scenes", pooling="mean", loss="sum-hinge", epochs=2, set={"warmup_epochs": 2}
        ).warnings
        == ()
    )
    warm = make(
        dataset="scenes", pooling="mean", loss="aoq:start=warm", epochs=2, set={"warmup_epochs": 2}
    )
    assert [run.loss.spec for run in warm.runs] == ["triplet", "aoq:start=warm"]
    assert len(warm.warnings) == 1, "of the first round only"


@pytest.mark.usefixtures("opened")
def test_a_loss_that_is_its_own_first_round_is_the_plugins_fault(own_losses: str):
    with pytest.raises(PluginError, match="loss 'circle:k=2' is its own first round"):
        make(loss="circle", plugin=own_losses)


def test_each_data_set_is_opened_once_with_the_suites_options(opened: list[dict[str, Any]]):
    planned = make(
        dataset="flickr8k,scenes:images=300",
        data_root=["a", "b"],
        strict_data=True,
        loss="triplet",
        seeds="0-2",
    )
    assert opened == [
        {"name": "flickr8k", "data_roots": [Path("a"), Path("b")], "strict": True},
        {"name": "scenes", "data_roots": [Path("a"), Path("b")], "strict": True},
    ]
    flickr, scenes = planned.runs[0], planned.runs[-1]
    assert (flickr.environment.data_path, flickr.environment.data_warnings) == (
        "/data/flickr8k",
        ("1 image is missing",),
    )
    assert flickr.data_fingerprint != scenes.data_fingerprint
    assert planned.warnings == ("flickr8k: 1 image is missing",)


@pytest.mark.usefixtures("opened")
def test_the_protocol_is_the_data_sets_own_unless_the_suite_names_one():
    both = make(dataset="flickr8k,scenes", loss="triplet", pooling="mean")
    assert [run.protocol.name for run in both.runs] == ["vse-infinity", "quick"]
    one = make(
        dataset="flickr8k,scenes",
        loss="triplet",
        pooling="mean",
        protocol="quick",
        epochs=2,
        set={"embed_dim": "64"},
    )
    assert [run.protocol.name for run in one.runs] == ["quick", "quick"]
    assert one.runs[0].protocol_changes == {"embed_dim": 64, "epochs": 2}


@pytest.mark.usefixtures("opened")
def test_the_identity_of_a_run_is_what_decides_its_result():
    (base,) = make(pooling="mean", loss="triplet").runs
    same = [
        make(pooling="mean", loss="triplet", **more).runs[0]
        for more in (
            {"workers": 1},
            {"out": "elsewhere"},
            {"set": {"embed_dim": 128}},
            {"protocol": "quick"},
        )
    ]
    others = [
        make(**{"pooling": "mean", "loss": "triplet", **more}).runs[0]
        for more in (
            {"seeds": 1},
            {"pooling": "mean/max"},
            {"pooling": "max/mean"},
            {"loss": "triplet:margin=0.3"},
            {"set": {"threads": 2}},
            {"set": {"warmup_loss": "triplet"}},
            {"dataset": "flickr8k", "protocol": "quick"},
        )
    ]
    assert {run.run_id for run in same} == {base.run_id}
    assert len({run.run_id for run in (base, *others)}) == 8


MILLION = {
    "pooling": ",".join(f"kmax:k={k}" for k in range(1, 1001)),
    "loss": ",".join(f"triplet:margin={k / 1000}" for k in range(1, 1001)),
}

REFUSED = [
    (
        MILLION,
        (
            "1,000 poolings × 1,000 losses are 1,000,000 runs, and at most 20,000 are planned: "
            "leave some out, or allow as many with --max-runs 1000000"
        ),
    ),
    ({"seeds": "0-1", "max_runs": 7}, "2 poolings × 2 losses × 2 seeds are 8 runs, and at most 7"),
    (
        {"dataset": "mirflickr", "seeds": "0-9", "max_runs": 29},
        "3 samplers × 10 seeds are 30 runs, and at most 29 are planned",
    ),
    ({"pooling": "gpoo"}, r"unknown pooling 'gpoo': did you mean 'gpo'\?"),
    ({"loss": "tripplet"}, r"unknown loss 'tripplet': did you mean 'triplet'\?"),
    ({"dataset": "flickr8"}, r"unknown dataset 'flickr8': did you mean 'flickr8k'\?"),
    ({"similarity": "cosine"}, "unknown similarity 'cosine': known: dot"),
    ({"executor": "lokal"}, r"unknown executor 'lokal': did you mean 'local'\?"),
    ({"protocol": "quik"}, r"unknown protocol 'quik': did you mean 'quick'\?"),
    ({"set": {"embd_dim": 3}}, r"unknown protocol key 'embd_dim': did you mean 'embed_dim'\?"),
    ({"pooling": "gpo,mean,gpo"}, "pooling 'gpo' is given twice: keep one"),
    (
        {"pooling": "maxavg,maxavg:w=0.5"},
        r"pooling 'maxavg:w=0\.5' is given twice \(it equals 'maxavg'\): keep one",
    ),
    ({"pooling": "gpo/gpo,gpo"}, r"pooling 'gpo' is given twice \(it equals 'gpo/gpo'\)"),
    ({"loss": "triplet,triplet:margin=0.20"}, "loss 'triplet:margin=0.20' is given twice"),
    (
        {"sampler": "uniform"},
        "data set 'scenes' serves the retrieval task, which uses no sampler",
    ),
    (
        {"set": {"warmup_loss": "aoq"}},
        "protocol key 'warmup_loss': 'aoq' cannot warm up a retrieval run",
    ),
    ({"plugin": ["nowhere.py"]}, r"plugin file '.*nowhere\.py' does not exist"),
]


@pytest.mark.parametrize(("values", "message"), REFUSED)
def test_a_wrong_request_is_refused_before_data_are_opened(
    values: dict[str, Any], message: str, opened: list[dict[str, Any]]
):
    with pytest.raises((SpecError, PluginError), match=message) as caught:
        make(**values)
    assert "\n" not in str(caught.value)
    assert opened == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"loss": "ranking"},
            "loss 'ranking' serves the annotation task, data set 'scenes' the retrieval task",
        ),
        (
            {"sampler": "uniform"},
            "data set 'scenes' serves the retrieval task, which uses no sampler",
        ),
        (
            {"dataset": "labels", "pooling": "mean"},
            "data set 'labels' serves the annotation task, which uses no pooling",
        ),
        (
            {"dataset": "labels", "loss": "triplet"},
            "loss 'triplet' serves the retrieval task, data set 'labels' the annotation task",
        ),
        (
            {"dataset": "scenes,labels"},
            "data set 'scenes' serves the retrieval task, 'labels' the annotation task",
        ),
    ],
)
def test_a_component_of_another_task_is_refused(
    values: dict[str, Any], message: str, own_losses: str, opened: list[dict[str, Any]]
):
    with pytest.raises(SpecError, match=message):
        make(plugin=own_losses, **values)
    assert opened == []


def test_bad_data_are_refused_before_anything_is_written(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="precomp"):
        make(dataset="precomp", data_root=[str(tmp_path / "empty")], out=str(tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_the_protocols_of_data_sets_exist():
    cards = [component.card for component in load_plugins().registry if component.kind == "dataset"]
    for card in (card for card in cards if isinstance(card, DatasetCard)):
        assert card.protocol in task_named(card.task).presets


def test_as_many_runs_as_allowed_are_planned(opened: list[dict[str, Any]]):
    assert len(make(seeds="0-1", max_runs=8, loss="triplet,infonce").runs) == 8
    assert opened
