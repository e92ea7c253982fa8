"""Measurements that are made once and kept as JSON, so that a long benchmark goes on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kept:
    """A folder with a file for each measurement."""

    folder: Path
    settings: Mapping[str, Any]
    """What all of them depend on: a file that was measured under other settings is measured anew."""
    fresh: bool = False
    """Whether to measure anew whatever is there."""

    def get(self, name: str, measure: Callable[[], Any]) -> Any:
        """The JSON value of `measure()`, from its file or for the first time; says which on standard output."""
        path = self.folder / f"{name}.json"
        if not self.fresh:
            try:
                kept = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                kept = {}
            if kept.get("settings") == self.settings:
                return kept["value"]
        print(f"measuring {name}", flush=True)
        text = json.dumps({"settings": self.settings, "value": measure()})
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = path.with_suffix(".part")
        whole.write_text(text, encoding="utf-8")
        whole.replace(path)
        return json.loads(text)["value"]
