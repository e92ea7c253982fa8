"""The arithmetic of the ledger, over plain values: it is written here, once, for every store.

A call is on a chain of accounts: that of the budget it was reserved on, and of every budget above. What is held is
kept by lease. A lease belongs to one process and lapses when that process has not renewed it in time: then what it
held is forfeited, charged in full. A settlement that comes after all corrects the charge to what was billed.
Source of the protocol: two-phase reservation, as in card payments (authorize, capture).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tts_agent.budget.amount import NOTHING, Amount, Ask
from tts_agent.budget.grants import Grant, Path, kept
from tts_agent.budget.steps import Steps
from tts_agent.budget.tariffs import nanos
from tts_agent.exceptions import BudgetExhausted


@dataclass(slots=True)
class Lease:
    """What one process holds in one account."""

    held: Amount = NOTHING
    final: int = 0
    """Tokens of it that are held for final calls."""
    grants: dict[str, Grant] = field(default_factory=dict)
    """What is promised to child budgets of that process."""
    until: float = float("inf")
    """When it lapses, in seconds of the epoch; in memory never."""

    def copy(self) -> Lease:
        """Another one with the same numbers."""
        return replace(self, grants=dict(self.grants))

    def use(self, path: Path, *, held: int, spent: int = 0) -> None:
        """A call under these grants holds, or has spent, so much more."""
        for name in path:
            if name in self.grants:
                grant = self.grants[name]
                self.grants[name] = replace(grant, held=grant.held + held, spent=grant.spent + spent)


@dataclass(slots=True)
class Account:
    """One budget. Invariant: spent + held <= limit + excess."""

    limit: Amount
    reserve_final: int = 0
    """Tokens that only final calls may use."""
    spent: Amount = NOTHING
    final_spent: int = 0
    """Tokens of it that final calls spent."""
    overruns: int = 0
    """How often a provider reported more than a call was allowed."""
    excess: Amount = NOTHING
    """How much more, in all."""
    leases: dict[str, Lease] = field(default_factory=dict)
    steps: Steps = field(default_factory=Steps)
    """Those that were answered on it; counted where it or a budget around it is paced."""
    id: str = ""
    """In a store: tells it from one that was begun anew under the same name."""

    def copy(self) -> Account:
        """Another one with the same numbers."""
        return replace(self, leases={name: lease.copy() for name, lease in self.leases.items()})

    @property
    def held(self) -> Amount:
        """What reservations in flight may still cost."""
        return sum((lease.held for lease in self.leases.values()), NOTHING)

    @property
    def unused(self) -> bool:
        """Whether nothing was spent here, and nothing is in flight."""
        return self.spent == NOTHING == self.held and not self.steps.total

    def free(self, ask: Ask, path: Path, *, idle: bool) -> Amount:
        """What the call may cost here: now, or once every reservation in flight had come back unused (`idle`).

        Args:
            path: the grants that it is made under; what others were promised is not free.
        """
        grants = {name: each for lease in self.leases.values() for name, each in lease.grants.items()}
        free, final_used = self.limit - self.spent - Amount(kept(grants, path, idle=idle)), self.final_spent
        if not idle:
            free -= self.held
            final_used += sum(lease.final for lease in self.leases.values())
        reserve = self.reserve_final - final_used
        if reserve > 0 and not ask.final:
            price = ask.tariff.dearest if ask.tariff else 0
            free -= Amount(reserve, 1, nanos(reserve * price))
        return free

    def promise(self, lease: str, grant: str, least: int, path: Path, *, until: float) -> None:
        """Keep so many tokens for the calls that are made under this grant, out of the last of the path."""
        mine = self.leases.setdefault(lease, Lease())
        mine.grants[grant] = Grant(least, path[-1] if path else "")
        mine.until = until

    def take_back(self, grant: str) -> None:
        """Nobody makes calls under it any more."""
        for lease in self.leases.values():
            lease.grants.pop(grant, None)

    def hold(self, lease: str, cost: Amount, path: Path, *, final: bool, until: float) -> None:
        """Hold the upper bound of a call."""
        mine = self.leases.setdefault(lease, Lease())
        mine.held += cost
        mine.final += cost.tokens if final else 0
        mine.until = until
        mine.use(path, held=cost.tokens)

    def end(self, lease: str, held: Amount, actual: Amount, path: Path, *, final: bool) -> None:
        """Charge `actual` in place of what was held, or was charged for it when the lease lapsed."""
        mine = self.leases.get(lease)
        if mine is not None:
            mine.held -= held
            mine.final -= held.tokens if final else 0
            mine.use(path, held=-held.tokens, spent=actual.tokens)
            self.spent += actual
            self.final_spent += actual.tokens if final else 0
        else:
            self.spent += actual - held
            self.final_spent += actual.tokens - held.tokens if final else 0
        if not actual.within(held):
            self.overruns += 1
            self.excess += (actual - held).most(NOTHING)

    def lapse(self, now: float) -> None:
        """Forfeit what is held by leases that nobody renewed."""
        for name in [name for name, lease in self.leases.items() if lease.until < now]:
            lapsed = self.leases.pop(name)
            self.spent += lapsed.held
            self.final_spent += lapsed.final


Paths = Sequence[Path]
"""Of each account of a chain, the grants that calls are made under there."""


def plan(chain: Sequence[Account], paths: Paths, ask: Ask) -> tuple[int, int] | None:
    """The `(n, max_tokens)` that the chain grants; None when only reservations in flight are in the way.

    Degrades to fewer samples, then to a shorter completion, when even an idle ledger could not pay for the call.

    Raises:
        BudgetExhausted: not even the smallest useful call fits, now or later.
    """
    idle = _least(chain, paths, ask, idle=True)
    best = ask.fit(idle)
    if best is None:
        raise _shortage(chain, ask, idle)
    return best if ask.cost(*best).within(_least(chain, paths, ask, idle=False)) else None


def remaining(chain: Sequence[Account], paths: Paths) -> Amount:
    """What calls that are not final could still be granted at once."""
    return _least(chain, paths, _ORDINARY, idle=False).most(NOTHING)


def left_for_steps(chain: Sequence[Account], paths: Paths) -> int:
    """Tokens that calls that are not final may use in all, those in flight included."""
    return max(0, _least(chain, paths, _ORDINARY, idle=True).tokens)


def saw(chain: Sequence[Account], kind: str, spent: Amount, price: float) -> None:
    """A step of class `kind` is done, on which this was spent, decided at this `price` of a token."""
    for account in chain:
        account.steps = account.steps.saw(kind, spent, price)


def restore(chain: Sequence[Account], spent: Amount, steps: Steps | None) -> None:
    """At least this is known to be spent, and done."""
    for account in chain:
        account.spent = account.spent.most(spent)
        account.steps = account.steps.most(steps or account.steps)


_ORDINARY = Ask(0, 1, 1)


def _least(chain: Sequence[Account], paths: Paths, ask: Ask, *, idle: bool) -> Amount:
    least = chain[0].free(ask, paths[0], idle=idle)
    for account, path in zip(chain[1:], paths[1:], strict=True):
        least = least.least(account.free(ask, path, idle=idle))
    return least


def _shortage(chain: Sequence[Account], ask: Ask, idle: Amount) -> BudgetExhausted:
    if idle.calls < 1:
        return BudgetExhausted("the next call does not fit: every call of the budget is used")
    needed = ask.cost(1, ask.min_tokens)
    if needed.tokens > idle.tokens:
        reserve = 0 if ask.final else max(account.reserve_final for account in chain)
        least = needed.tokens + reserve if all(account.unused for account in chain) else None
        would_do = f" (with the final reserve, a budget of {least} tokens would do)" if least and reserve else ""
        left = f"the next call needs at least {needed.tokens} tokens and {max(0, idle.tokens)} of the budget are left"
        return BudgetExhausted(left + would_do, least=least)
    purse = Amount(money=max(0, idle.money)).dollars
    return BudgetExhausted(
        f"the next call needs at least ${needed.dollars:.6f} and ${purse:.6f} of the budget are left"
    )
