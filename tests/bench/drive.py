"""Driving a server with wrk, and reading what wrk says."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.bench.errors import BenchError

CONNECTIONS = 8
SCRIPT = Path(__file__).parent / "peers" / "drive.lua"
SLOWEST_ANSWER_S = 60
"""wrk counts an answer that takes longer as a fault."""

NO_WRK = "wrk drives the servers and is not here. Debian or Ubuntu: apt install wrk. macOS: brew install wrk."

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m) *$", re.MULTILINE)
_FAULTS = re.compile(r"(?:connect|read|write|timeout|responses:) (\d+)")


class Drive(NamedTuple):
    """Answers a second, and how long an answer took: for half of the requests at most, and for 99 %."""

    rate: float
    half_ms: float
    most_ms: float


def drive(url: str, query: Path, seconds: int) -> Drive:
    """Asks the query over and over for so long. Raises BenchError if an answer failed."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", f"--timeout={SLOWEST_ANSWER_S}s"]
    try:
        done = subprocess.run(
            [*command, "-s", str(SCRIPT), url, "--", str(query)],
            capture_output=True,
            text=True,
            timeout=seconds + SLOWEST_ANSWER_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise BenchError(NO_WRK) from error
    if done.returncode:
        raise BenchError(f"wrk could not drive {url}: {done.stderr or done.stdout}")
    return read(done.stdout)


def read(said: str) -> Drive:
    """What wrk measured, from what it prints. Raises BenchError if any answer failed."""
    if faults := sum(map(int, _FAULTS.findall(said))):
        raise BenchError(f"{faults} answers failed, so the others mean nothing. wrk said:\n{said}")
    rate, latencies = _RATE.search(said), _LATENCY.findall(said)
    if rate is None or len(latencies) != 2:
        raise BenchError(f"This is not what wrk 4 prints:\n{said}")
    half, most = (float(number) * _UNITS[unit] for _, number, unit in latencies)
    return Drive(float(rate[1]), half, most)
