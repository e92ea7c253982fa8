"""Wrong solutions made up by rule, so that the model meets revision before it has made mistakes of its own."""

import re
from random import Random

from tts_agent.embedded.tasks import Problem, is_correct, split_solution, write_solution
from tts_agent.embedded.tasks.arithmetic import Change, apply, derive
from tts_agent.embedded.tasks.words import NAMES

_EQUATION = re.compile(r"(\d+)([-+*])(\d+)=(\d+)")


def spoil(rng: Random, problem: Problem) -> str | None:
    """Return a wrong solution that slips at one step and goes on from there, or None where none was found."""
    steps, _ = split_solution(problem.solution)
    match problem.family:
        case "chain" | "story":
            text = _miscalculate(rng, steps)
        case "lookup":
            text = _misread(rng, problem.question, steps)
        case "sort":
            text = _misplace(rng, steps)
        case _:
            text = _mistarget(rng, steps)
    return None if text is None or is_correct(problem.question, text) else text


def _miscalculate(rng: Random, steps: list[str]) -> str | None:
    equations = [_equation(step) for step in steps]
    slip = rng.randrange(len(steps))
    digits = [*str(equations[slip][2])]
    digits[rng.randrange(len(digits))] = rng.choice("123456789")
    wrong = int("".join(digits))
    rest = derive(wrong, [change for _, change, _ in equations[slip + 1 :]])
    if "=-" in rest.solution:
        return None
    total, change, _ = equations[slip]
    slipped = f"{total}{change.sign}{change.operand}={wrong}"
    return write_solution((*steps[:slip], slipped, *rest.steps), rest.answer)


def _misread(rng: Random, question: str, steps: list[str]) -> str:
    relation = steps[0].split()[1]
    target = dict(re.findall(rf"(\w+) {relation} (\w+)\.", question.lower()))
    slip = rng.randrange(len(steps))
    spoiled = steps[:slip]
    who = steps[slip].split()[0]
    for hop in range(slip, len(steps)):
        whom = rng.choice(NAMES) if hop == slip else target.get(who, rng.choice(NAMES))
        spoiled.append(f"{who} {relation} {whom}")
        who = whom
    return write_solution(spoiled, who)


def _misplace(rng: Random, steps: list[str]) -> str:
    spoiled = list(steps)
    slip = rng.randrange(len(steps) - 1)
    other = min(len(steps) - 1, slip + rng.randint(1, 2))
    spoiled[slip], spoiled[other] = spoiled[other], spoiled[slip]
    return write_solution(spoiled, ", ".join(spoiled))


def _mistarget(rng: Random, steps: list[str]) -> str | None:
    changes = [_equation(step)[1] for step in steps]
    slip = rng.randrange(len(changes))
    changes[slip] = Change(rng.choice("+-*"), changes[slip].operand)
    total = _equation(steps[0])[0]
    expression, spoiled = str(total), list[str]()
    for count, change in enumerate(changes):
        result = apply(total, change)
        if result < 0:
            return None
        inner = f"({expression})" if count else expression
        expression = f"{inner}{change.sign}{change.operand}"
        spoiled.append(f"{total}{change.sign}{change.operand}={result}")
        total = result
    return write_solution(spoiled, expression)


def _equation(step: str) -> tuple[int, Change, int]:
    match = _EQUATION.fullmatch(step)
    assert match is not None, f"not an equation: {step!r}"
    return int(match[1]), Change(match[2], int(match[3])), int(match[4])
