"""What an installation gets: one wheel with code, schema and seed, whose command works from any directory."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

import pytest

from api.schema import print_sdl

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "graph", "seed")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Its standard output; what it said on standard error explains a failure."""
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{command} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin directory of an environment that has the wheel, and its requirements by reference: no network needed."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    paths = sysconfig.get_paths("venv", {"base": str(home), "platbase": str(home)})
    python = Path(paths["scripts"], "python")
    run(
        sys.executable,
        "-m",
        "pip",
        "--isolated",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=home,
    )
    # Written after the installation, or pip would find the checkout's own fieldgraph there.
    Path(paths["purelib"], "requirements.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return Path(paths["scripts"])


def test_the_wheel_holds_the_three_packages_and_nothing_else(contents):
    tops = {name.split("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_in_the_wheel(package, contents):
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} == {
        name for name in contents if name.startswith(f"{package}/")
    }


def test_the_wheel_carries_the_schema_and_the_seed(contents):
    assert contents["api/schema.graphql"] == (ROOT / "api" / "schema.graphql").read_bytes()
    assert [name for name in contents if name.startswith("seed/data/")] != []


def test_the_wheel_says_its_command_its_licence_and_its_python(contents):
    (info,) = {name.split("/")[0] for name in contents if ".dist-info/" in name}
    metadata = Parser().parsestr(contents[f"{info}/METADATA"].decode())
    assert (metadata["Name"], metadata["Requires-Python"], metadata["License-Expression"]) == (
        "fieldgraph",
        ">=3.11",
        "Apache-2.0",
    )
    assert contents[f"{info}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert contents[f"{info}/entry_points.txt"].decode().split("\n")[:2] == [
        "[console_scripts]",
        "fieldgraph = api.__main__:main",
    ]


def test_an_installed_command_teaches_from_any_directory(installed, tmp_path):
    told = run(installed / "fieldgraph", "--help", cwd=tmp_path)
    assert [word for word in ("serve", "query", "import", "export", "schema") if word not in told] == []


def test_an_installed_command_prints_the_schema(installed, tmp_path):
    assert run(installed / "fieldgraph", "schema", cwd=tmp_path) == print_sdl()


def test_an_installed_command_seeds_and_answers_without_the_checkout(installed, tmp_path):
    asked = '{ country(code: "ML") { name } }'
    answer = run(installed / "fieldgraph", "query", asked, cwd=tmp_path, FIELDGRAPH_DATA=str(tmp_path / "store"))
    assert '"Mali"' in answer
    origin = run(installed / "python", "-c", "import seed; print(seed.__file__)", cwd=tmp_path)
    assert Path(origin.strip()).is_relative_to(installed.parent)


def test_every_requirement_is_pinned_and_no_index_is_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in wanted}
    assert {canonical(name) for name in names} <= {canonical(name) for name in pins}
    assert [line for line in lines if "://" in line or line.startswith("-")] == []


@pytest.mark.parametrize("package", ["strawberry-graphql", "graphql-core"])
def test_what_the_schema_leans_on_is_the_very_release_it_was_written_for(package):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"{package}=={version(package)}" in project["dependencies"]


def canonical(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
