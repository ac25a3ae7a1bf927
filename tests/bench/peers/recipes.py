"""The servers that a team would otherwise pick, each over the same world, and what they need to run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.errors import BenchError
from tests.bench.servers import Recipe

PEERS = Path(__file__).parent

MERCURIUS = "Mercurius with JIT"
STOCK = "stock Strawberry"
RAW = "uvicorn alone"

NO_NODE = (
    "Node runs the other servers and is not here. Debian or Ubuntu: apt install nodejs npm. macOS: brew install node."
)
INSTALL_WITHIN_S = 600


def recipes(world: Path) -> list[Recipe]:
    """The peers that answer every query."""
    node = {"WORLD": str(world), "PORT": "{port}", "NODE_ENV": "production"}
    return [
        Recipe(MERCURIUS, ["node", "mercurius.js"], {**node, "JIT": "1"}, PEERS),
        Recipe("GraphQL Yoga", ["node", "yoga.js"], node, PEERS),
        Recipe("Apollo Server", ["node", "apollo.mjs"], node, PEERS),
        _uvicorn(STOCK, "stock:app", "/graphql/", WORLD=str(world)),
    ]


def raw() -> Recipe:
    """uvicorn with one constant answer, the ceiling of whatever runs on it."""
    return _uvicorn(RAW, "raw:app", "/")


def _uvicorn(name: str, app: str, path: str, **environment: str) -> Recipe:
    command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}", "--no-access-log"]
    return Recipe(name, command, environment, PEERS, path)


def wanted() -> dict[str, str]:
    """Node's packages that the peers use, and their versions."""
    wanted: dict[str, str] = json.loads((PEERS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return wanted


def install() -> None:
    """Puts the peers' packages into their node_modules, unless they are there. Raises BenchError."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise BenchError(NO_NODE)
    if all(_installed(name) == number for name, number in wanted().items()):
        return
    options = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(["npm", "install", *options], cwd=PEERS, timeout=INSTALL_WITHIN_S, check=False)
    if done.returncode:
        raise BenchError("npm could not install the other servers; it said why above.")


def _installed(name: str) -> str | None:
    package = PEERS / "node_modules" / name / "package.json"
    return json.loads(package.read_text(encoding="utf-8"))["version"] if package.exists() else None
