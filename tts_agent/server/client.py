"""The HTTP client that asks an upstream: its connections, and its failures as this package's errors."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from urllib.request import getproxies, proxy_bypass

import aiohttp
import truststore
from yarl import URL

from tts_agent.exceptions import ConfigurationError, EndpointUnreachable, RequestRejected, SamplerError
from tts_agent.server.refusal import TimedOut

LONGEST_CONNECT = 10.0
"""Seconds to wait for a connection."""
KEPT = 5.0
"""Seconds that a connection is kept for the next request: servers close theirs soon after."""
LARGE = 2**20
"""Bytes of a body above which it is sent in pieces, so that others get their turn."""
UNSENT = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError)


class Client:
    """Keeps connections to one place, through the proxy that the environment names for it.

    Redirects are not followed, and cookies are not kept: they would be one client's at the next.

    Args:
        url: what all paths begin with.
        timeout: seconds without a word after which a call has failed.

    Raises:
        ConfigurationError: the URL is none, or the proxy is not spoken to by HTTP.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url.rstrip("/")
        try:
            parsed = URL(self.url)
        except ValueError:
            parsed = URL()
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigurationError(
                f"the upstream {url!r} is no http(s) URL: it looks like 'http://localhost:8000/v1'"
            )
        self.host = parsed.host
        self._proxy = _proxy(parsed.scheme, self.host)
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(timeout, LONGEST_CONNECT), sock_read=timeout)
        self._open: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of its connections."""
        if self._open is not None:
            await self._open.close()

    @asynccontextmanager
    async def calling(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response, whatever its status.

        Raises:
            SamplerError: there is none, or it breaks while it is read.
        """
        try:
            async with await self._asked(method, path, headers, content) as response:
                yield response
        except aiohttp.ClientSSLError as error:
            raise EndpointUnreachable("the upstream's certificate is not trusted, or it does not speak TLS") from error
        except UNSENT as error:
            raise EndpointUnreachable("the upstream cannot be reached") from error
        except aiohttp.ServerTimeoutError as error:
            raise TimedOut("no reply from the upstream in time") from error
        except aiohttp.ClientError as error:
            raise SamplerError("the connection to the upstream broke before the reply ended", retryable=True) from error

    async def _asked(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> aiohttp.ClientResponse:
        body = BytesIO(content) if content and len(content) > LARGE else content
        try:
            return await self._session.request(
                method, self.url + path, headers=headers, data=body, allow_redirects=False, proxy=self._proxy
            )
        except aiohttp.ClientSSLError:  # one of a certificate is a ValueError too
            raise
        except ValueError as error:
            raise RequestRejected("the request cannot be sent: is the key or the URL damaged?") from error

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Opened by the first request, because it belongs to the event loop that it is opened in."""
        if self._open is None:
            self._open = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=KEPT, ssl=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
            )
        return self._open


def _proxy(scheme: str, host: str) -> str | None:
    """What the environment names (`HTTPS_PROXY` and the like), unless `NO_PROXY` has the host."""
    named = {} if proxy_bypass(host) else getproxies()
    if not (proxy := named.get(scheme, named.get("all"))):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        raise ConfigurationError("the environment names a proxy that is not spoken to by HTTP: it is not supported")
    return proxy
