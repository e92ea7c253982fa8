"""Questions of the embedded model's families as items to label, and how they are graded."""

from __future__ import annotations

from tts_agent.embedded.problems import problems
from tts_agent.embedded.tasks import Split, is_correct
from tts_agent.learning.grading import Grading, checked_by
from tts_agent.learning.item import Item
from tts_agent.messages import user


def embedded_items(n: int, seed: int = 0) -> list[Item]:
    """`n` problems of the split that estimators are fitted on, families and levels mixed."""
    return [
        Item(str(number), (user(problem.question),), kind=problem.family, reference=problem.answer)
        for number, problem in enumerate(problems(Split.ESTIMATOR, n, seed))
    ]


def embedded_grading() -> Grading:
    """Right or wrong as the families' own checkers say: some questions have several right answers."""
    return Grading("embedded", checked_by(lambda question, reply, reference: is_correct(question, reply)))
