"""The demonstration has questions of every difficulty, or there would be nothing to route.

`python -m training.measure --demo 300` measures the same on all of it; this is a small sample with wide margins.
"""

from statistics import mean

from tts_agent.embedded.chat import prompt_ids
from tts_agent.embedded.generation import DEFAULT_TEMPERATURE, Sampling, generate
from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.problems import demo_problems
from tts_agent.embedded.tasks import Problem, is_correct
from tts_agent.embedded.tokenizer import Tokenizer


def test_the_demonstration_ranges_from_easy_to_hard(model: LanguageModel, tokenizer: Tokenizer) -> None:
    how = Sampling(DEFAULT_TEMPERATURE, max_tokens=300, seed=0, eos=tokenizer.eos)

    def pass_at_1(problem: Problem) -> float:
        completions = generate(model, prompt_ids(tokenizer, [problem.question]), range(6), how)
        return mean(is_correct(problem.question, tokenizer.decode(done.ids)) for done in completions)

    rates = sorted(pass_at_1(problem) for problem in demo_problems(40))
    assert mean(rates[:8]) < 0.35
    assert mean(rates[-8:]) > 0.9
    assert mean(0.3 <= rate <= 0.99 for rate in rates) > 0.2
