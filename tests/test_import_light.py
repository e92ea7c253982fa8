"""Importing the package costs nothing: frameworks and numerical libraries load when they are first used."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = {"langchain", "langgraph", "numpy", "openai", "sentence_transformers", "torch", "transformers"}
RIM = ("tts_agent.nodes", "tts_agent.samplers.openai")  # their business is a framework or a provider


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, text=True)


def families(modules: list[str]) -> set[str]:
    """Top-level package names, with langchain_core, langchain_openai, ... counted as langchain."""
    tops = {module.partition(".")[0] for module in modules}
    return {"langchain" if top.startswith("langchain") else top for top in tops}


def modules_within_the_rim() -> list[str]:
    files = [file.relative_to(ROOT).with_suffix("") for file in (ROOT / "tts_agent").rglob("*.py")]
    names = [".".join(file.parts).removesuffix(".__init__") for file in files if file.name != "__main__"]
    return sorted(name for name in names if not name.startswith(RIM))


def test_importing_the_package_loads_nothing_heavy() -> None:
    report = run("-X", "importtime", "-c", "import tts_agent").stderr
    lines = [line for line in report.splitlines() if line.startswith("import time:")]
    loaded = [line.rpartition("|")[2].strip() for line in lines]
    assert "tts_agent" in loaded
    assert families(loaded) & HEAVY == set()


def test_importing_every_module_within_the_rim_loads_no_framework_and_no_torch() -> None:
    imports = "\n".join(f"import {name}" for name in modules_within_the_rim())
    loaded = run("-c", f"{imports}\nimport sys\nprint(*sys.modules)").stdout.split()
    assert "tts_agent" in loaded
    assert families(loaded) & (HEAVY - {"numpy"}) == set()
