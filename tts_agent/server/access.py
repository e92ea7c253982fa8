"""Who may use the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest

from tts_agent.server.ledgers import owner_of
from tts_agent.server.refusal import Refusal


class Access:
    """The keys of the endpoint; without any, everyone may come in, and shares one budget."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    def owner(self, headers: Mapping[str, str]) -> str:
        """Who shows this key. Every key is compared, in a time that tells nothing.

        Raises:
            Refusal: 401.
        """
        if not self._keys:
            return owner_of(None)
        shown = headers.get("authorization", "").removeprefix("Bearer ").encode()
        same = [compare_digest(shown, key) for key in self._keys]
        if True not in same:
            raise Refusal(401, "the key is missing or wrong", code="invalid_api_key")
        return owner_of(shown.decode())

    def forwarded(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The client's own authorization, where it is for the upstream. A key of this endpoint never leaves it.

        Raises:
            Refusal: 401, it has characters that no key has.
        """
        shown = headers.get("authorization")
        if self._keys or shown is None:
            return {}
        if not (shown.isascii() and shown.isprintable()):
            raise Refusal(401, "the key has characters that no key has", code="invalid_api_key")
        return {"Authorization": shown}
