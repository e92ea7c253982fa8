"""Reward models in this process: real, tiny ones, compared with transformers itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, LlamaForTokenClassification

from tests.verifiers import tiny_models
from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError, MissingExtraError, SamplerError
from tts_agent.messages import Message, ToolCall, assistant, system, user
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import RewardModel, Verdict

STEP = Step((system("Be brief."), user("What is 2 + 2?")))
REPLIES = ("4", "The answer is 5.", "Two and two make four, as everybody knows.", "22")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_models.sequence_llama(tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_models.pair_bert(tmp_path_factory.mktemp("bert")))


def judged(verifier: RewardModel, *texts: str, step: Step = STEP) -> Sequence[Verdict]:
    samples = [Sample(text) for text in texts]
    return run_sync(Driver(ScriptedSampler([]), CheckedBudget()).run(verifier.verify(step, samples)))


def scores(verifier: RewardModel, *texts: str, step: Step = STEP) -> list[float]:
    return [verdict.score for verdict in judged(verifier, *texts, step=step)]


def directly(folder: str, *texts: tuple[str, ...], **how: Any) -> torch.Tensor:
    """The logits of each text or pair by itself."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        return torch.cat([model(**tokenizer(*parts, return_tensors="pt", **how)).logits for parts in texts])


def chats(folder: str, *replies: str) -> list[tuple[str]]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    turns = [{"role": turn.role, "content": turn.content} for turn in STEP.messages]
    return [
        (str(tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": reply}], tokenize=False)),)
        for reply in replies
    ]


def test_a_single_logit_is_squashed(llama: str) -> None:
    expected = directly(llama, *chats(llama, *REPLIES), add_special_tokens=False)[:, 0].sigmoid()
    assert scores(RewardModel(llama, device="cpu"), *REPLIES) == pytest.approx(expected.tolist(), abs=1e-5)
    assert np.ptp(expected.numpy()) > 0.01


@pytest.mark.parametrize("label", [-1, 0])
def test_of_several_labels_one_is_the_good_one(bert: str, label: int) -> None:
    pairs = [(STEP.text, reply) for reply in REPLIES]
    expected = directly(bert, *pairs).softmax(-1)[:, label]
    found = scores(RewardModel(bert, label=label, device="cpu"), *REPLIES)
    assert found == pytest.approx(expected.tolist(), abs=1e-5)


def test_without_its_template_a_model_reads_pairs(llama: str) -> None:
    expected = directly(llama, *[(STEP.text, reply) for reply in REPLIES])[:, 0].sigmoid()
    found = scores(RewardModel(llama, chat_template=False, device="cpu"), *REPLIES)
    assert found == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_batches_change_nothing(llama: str, bert: str, batch_size: int) -> None:
    for folder in (llama, bert):
        alone = [scores(RewardModel(folder), reply)[0] for reply in REPLIES]
        assert scores(RewardModel(folder, batch_size=batch_size), *REPLIES) == pytest.approx(alone, abs=1e-5)


def test_a_model_without_padding_is_asked_one_by_one(tmp_path: Path, llama: str) -> None:
    bare = str(tiny_models.sequence_llama(tmp_path, pad=False))
    assert scores(RewardModel(bare), *REPLIES) == pytest.approx(scores(RewardModel(llama), *REPLIES), abs=1e-5)


def test_what_is_too_long_is_cut_from_the_left(llama: str) -> None:
    long = "x" * 500 + " so it is 4"
    ((text,),) = chats(llama, long)
    tail = text[-123:]  # 120 tokens: the mark that ends the turn, four letters, is one
    expected = directly(llama, (tail,), add_special_tokens=False)[:, 0].sigmoid()
    found = scores(RewardModel(llama, max_tokens=120), long)
    assert found == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_pair_that_is_too_long_is_scored(bert: str) -> None:
    (short, long) = scores(RewardModel(bert), "4", "x" * 2000, step=Step((user("What? " * 500),)))
    assert min(short, long) > 0.0


def test_tools_and_calls_are_read_as_text(llama: str) -> None:
    step = Step((user("Read it."), assistant(""), Message("tool", "42", tool_call_id="1")))
    (verdict,) = run_sync(
        Driver(ScriptedSampler([]), CheckedBudget()).run(
            RewardModel(llama).verify(step, [Sample("", "tool_calls", (ToolCall("read", "{}"),))])
        )
    )
    assert [verdict.score] == pytest.approx(scores(RewardModel(llama), "read({})", step=step), abs=1e-6)


def test_nothing_is_accepted_until_a_threshold_is_set(llama: str) -> None:
    assert not any(verdict.accepted for verdict in judged(RewardModel(llama), *REPLIES))
    middle = float(np.median(scores(RewardModel(llama), *REPLIES)))
    accepted = [verdict.accepted for verdict in judged(RewardModel(llama, accept_at=middle), *REPLIES)]
    assert sorted(accepted) == [False, False, True, True]


def test_best_of_n_takes_the_reply_it_likes_best(llama: str) -> None:
    liked = REPLIES[int(np.argmax(scores(RewardModel(llama), *REPLIES)))]
    sampler = ScriptedSampler(list(REPLIES))
    outcome = run_sync(Driver(sampler, CheckedBudget()).run(BestOfN(RewardModel(llama), FixedSize(4)).run(STEP)))
    assert outcome.sample is not None
    assert outcome.sample.text == liked


def test_logits_that_are_no_numbers_are_an_error_and_no_score(tmp_path: Path) -> None:
    folder = tiny_models.sequence_llama(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.score.weight[:] = float("nan")
    model.save_pretrained(folder)
    with pytest.raises(SamplerError, match="no number"):
        judged(RewardModel(str(folder)), "4")


def test_a_folder_without_a_model_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gives no model that classifies a sequence") as refusal:
        judged(RewardModel(str(tmp_path)), "4")
    assert "\n" not in str(refusal.value)


def test_a_head_that_was_never_trained_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.llama(LlamaForTokenClassification, tmp_path)
    base = AutoModelForSequenceClassification.from_pretrained(folder)
    base.model.save_pretrained(folder)  # the body alone
    with pytest.raises(ConfigurationError, match=r"lacks score\.weight"):
        judged(RewardModel(str(folder)), "4")


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    folder = tiny_models.sequence_llama(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "theirs.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    with pytest.raises(ConfigurationError, match="gives no model"):
        judged(RewardModel(str(folder)), "4")
    assert not (tmp_path / "ran").exists()


def test_weights_that_are_a_pickle_are_refused(tmp_path: Path) -> None:
    folder = tiny_models.sequence_llama(tmp_path)
    weights = folder / "model.safetensors"
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match="gives no model"):
        judged(RewardModel(str(folder)), "4")


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    folder = tiny_models.sequence_llama(tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ConfigurationError, match="gives no model"):
        judged(RewardModel(str(folder)), "4")


def test_a_template_that_refuses_the_turns_is_named(tmp_path: Path) -> None:
    folder = str(tiny_models.sequence_llama(tmp_path, template="{{ raise_exception('no system turns') }}"))
    with pytest.raises(ConfigurationError, match="no system turns"):
        judged(RewardModel(folder), "4")


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_what_is_not_installed_is_named_with_its_extra(
    llama: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"tts-agent\[reward\]"):
        judged(RewardModel(llama), "4")


def test_a_label_that_the_model_does_not_have_is_refused(bert: str) -> None:
    with pytest.raises(ConfigurationError, match="2 labels"):
        judged(RewardModel(bert, label=2), "4")


def test_a_device_that_is_none_is_refused(bert: str) -> None:
    with pytest.raises(ConfigurationError, match="abacus"):
        judged(RewardModel(bert, device="abacus"), "4")


@pytest.mark.parametrize("setting", [{"model": " "}, {"dtype": "int8"}, {"batch_size": 0}, {"max_tokens": 1}])
def test_what_makes_no_sense_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        RewardModel(**({"model": "rm"} | setting))


def test_half_precision_is_near(llama: str) -> None:
    near = scores(RewardModel(llama, dtype="bfloat16"), *REPLIES)
    assert near == pytest.approx(scores(RewardModel(llama), *REPLIES), abs=0.1)


def test_it_keeps_the_contract(llama: str) -> None:
    verifier = RewardModel(llama)
    check_verifier(lambda: verifier)
