"""Records samples of the embedded model: the raw material of estimators, profiles and replays.

    python -m training.bank --split estimator --questions 2500 --samples 16 --out bank.jsonl --labels labels.jsonl

One line a question: {"id", "kind", "level", "question", "gold", "prompt_tokens", "samples": [{"answer",
"correct", "tokens", "logprob", "finish_reason"}]}. The same command with the same seed writes the same file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
from functools import cache
from pathlib import Path
from typing import Any

from tts_agent import answers
from tts_agent.difficulty import SampleSignals, StepText
from tts_agent.difficulty.labels import Label, leave_one_out, write_labels
from tts_agent.embedded import EmbeddedSampler
from tts_agent.embedded.defaults import embedded_step
from tts_agent.embedded.problems import problems
from tts_agent.embedded.tasks import Problem, Split, is_correct


def record(index: int, problem: Problem, sampler: EmbeddedSampler, samples: int, seed: int) -> dict[str, Any]:
    """Draw `samples` answers to one problem."""
    request = embedded_step(problem.question, seed=seed).request()
    batch = asyncio.run(sampler.sample(request, samples))
    return {
        "id": f"{problem.family}-{problem.level}-{index}",
        "kind": problem.family,
        "level": problem.level,
        "question": problem.question,
        "gold": problem.answer,
        "prompt_tokens": sampler.token_bound(request),
        "samples": [
            {
                "answer": answers.vote(sample, answers.auto),
                "correct": is_correct(problem.question, sample.text),
                "tokens": sample.usage.output_tokens,
                "logprob": None if sample.logprob is None else round(sample.logprob, 6),
                "finish_reason": sample.finish_reason,
            }
            for sample in batch.samples
        ],
    }


def labels(row: dict[str, Any]) -> list[Label]:
    """A recorded question as label rows: each sample's signals beside the pass count of the others."""
    samples = [
        (SampleSignals(s["tokens"], s["finish_reason"], s["logprob"], valid=s["finish_reason"] == "stop"), s["correct"])
        for s in row["samples"]
    ]
    return leave_one_out(StepText(row["question"], row["kind"], "embedded"), row["id"], samples)


@cache
def _sampler() -> EmbeddedSampler:
    return EmbeddedSampler()


def _work(task: tuple[int, Problem, int, int]) -> str:
    index, problem, samples, seed = task
    return json.dumps(record(index, problem, _sampler(), samples, seed))


def main() -> None:
    """Parse the command line and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", type=Split, default=Split.ESTIMATOR)
    parser.add_argument("--questions", type=int, default=2500)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path, help="also write the rows that estimators are fitted on")
    arguments = parser.parse_args()
    chosen = problems(arguments.split, arguments.questions, arguments.seed)
    tasks = [(i, problem, arguments.samples, arguments.seed) for i, problem in enumerate(chosen)]
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        rows = []
        for row in pool.imap(_work, tasks, chunksize=8):
            rows.append(row)
            if len(rows) % 200 == 0:
                print(f"{len(rows)} of {len(tasks)}", flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = arguments.out.with_suffix(".part")
    unfinished.write_text("\n".join(rows) + "\n", encoding="utf-8")
    unfinished.replace(arguments.out)
    if arguments.labels:
        written = write_labels(arguments.labels, (label for row in rows for label in labels(json.loads(row))))
        print(f"{written} label rows in {arguments.labels}")


if __name__ == "__main__":
    main()
