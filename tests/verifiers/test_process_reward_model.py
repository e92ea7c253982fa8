"""Process reward models in this process: real, tiny ones, compared with transformers itself."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForTokenClassification, AutoTokenizer

from tests.verifiers import tiny_models
from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError, SamplerError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.step import Step
from tts_agent.strategies import BeamSearch, DiverseTreeSearch, Strategy, TreeSearch
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import ProcessRewardModel, Verdict
from tts_agent.verifiers.process_reward_model import _pieces

STEP = Step((user("2 + 2?"),))
STEPS = ("First, 1 + 1 is 2.", "So 2 + 2 is 5.", "The answer is 4.")
REPLY = "\n\n".join(STEPS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_models.token_llama(tmp_path_factory.mktemp("prm")))


def judged(verifier: ProcessRewardModel, *texts: str) -> Sequence[Verdict]:
    samples = [Sample(text) for text in texts]
    return run_sync(Driver(ScriptedSampler([]), CheckedBudget()).run(verifier.verify(STEP, samples)))


def directly(folder: str, text: str) -> torch.Tensor:
    """P(the last label) at each token."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForTokenClassification.from_pretrained(folder)
    with torch.inference_mode():
        logits: torch.Tensor = model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits
    return logits[0].softmax(-1)[:, -1]


def expected(folder: str) -> list[float]:
    """Each step by the beginning of the reply that ends with it and its mark."""
    prompt = "<s>user: 2 + 2?</s><s>assistant: "
    return [
        float(directly(folder, prompt + "".join(f"{step}\n" for step in STEPS[: n + 1]))[-1]) for n in range(len(STEPS))
    ]


def test_each_step_is_scored_at_its_last_token(folder: str) -> None:
    (scores,) = ProcessRewardModel(folder).step_scores(STEP, [REPLY])
    assert scores == pytest.approx(expected(folder), abs=1e-5)
    assert max(scores) - min(scores) > 0.01


@pytest.mark.parametrize(("aggregate", "of"), [("min", min), ("product", prod), ("last", lambda scores: scores[-1])])
def test_the_scores_of_steps_make_that_of_the_reply(folder: str, aggregate: Any, of: Any) -> None:
    (verdict,) = judged(ProcessRewardModel(folder, aggregate), REPLY)
    assert verdict.score == pytest.approx(of(expected(folder)), abs=1e-5)
    assert not verdict.accepted


def test_without_a_mark_and_a_template_a_step_is_scored_where_it_ends(folder: str) -> None:
    probabilities = directly(folder, "<s>2 + 2?" + "".join(STEPS))
    ends = [1 + 6 + sum(map(len, STEPS[: n + 1])) - 1 for n in range(3)]
    (scores,) = ProcessRewardModel(folder, mark="", chat_template=False).step_scores(STEP, [REPLY])
    assert scores == pytest.approx(probabilities[ends].tolist(), abs=1e-5)


def test_a_beginning_is_scored_as_in_the_whole(folder: str) -> None:
    verifier = ProcessRewardModel(folder)
    beginnings = ["\n\n".join(STEPS[:n]) + "\n\n" for n in (1, 2)]
    one, two, whole = verifier.step_scores(STEP, [*beginnings, REPLY])
    assert one == pytest.approx(whole[:1], abs=1e-5)
    assert two == pytest.approx(whole[:2], abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_batches_change_nothing(folder: str, batch_size: int) -> None:
    replies = [REPLY, STEPS[0], "\n\n".join(STEPS[1:])]
    alone = [ProcessRewardModel(folder).step_scores(STEP, [reply])[0] for reply in replies]
    together = ProcessRewardModel(folder, batch_size=batch_size).step_scores(STEP, replies)
    for one, other in zip(alone, together, strict=True):
        assert other == pytest.approx(one, abs=1e-5)


def test_the_first_low_step_is_named_and_a_high_reply_accepted(folder: str) -> None:
    scores = expected(folder)
    low = sorted(scores)[1]
    (verdict,) = judged(ProcessRewardModel(folder, wrong_below=low + 1e-6, accept_at=min(scores) - 1e-6), REPLY)
    assert verdict.wrong_at == min(n for n, score in enumerate(scores, 1) if score <= low)
    assert verdict.accepted
    assert judged(ProcessRewardModel(folder), REPLY)[0].wrong_at is None


def test_nothing_but_separators_is_no_reply(folder: str) -> None:
    assert judged(ProcessRewardModel(folder, separator="---", accept_at=0.0), "---") == [Verdict(0.0)]


def test_every_step_of_a_long_reply_has_a_score(folder: str) -> None:
    reply = "\n\n".join(f"Step number {n} goes on and on." for n in range(40)) + "\n\n" + "x" * 500
    (scores,) = ProcessRewardModel(folder).step_scores(STEP, [reply])
    assert len(scores) == 41
    first = directly(folder, "<s>user: 2 + 2?</s><s>assistant: Step number 0 goes on and on.\n")[-1]
    assert scores[0] == pytest.approx(float(first), abs=1e-5)
    last = directly(folder, "x" * (tiny_models.WINDOW // 2 - 1) + "\n")[-1]
    assert scores[-1] == pytest.approx(float(last), abs=1e-5)


@given(st.lists(st.integers(1, 40), min_size=1), st.integers(0, 30), st.integers(2, 32))
def test_pieces_give_each_step_one_score_and_keep_what_stands_before_it(
    lengths: list[int], asked: int, longest: int
) -> None:
    ends = [asked + sum(lengths[: n + 1]) - 1 for n in range(len(lengths))]
    ids = list(range(ends[-1] + 1))
    scored = []
    for piece, here in _pieces(ids, ends, longest):
        assert 0 < len(piece) <= longest
        scored += [piece[end] for end in here]
        assert piece == ids[piece[0] : piece[-1] + 1]
        assert all(end + 1 >= min(piece[end] + 1, longest // 2) for end in here)
    assert scored == ends


@pytest.mark.parametrize("strategy", ["beam", "diverse", "tree"])
def test_searches_go_where_its_scores_point(folder: str, strategy: str) -> None:
    verifier = ProcessRewardModel(folder, "last")
    beam = BeamSearch(verifier, width=1, branching=4)
    strategies: dict[str, Strategy] = {
        "beam": beam,
        "diverse": DiverseTreeSearch(beam, subtrees=2),
        "tree": TreeSearch(verifier),
    }

    def model(request: SampleRequest, index: int) -> str:
        return f"Perhaps {index}." if len(request.messages) == 1 else f"Then the answer is {index}."

    sampler = ScriptedSampler(model)
    outcome = run_sync(Driver(sampler, CheckedBudget(100_000)).run(strategies[strategy].run(STEP)))
    assert outcome.sample is not None
    whole = [sample for sample in outcome.samples if sample.valid]
    found = {
        sample.text: verdict.score
        for sample, verdict in zip(whole, judged(verifier, *[s.text for s in whole]), strict=True)
    }
    assert found[outcome.sample.text] == pytest.approx(max(found.values()), abs=1e-5)


def test_logits_that_are_no_numbers_are_an_error_and_no_score(tmp_path: Path) -> None:
    folder = tiny_models.token_llama(tmp_path)
    model = AutoModelForTokenClassification.from_pretrained(folder)
    with torch.no_grad():
        model.score.weight[:] = float("nan")
    model.save_pretrained(folder)
    with pytest.raises(SamplerError, match="no number"):
        judged(ProcessRewardModel(str(folder)), "4")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gives no model that classifies a token"):
        judged(ProcessRewardModel(str(tmp_path)), "4")


@pytest.mark.parametrize("setting", [{"aggregate": "mean"}, {"separator": ""}, {"dtype": "int8"}])
def test_what_makes_no_sense_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ProcessRewardModel("prm", **setting)


def test_it_keeps_the_contract(folder: str) -> None:
    verifier = ProcessRewardModel(folder)
    check_verifier(lambda: verifier)
