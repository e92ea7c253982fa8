"""Opt-in recording of decisions and outcomes, to learn from: what was believed, chosen, drawn and voted."""

from __future__ import annotations

import atexit
import logging
import sqlite3
import time
from collections.abc import Hashable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path
from queue import Full, Queue
from threading import Lock, Thread
from types import TracebackType
from typing import Literal

from tts_agent import answers
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.record_file import DrawnSample, Record, append, begin, set_outcome
from tts_agent.reasoner import Result
from tts_agent.step import Step

TextMode = Literal["hashed", "stored", "dropped"]

_LOG = logging.getLogger(__name__)
_TASK: ContextVar[str | None] = ContextVar("tts_agent_task", default=None)
_WAITING = 1_000
"""Most results that wait for the disk. Beyond that, they are lost and counted: a step never waits."""
_LONGEST = 8_000
"""Characters of a question that are stored; an encoder reads fewer."""
LEAST_BYTES = 65_536
"""An empty file takes 16 KiB, and a record with many samples a few."""
_Work = tuple[Result, str | None, float] | None


class Recorder:
    """Records every `Result` it is shown: `adaptive_node(model, on_result=Recorder("records.sqlite"))`.

    A call puts the result into a queue and returns; a thread of its own writes. It never raises and never waits: when
    the disk fails or falls behind, the first loss is logged, `lost` counts all, and steps go on. Threads share one
    recorder. Processes each make their own on the same file, a forked one after the fork.

    Recorded are the fields of `Record` and nothing else: no reply, no prompt but the question, no tool, header or
    setting. A question that is stored may itself contain a secret, which is why it is hashed unless asked otherwise.
    A hash groups equal questions; it does not hide a question that can be guessed.

    Args:
        path: a SQLite file, made where there is none, readable by its owner only.
        model: written to each record; what is learned is learned per model.
        text: of the question, the sha256 ("hashed"), its first 8,000 characters ("stored", needed to refit
            the difficulty estimator), or nothing ("dropped").
        max_rows: most records in the file; the oldest go first, and are overwritten.
        max_bytes: most bytes of the file, the same way; records that are written together may exceed it by their size.

    Raises:
        ConfigurationError: an argument is wrong, or the file is there and is something else.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        model: str = "",
        text: TextMode = "hashed",
        max_rows: int = 100_000,
        max_bytes: int = 256 * 2**20,
    ) -> None:
        if text not in ("hashed", "stored", "dropped"):
            raise ConfigurationError(f"text is {text!r}: say 'hashed', 'stored' or 'dropped'")
        if max_rows < 1:
            raise ConfigurationError(f"max_rows is {max_rows}: at least 1 is needed")
        if max_bytes < LEAST_BYTES:
            raise ConfigurationError(f"max_bytes is {max_bytes}: at least {LEAST_BYTES:,} are needed")
        self.path = Path(path)
        try:
            begin(self.path).close()
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(f"{self.path} cannot be written: {error}") from error
        self.lost = 0
        """Results that could not be recorded."""
        self._model, self._text, self._max_rows, self._max_bytes = model, text, max_rows, max_bytes
        self._queue: Queue[_Work] = Queue(_WAITING)
        self._lock, self._counting = Lock(), Lock()
        self._writer: Thread | None = None
        self._closed = False

    def __call__(self, result: Result) -> None:
        """Record a result; for `on_result`."""
        try:
            with self._lock:
                if self._closed:
                    self._lose(1, "the recorder is closed")
                    return
                if self._writer is None:
                    self._writer = Thread(target=self._write, name="tts-agent recorder", daemon=True)
                    self._writer.start()
                    atexit.register(self.close)
                self._queue.put_nowait((result, _TASK.get(), time.time()))
        except Full:
            self._lose(1, "results come faster than they can be written")
        except RuntimeError as error:  # no thread can be started: the interpreter is shutting down
            self._lose(1, error)

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """What is recorded inside belongs to this task, which `record_outcome` can name later. Tasks nest."""
        token = _TASK.set(name)
        try:
            yield
        finally:
            _TASK.reset(token)

    def record_outcome(self, task: str, correct: bool) -> int:
        """Say whether a task came out right; waits for what is queued. Every step of the task gets the outcome.

        Returns:
            How many records the task has; 0 if none, or if they have gone since.

        Raises:
            sqlite3.Error, OSError: the file cannot be written.
        """
        self.flush()
        with closing(begin(self.path)) as database:
            return set_outcome(database, task, correct)

    def flush(self) -> None:
        """Wait until everything that was shown so far is written (or lost)."""
        self._queue.join()

    def close(self) -> None:
        """Write what is queued and end the thread, as the end of the process does. What it is shown later is lost."""
        with self._lock:
            closed, self._closed = self._closed, True
        if self._writer and not closed:
            atexit.unregister(self.close)
            self._queue.put(None)
            self._writer.join()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        """What the thread does: batches, each with a connection of its own, so that a file that was away may return."""
        more = True
        while more:
            batch = [self._queue.get()]
            while not self._queue.empty() and len(batch) < _WAITING and batch[-1] is not None:
                batch.append(self._queue.get())
            more = batch[-1] is not None
            results = [work for work in batch if work is not None]
            records = [record for result in results if (record := self._tried(*result))]
            try:
                with closing(begin(self.path)) as database:
                    append(database, records, self._max_rows, self._max_bytes)
            except Exception as error:  # noqa: BLE001 - whatever it is, the steps go on
                self._lose(len(records), error)
            finally:
                for _ in batch:
                    self._queue.task_done()

    def _tried(self, result: Result, task: str | None, at: float) -> Record | None:
        try:
            return self._record(result, task, at)
        except Exception as error:  # noqa: BLE001 - the step's answer key is the user's own function
            self._lose(1, error)
            return None

    def _record(self, result: Result, task: str | None, at: float) -> Record:
        step, outcome, decision = result.step, result.outcome, result.decision
        votes: dict[Hashable, int] = {}
        samples = tuple(
            DrawnSample(
                None if (vote := answers.vote(sample, step.answer_key)) is None else votes.setdefault(vote, len(votes)),
                sample.usage.input_tokens,
                sample.usage.output_tokens,
                sample.finish_reason,
                sample.logprob,
                sample.valid,
            )
            for sample in outcome.samples
        )
        return Record(
            time=at,
            kind=step.kind,
            model=self._model,
            text=self._kept(step),
            tools=len(step.tools),
            turns=len(step.messages),
            strategy=decision.name,
            propensities=dict(decision.propensities),
            price=decision.price,
            belief=(result.difficulty.a, result.difficulty.b) if result.difficulty else None,
            stop=outcome.stop,
            winner=votes.get(outcome.answer),
            accepted=outcome.accepted,
            p_correct=outcome.p_correct,
            tokens=result.spent.tokens,
            samples=samples,
            task=task,
        )

    def _kept(self, step: Step) -> str | None:
        if self._text == "dropped":
            return None
        return (
            step.text[:_LONGEST]
            if self._text == "stored"
            else sha256(step.text.encode("utf-8", "surrogatepass")).hexdigest()
        )

    def _lose(self, count: int, why: object) -> None:
        with self._counting:
            first, self.lost = not self.lost, self.lost + count
        if first:
            _LOG.warning("decisions are not recorded to %s, and steps go on: %s", self.path, why)
