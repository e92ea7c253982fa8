"""Importing the package costs nothing: frameworks and numerical libraries load when they are first used."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TORCH = {"sentence_transformers", "torch", "transformers"}
FRAMEWORKS = {"langchain", "langgraph", "openai"}
# Their business is a framework, a provider, or an agent built with one.
RIM = ("tts_agent.cli", "tts_agent.demo", "tts_agent.nodes", "tts_agent.samplers.openai")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer


def families(names: list[str]) -> set[str]:
    """Top-level package names, with langchain_core, langchain_openai, ... counted as langchain."""
    tops = {name.partition(".")[0] for name in names}
    return {"langchain" if top.startswith("langchain") else top for top in tops}


def modules() -> list[str]:
    """Every module of the package."""
    files = [file.relative_to(ROOT).with_suffix("") for file in (ROOT / "tts_agent").rglob("*.py")]
    return sorted(".".join(file.parts).removesuffix(".__init__") for file in files if file.name != "__main__")


def loaded_after(names: list[str]) -> set[str]:
    imports = "\n".join(f"import {name}" for name in names)
    return families(run("-c", f"{imports}\nimport sys\nprint(*sys.modules)").stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    report = run("-X", "importtime", "-c", "import tts_agent").stderr
    lines = [line for line in report.splitlines() if line.startswith("import time:")]
    loaded = families([line.rpartition("|")[2].strip() for line in lines])
    assert "tts_agent" in loaded
    assert loaded & (FRAMEWORKS | TORCH | {"numpy"}) == set()


def test_its_names_load_nothing_heavy_either() -> None:
    names = ("tts_agent", "tts_agent.stopping", "tts_agent.strategies", "tts_agent.routing")
    code = "".join(f"from {name} import *\n" for name in names) + "import sys\nprint(*sys.modules)"
    assert families(run("-c", code).stdout.split()) & (FRAMEWORKS | TORCH | {"numpy"}) == set()


def test_a_name_that_no_package_has_is_refused_as_python_does() -> None:
    code = "import tts_agent\ntry:\n    tts_agent.nothing\nexcept AttributeError as error:\n    print(error)"
    assert run("-c", code).stdout.strip() == "module 'tts_agent' has no attribute 'nothing'"


def test_importing_every_module_loads_no_torch() -> None:
    assert loaded_after(modules()) & TORCH == set()


def test_importing_every_module_within_the_rim_loads_no_framework() -> None:
    assert loaded_after([name for name in modules() if not name.startswith(RIM)]) & FRAMEWORKS == set()
