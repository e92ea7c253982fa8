"""An account as text, for stores: JSON, the same for the same account."""

from __future__ import annotations

import json
from dataclasses import astuple
from typing import Any

from tts_agent.budget.account import Account, Lease
from tts_agent.budget.amount import Amount
from tts_agent.budget.grants import Grant
from tts_agent.budget.steps import Steps

VERSION = 1


def to_text(account: Account) -> str:
    """The account as one line of JSON."""
    return json.dumps(
        {
            "version": VERSION,
            "id": account.id,
            "limit": _numbers(account.limit),
            "reserve_final": account.reserve_final,
            "spent": _numbers(account.spent),
            "final_spent": account.final_spent,
            "overruns": account.overruns,
            "excess": _numbers(account.excess),
            "steps": account.steps.to_json(),
            "leases": {
                name: {
                    "held": _numbers(lease.held),
                    "final": lease.final,
                    "grants": {grant: astuple(each) for grant, each in lease.grants.items()},
                    "until": lease.until,
                }
                for name, lease in account.leases.items()
            },
        },
        separators=(",", ":"),
    )


def from_text(text: str) -> Account:
    """The account that `to_text` wrote.

    Raises:
        ValueError: it is none, or another version's.
    """
    try:
        found = json.loads(text)
        if found["version"] != VERSION:
            raise ValueError(f"its version is {found['version']}, not {VERSION}")
        return Account(
            limit=_amount(found["limit"]),
            reserve_final=int(found["reserve_final"]),
            spent=_amount(found["spent"]),
            final_spent=int(found["final_spent"]),
            overruns=int(found["overruns"]),
            excess=_amount(found["excess"]),
            leases={
                name: Lease(
                    _amount(lease["held"]),
                    int(lease["final"]),
                    {
                        str(grant): Grant(int(least), str(within), int(spent), int(held))
                        for grant, (least, within, spent, held) in lease["grants"].items()
                    },
                    float(lease["until"]),
                )
                for name, lease in found["leases"].items()
            },
            steps=Steps.from_json(found["steps"]),
            id=str(found["id"]),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("it is no account of a ledger") from error


def _numbers(amount: Amount) -> list[int]:
    return [amount.tokens, amount.calls, amount.money]


def _amount(numbers: Any) -> Amount:
    tokens, calls, money = map(int, numbers)
    return Amount(tokens, calls, money)
