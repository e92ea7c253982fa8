"""The endpoint as a process of its own, which stops without losing a request."""

from __future__ import annotations

import gc
import time
from socket import socket
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from tts_agent.server.readiness import Readiness


class Process(uvicorn.Server):
    """Told to stop, it says so at `/readyz` and serves on for a while, then takes no more and finishes what it began.

    A second signal ends the wait.

    Args:
        notice: seconds that load balancers get to send their requests elsewhere.
        drain: seconds that requests at work get.
    """

    def __init__(self, app: Starlette, host: str, port: int, *, notice: float, drain: int) -> None:
        super().__init__(
            uvicorn.Config(app, host=host, port=port, access_log=False, timeout_graceful_shutdown=drain, ws="none")
        )
        self._readiness: Readiness = app.state.readiness
        self._notice = notice
        self._told: tuple[float, int, FrameType | None] | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to serve. What is there by now stays, so the collector of garbage need not look at it again."""
        await super().startup(sockets=sockets)
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop came."""
        self._readiness.draining = True
        if self._told or not self._notice:
            super().handle_exit(sig, frame)
        else:
            self._told = time.monotonic() + self._notice, sig, frame

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop now; asked ten times a second."""
        if self._told and time.monotonic() >= self._told[0] and not self.should_exit:
            super().handle_exit(*self._told[1:])
        return await super().on_tick(counter)
