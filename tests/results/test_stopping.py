from __future__ import annotations

import pytest

from tests.factories import make_curve
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.stopping import is_stopped


class Rule:
    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def should_stop(self, curve):
        self.asked.append(list(curve))
        return self.answer


@pytest.mark.parametrize("answer", [True, False])
def test_a_rule_is_shown_the_whole_curve_on_disk_and_obeyed(tmp_path, answer):
    directory, curve, rule = RunDirectory(tmp_path), make_curve([100, 200]), Rule(answer)
    for evaluation in curve:
        directory.append_evaluation(evaluation)
    assert is_stopped(rule, directory) is answer
    assert rule.asked == [curve]


def test_nothing_is_stopped_without_a_rule_or_before_the_first_point(tmp_path):
    rule = Rule(answer=True)
    assert not is_stopped(rule, RunDirectory(tmp_path))
    assert rule.asked == []
    (tmp_path / "curve.jsonl").write_text("damaged\n")
    assert not is_stopped(None, RunDirectory(tmp_path))
