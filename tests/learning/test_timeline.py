"""A recorded task, step by step."""

from __future__ import annotations

from dataclasses import replace

from tests.learning.test_last_sample import step
from tts_agent.learning.record_file import Record
from tts_agent.learning.timeline import tasks, timeline
from tts_agent.learning.timeline_chart import timeline_chart
from tts_agent.routing.profile import ClassProfile


def run() -> list[Record]:
    """Two tasks that take turns, and a step of no task."""
    return [
        replace(step(0), task="a", time=100.0),
        replace(step(0, 0), task="b", time=101.0, kind="<b>", correct=True),
        replace(step(0, 1, 0), task="a", time=103.5, stop="budget"),
        replace(step(None), time=104.0),
        replace(step(0, 0), task="b", time=105.0, correct=True),
    ]


def test_tasks_are_listed_the_dearest_first_with_their_limits_and_outcomes() -> None:
    said = [(task.name, task.steps, task.tokens, task.seconds, task.limits, task.correct) for task in tasks(run())]
    assert said == [
        ("a", 2, 200, 3.5, ("budget",), None),
        ("b", 2, 200, 4.0, (), True),
        (None, 1, 50, 0.0, (), None),
    ]


def test_a_timeline_has_the_steps_of_one_task_and_what_was_spent_so_far() -> None:
    moments = timeline(run(), "a", {})
    assert [(each.seconds, each.samples, each.tokens, each.spent) for each in moments] == [
        (0.0, 1, 50, 50),
        (3.5, 3, 150, 200),
    ]
    assert [each.pass_rate for each in moments] == [0.75, 0.75]
    assert moments[0].worth == 0.75 / 50


def test_what_was_measured_of_a_class_counts() -> None:
    refined = [replace(step(0, 1, strategy="sequential_refinement", accepted=True), task="a")]
    assert timeline(refined, "a", {})[0].worth is None
    assert timeline(refined, "a", {"plan": ClassProfile(fix_rate=0.5)})[0].worth is not None


def test_the_picture_has_a_bar_a_step_and_says_what_it_is() -> None:
    picture = timeline_chart("task <b>", timeline(run(), "b", {}))
    assert picture.count("<rect") == 2
    assert "task &lt;b&gt;" in picture
    assert "&lt;b&gt;: self_consistency, 100 tokens, settled" in picture


def test_there_is_no_picture_where_nothing_has_worth_or_price() -> None:
    silent = [replace(step(0, 1, strategy="sequential_refinement", accepted=True), task="a", price=0.0)]
    assert timeline_chart("a", timeline(silent, "a", {})) == ""
    assert timeline_chart("a", []) == ""
