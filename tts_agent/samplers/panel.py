"""Several models behind one door: each request names the one it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import SampleBatch, Sampler, SampleRequest


class PanelSampler:
    """Hands each request to the sampler that its option "model" names, without that option.

    So a strategy that goes from model to model (a `Cascade`, the actions of a `TreeSearch`, an `ArmCascade`) needs no
    more than options; and the budget prices each call by the model that answers it.

    Args:
        samplers: by the name that requests use, usually the model's own.
        default: which of them answers requests that name none; the first of `samplers` if it is not said.
    """

    def __init__(self, samplers: Mapping[str, Sampler], default: str | None = None) -> None:
        self._samplers = dict(samplers)
        if not self._samplers:
            raise ConfigurationError("a panel needs at least one sampler")
        self._default = next(iter(self._samplers)) if default is None else default
        self.name = self._named(self._default).name

    def member(self, request: SampleRequest) -> Sampler:
        """The sampler that answers a request.

        Raises:
            ConfigurationError: the request names a model that is not on the panel.
        """
        return self._named(request.options.get("model", self._default))

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """See `Sampler.sample`."""
        return await self.member(request).sample(_without_name(request), n)

    def token_bound(self, request: SampleRequest) -> int:
        """The bound of the sampler that answers the request."""
        return self.member(request).token_bound(_without_name(request))

    def _named(self, name: object) -> Sampler:
        if not isinstance(name, str) or name not in self._samplers:
            raise ConfigurationError(f"no model {name!r} on this panel; there are {', '.join(self._samplers)}")
        return self._samplers[name]


def _without_name(request: SampleRequest) -> SampleRequest:
    return replace(request, options={key: value for key, value in request.options.items() if key != "model"})
