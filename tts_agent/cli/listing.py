"""The parts of a group for people, one line each, and for programs."""

from __future__ import annotations

import json

from tts_agent.cli.catalogue import Group, Part, parts, settings


def listing(group: Group, *, as_json: bool) -> None:
    """Print what there is: name, what it is, what it needs, which settings must be given, source and distribution."""
    found = parts(group)
    if as_json:
        print(json.dumps([_entry(part, group) for part in found], ensure_ascii=False, indent=2))
        return
    width = max((len(part.name) for part in found), default=0)
    for part in found:
        print(f"{part.name:<{width}}  {_line(part, group)}")


def _line(part: Part, group: Group) -> str:
    origin = f"({part.distribution})" if part.distribution else ""
    if part.error:
        return f"cannot be loaded: {part.error} {origin}"
    needs, given = ", ".join(part.needs), ", ".join(_given(part, group))
    asks = "; ".join(text for text in (needs and f"needs {needs}", given and f"give {given}") if text)
    return " ".join(text for text in (part.what, asks and f"[{asks}]", part.source, origin) if text)


def _entry(part: Part, group: Group) -> dict[str, object]:
    return {
        "name": part.name,
        "what": part.what,
        "needs": list(part.needs),
        "settings": _given(part, group),
        "source": part.source or None,
        "distribution": part.distribution,
        "error": part.error,
    }


def _given(part: Part, group: Group) -> list[str]:
    """The settings that must be given."""
    if part.error:
        return []
    return [name for name, needed in settings(part.value, group).items() if needed]
