"""The service as a process: where it listens, how it starts, how it stops."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.app import build_app
from api.errors import CannotListen
from api.server import Server, listen, url_of

ROOT = Path(__file__).parents[2]

SERVICE = """
import sys
from contextlib import asynccontextmanager
from api.app import build_app
from api.server import listen, serve
from api.settings import Settings
from tests.api.small import SDL, Root, feed_of, make_executor

class Telling(Root):
    async def wait(self, source, info, seconds):
        print("under way", flush=True)
        return await super().wait(source, info, seconds)

@asynccontextmanager
async def lifespan(app):
    print("opened", flush=True)
    yield
    print("closed", flush=True)

settings = Settings(shutdown_timeout=float(sys.argv[1]))
executor = make_executor(Telling())
app = build_app(executor, settings, feed_of(executor), sdl=SDL, state=dict, ready=dict, lifespan=lifespan)
serve(app, listen("127.0.0.1", 0), settings, announce=lambda url: print(url, flush=True))
print("left", flush=True)
"""


@contextmanager
def service(shutdown_timeout: float = 5) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process of a service, and its address once it is ready."""
    command = [sys.executable, "-c", SERVICE, str(shutdown_timeout)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "opened\n"
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def ask(url: str, query: str) -> httpx.Response:
    return httpx.post(f"{url}/graphql", json={"query": query}, timeout=20)


def ask_slowly(pool: ThreadPoolExecutor, process: subprocess.Popen[str], url: str, seconds: float):
    """The answer to come to a question that is under way."""
    answer = pool.submit(ask, url, f"{{ slow(seconds: {seconds}) }}")
    assert process.stdout is not None
    assert process.stdout.readline() == "under way\n"
    return answer


def wait_until_closed(url: str) -> None:
    """Ask until nobody listens any more."""
    for _ in range(100):
        try:
            ask(url, "{ hello }")
        except httpx.TransportError:
            return
        time.sleep(0.02)
    pytest.fail("new requests are still taken")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_after_what_is_under_way(sig):
    with service() as (process, url), ThreadPoolExecutor() as pool:
        assert ask(url, "{ hello }").json() == {"data": {"hello": "Hello, world!"}}
        answer = ask_slowly(pool, process, url, 1)
        process.send_signal(sig)
        wait_until_closed(url)
        assert answer.result().json() == {"data": {"slow": "done"}}
        assert process.communicate(timeout=5) == ("closed\nleft\n", "")
        assert process.returncode == 0


def test_what_does_not_finish_in_time_is_told_so():
    with service(shutdown_timeout=0.5) as (process, url), ThreadPoolExecutor() as pool:
        answer = ask_slowly(pool, process, url, 30)
        start = time.monotonic()
        process.terminate()
        assert answer.result().status_code == 503
        assert answer.result().json()["errors"][0]["extensions"] == {"code": "TIMEOUT"}
        assert process.wait(timeout=5) == 0
        assert time.monotonic() - start < 3


def test_a_signal_that_comes_while_another_is_obeyed_disturbs_nothing(monkeypatch):
    server, starts = Server(uvicorn.Config(build_app), lambda: None), []

    def start() -> None:
        starts.append(1)
        server.handle_exit(signal.SIGTERM, None)

    monkeypatch.setattr(server.last_resort, "start", start)
    server.handle_exit(signal.SIGINT, None)
    assert (starts, server.should_exit, server.force_exit) == ([1], True, False)


def test_one_ctrl_c_may_come_twice_and_the_second_waits_for_nobody(monkeypatch):
    server = Server(uvicorn.Config(build_app), lambda: None)
    monkeypatch.setattr(server.last_resort, "start", lambda: None)
    now = iter([10.0, 10.4, 10.6]).__next__
    monkeypatch.setattr("api.server.monotonic", now)
    forced = []
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
        server.handle_exit(sig, None)
        forced.append(server.force_exit)
    assert forced == [False, False, True]


def exchange(url: str, request: bytes) -> bytes:
    """Everything that the service sends until it closes the connection."""
    host, port = url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=5)) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received


def test_hostile_requests_are_refused_and_the_service_goes_on():
    head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n100001\r\n" + b" " * 0x100001
    with service() as (_, url):
        too_large = head + b"Content-Length: 10000000000\r\nExpect: 100-continue\r\n\r\n"
        assert exchange(url, too_large).startswith(b"HTTP/1.1 413 ")
        assert exchange(url, chunked).startswith(b"HTTP/1.1 413 ")
        assert exchange(url, b"NONSENSE\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert ask(url, "{ hello }").status_code == 200


def test_a_port_in_use_is_told_with_what_to_do():
    with closing(listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotListen) as caught:
            listen("127.0.0.1", port)
    assert str(caught.value) == (
        f"Port {port} of 127.0.0.1 is in use by another program. Stop it, or give another port with --port."
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "x" * 300])
def test_an_address_of_elsewhere_is_told_with_what_to_do(host):
    with pytest.raises(CannotListen) as caught:
        listen(host, 0)
    assert str(caught.value) == f"{host!r} is no address of this machine. Give another one with --host."


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "This user may not serve on port 80. Give one from 1024 on with --port."),
        (errno.EPERM, "Cannot serve on port 80 of 127.0.0.1: Operation not permitted. Give another --host or --port."),
    ],
)
def test_a_port_that_may_not_be_had_is_told_with_what_to_do(monkeypatch, number, message):
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(
        socket.socket, "bind", refuse
    )  # whether a system refuses port 80 depends on its user and kernel
    with pytest.raises(CannotListen) as caught:
        listen("127.0.0.1", 80)
    assert str(caught.value) == message


@pytest.mark.parametrize(("host", "start"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_the_address_is_one_for_browsers(host, start):
    try:
        listener = listen(host, 0)
    except CannotListen:
        pytest.skip(f"this machine has no {host}")
    with closing(listener):
        assert url_of(listener) == f"{start}{listener.getsockname()[1]}"
