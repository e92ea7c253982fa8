"""How an upstream is reached."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from tts_agent.exceptions import ConfigurationError, EndpointUnreachable, RequestRejected
from tts_agent.server.client import Client


@contextmanager
def listening(tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """Something that answers one request, and notes the first line of it."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            line, _ = listener.accept()
            with suppress(ssl.SSLError), tls.wrap_socket(line, server_side=True) if tls else line as line:
                seen.append(line.recv(65536).split(b"\r\n")[0])
                if seen[0]:
                    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", seen
        thread.join(5.0)


async def said(url: str, headers: dict[str, str] | None = None) -> str:
    client = Client(url, 5.0)
    try:
        async with client.calling("GET", "/models", headers or {}) as response:
            return await response.text()
    finally:
        await client.close()


def test_the_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with listening() as (address, seen):
        monkeypatch.setenv("http_proxy", address)
        assert asyncio.run(said("http://upstream.invalid/v1")) == "hi"
    assert seen == [b"GET http://upstream.invalid/v1/models HTTP/1.1"]


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "inside.invalid")
    with pytest.raises(ConfigurationError, match="proxy"):
        Client("https://upstream.invalid/v1", 5.0)
    Client("https://inside.invalid/v1", 5.0)


def test_a_damaged_header_is_not_sent() -> None:
    with listening() as (address, seen), pytest.raises(RequestRejected, match="key"):
        asyncio.run(said(f"http://{address}/v1", {"Authorization": "Bearer a\nb"}))
    assert seen == [b""]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_has_to_be_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made: list[str | Path] = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    named = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *named], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with listening(tls) as (address, _), pytest.raises(EndpointUnreachable, match="not trusted"):
        asyncio.run(said(f"https://{address}/v1"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with listening(tls) as (address, _):
        assert asyncio.run(said(f"https://{address}/v1")) == "hi"


def test_an_upstream_without_tls_is_no_https_one() -> None:
    with listening() as (address, _), pytest.raises(EndpointUnreachable, match="does not speak TLS"):
        asyncio.run(said(f"https://{address}/v1"))
