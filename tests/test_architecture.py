"""The house stands as ARCHITECTURE.md says: read from the source, so that nothing has to be imported to know it.

Relative imports and imports inside functions are ruff's to refuse (TID252, PLC0415); re-exports are mypy's.
"""

import ast
import graphlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "graph", "seed")

OFF_LIMITS = {
    "graph": {"api", "seed", "graphql", "pydantic_settings", "rich", "starlette", "strawberry", "typer", "uvicorn"},
    "api": {"networkx", "numpy", "psycopg", "scipy", "seed", "sqlite3"},
    "seed": {"api", "graphql", "networkx", "psycopg", "sqlite3", "starlette", "strawberry", "typer"},
}
COMPOSES = "api.__main__"  # the one module that knows all three packages
KNOW_NETWORKX = {"graph.adjacency", "graph.holding", "graph.walks", "graph.analytics", "graph.formats.graphml"}
KNOW_SQLITE = {"graph.search.index"} | {
    f"graph.journal.{name}"
    for name in ("backup", "layout", "migration", "reading", "recovery", "salvage", "sqlite", "tokens", "verify")
}
READ_THE_ENVIRONMENT = {"api.settings"}

LONGEST_MODULE = 500
LONGEST_BODY = 50  # one look


def name_of(path: Path) -> str:
    """`graph/journal/__init__.py` is the module `graph.journal`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
ROOMS = {name for name, path in MODULES.items() if path.name == "__init__.py"}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"), filename=str(MODULES[module]))


@cache
def imports(module: str) -> frozenset[str]:
    """The full names of the modules it imports, ours and others'."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {node.module} | named & MODULES.keys()
    return frozenset(found)


def package_of(module: str) -> str:
    return module.partition(".")[0]


def imported_by(package: str) -> set[str]:
    """The packages, ours and others', that the modules of `package` import; the composing module apart."""
    members = (module for module in MODULES if package_of(module) == package and module != COMPOSES)
    return {package_of(imported) for module in members for imported in imports(module)}


def importers_of(package: str) -> set[str]:
    """The modules outside `package` that import any of it."""
    return {
        module for module in MODULES if package_of(module) != package and package in map(package_of, imports(module))
    }


def functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines without signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_at_the_graph(package):
    assert not imported_by(package) & OFF_LIMITS[package]


def test_only_the_command_brings_the_seed_to_the_api():
    assert importers_of("seed") <= {COMPOSES}


def test_networkx_stays_where_nodes_and_edges_are_spoken_of():
    assert importers_of("networkx") <= KNOW_NETWORKX


def test_sqlite_stays_with_the_journal_and_the_index_of_words():
    assert {module for module in MODULES if "sqlite3" in imports(module)} <= KNOW_SQLITE


def test_only_the_settings_read_the_environment():
    readers = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "getenvb"}
    }
    assert readers <= READ_THE_ENVIRONMENT


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_goes_in_a_circle(package):
    ours = {module: imports(module) & MODULES.keys() for module in MODULES if package_of(module) == package}
    try:
        graphlib.TopologicalSorter(ours).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"imports go in a circle: {' <- '.join(error.args[1])}")


def test_the_graph_is_drawn_in_the_order_of_its_imports():
    drawn = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("\ngraph/\n")[2].partition("\napi/\n")[0]
    order = re.findall(r"^  (\w+)(?:\.py|/) ", drawn, re.MULTILINE)
    inside = {module: module.split(".")[1] for module in MODULES if module.startswith("graph.")}
    assert sorted(order) == sorted(set(inside.values()))
    upwards = {
        f"{module} -> {imported}"
        for module in inside
        for imported in imports(module) & inside.keys()
        if order.index(inside[imported]) > order.index(inside[module])
    }
    assert upwards == set()


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_the_room_it_stands_in(module):
    above = {module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)}
    assert not imports(module) & above & ROOMS, "import from the module that defines the name"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_opens_with_what_it_is_and_what_it_will_never_be(package):
    described = ast.get_docstring(tree(package)) or ""
    assert [word for word in ("Here:", "Never:", "Read:") if word not in described] == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short_enough_to_know(module):
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_MODULE, "look for the seam: what it holds, what it decides, what it does"


@pytest.mark.parametrize("module", MODULES)
def test_a_function_fits_in_one_look(module):
    long = {f"{function.name}, line {function.lineno}": body_length(function) for function in functions(module)}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_BODY} == {}
