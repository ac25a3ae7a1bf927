"""The `fieldgraph` command: the one module that knows the graph, the API and the seed."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated, Any

import msgspec
import typer

from api.access import OWNER
from api.app import build_app, together
from api.check import FORMATS, Checked
from api.compile import Compiler
from api.documents import Documents
from api.errors import InvalidSettings
from api.execute import Executor, GraphQLRequest
from api.explain import drawn
from api.exports import export
from api.feed import Feed
from api.files import STREAM, writing
from api.following import Follower
from api.fragments import Memory
from api.imports import Imported, import_files
from api.introspection import Introspection
from api.persisted import PersistedQueries
from api.request import Request
from api.schema import core, print_sdl, schema
from api.scribe import Scribe
from api.selecting import wanted as wanted_of
from api.server import listen, serve
from api.settings import Settings, load_settings
from api.snapshots import SnapshotWriter
from api.telemetry import configure_logging
from api.tokens import app as token_commands
from api.trace import EXTENSION
from api.upkeep import backed_up, recovered, store_in, verified
from api.workers import supervise
from graph.engine import settle
from graph.errors import FieldgraphError, Refused
from graph.formats.registry import READABLE, WRITABLE
from graph.graph import STORE, Graph
from graph.journal.journal import Authorship
from graph.parse import write
from graph.plan import WHOLE
from seed.load import records

HELP = """Answers questions about humanitarian operations: countries, projects, events, partners and figures, each fact
with its source.

Start with `fieldgraph serve` and open http://127.0.0.1:8000/graphql in a browser, or ask at once:
`fieldgraph query '{ country(code: "ML") { name summary } }'`

Every setting can be given in the environment too: FIELDGRAPH_DATA, FIELDGRAPH_PORT and so on; README lists them.
"""

app = typer.Typer(
    name="fieldgraph", help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(token_commands, name="token")

Data = Annotated[
    Path | None,
    typer.Option(help="Directory of the store, made where it is missing.", show_default="~/.local/share/fieldgraph"),
]
Existing = Annotated[
    Path | None, typer.Option(help="Directory of the store.", show_default="~/.local/share/fieldgraph")
]
Wait = Annotated[float | None, typer.Option(help="Seconds to wait while another process writes.", show_default="5")]
Seed = Annotated[
    bool | None, typer.Option("--seed/--no-seed", help="Fill an empty store with the seed.", show_default="seed")
]
ExecutorName = Annotated[
    str | None, typer.Option(help="compiled, or reference: all on graphql-core.", show_default="compiled")
]
Document = Annotated[str, typer.Argument(help="A GraphQL document, a file that holds one, or - for standard input.")]
Variables = Annotated[str | None, typer.Option(help="Its variables, as a JSON object.")]
OperationName = Annotated[str | None, typer.Option(help="Which operation, if the document has several.")]


@app.command("serve")
def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to serve on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to serve on; 0 is any.", show_default="8000")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that serve, on one socket.", show_default="1")] = None,
    data: Data = None,
    wait: Wait = None,
    seed: Seed = None,
    executor: ExecutorName = None,
) -> None:
    """Serve GraphQL over HTTP, and GraphiQL for browsers, at /graphql."""
    settings = load_settings(host=host, port=port, workers=workers, data=data, wait=wait, seed=seed, executor=executor)
    configure_logging(settings)
    listener = listen(settings.host, settings.port)  # first, so that a port in use is known before anything is made
    if settings.workers == 1:
        serve_store(settings, listener, announce)
    else:
        supervise("api.__main__:serve_store", settings, listener, announce)


def serve_store(settings: Settings, listener: socket.socket, announce: Callable[[str], None]) -> None:
    """What one process does to serve, be it the only one or a worker."""
    with opened(settings, seeds=True) as graph:
        follower, executor = Follower(graph), executor_of(graph, settings)
        feed = Feed(graph, executor, settings)
        snapshots = SnapshotWriter(graph, settings.snapshot_changes)
        application = build_app(
            executor,
            settings,
            feed,
            sdl=print_sdl(),
            state=lambda: state_of(graph),
            ready=follower.facts,
            tokens=graph.tokens,
            graph=graph,
            lifespan=together(follower.lifespan, snapshots.lifespan),
        )
        serve(application, listener, settings, announce=lambda url: announce(served(graph, url)), ending=feed.close)


@app.command()
def query(
    document: Document,
    variables: Variables = None,
    operation: OperationName = None,
    data: Data = None,
    wait: Wait = None,
    seed: Seed = None,
    executor: ExecutorName = None,
) -> None:
    """Answer a GraphQL document from a store, without a server.

    Prints the answer as JSON, in one line where the output is no terminal. Exits with 1 if there are errors in it.
    """
    settings = load_settings(data=data, wait=wait, seed=seed, executor=executor)
    configure_logging(settings)
    asked = GraphQLRequest(document_of(document), operation, variables_of(variables))
    with opened(settings) as graph:
        answer = asyncio.run(executor_of(graph, settings).execute(asked, OWNER))
    indent = 2 if sys.stdout.isatty() else None
    with writing(STREAM) as out:
        out.write(json.dumps(json.loads(answer.body), ensure_ascii=False, indent=indent).encode() + b"\n")
    if answer.has_errors:
        raise typer.Exit(1)


@app.command("explain")
def explain_command(
    document: Document,
    variables: Variables = None,
    operation: OperationName = None,
    data: Data = None,
    wait: Wait = None,
    seed: Seed = None,
    executor: ExecutorName = None,
) -> None:
    """Tell how a GraphQL document is answered: its steps, the indexes used, rows in and out, the time of each.

    Times are those of a first run: what it remembers comes sooner from then on. Exits with 1 if there are errors.
    """
    settings = load_settings(data=data, wait=wait, seed=seed, executor=executor, explain=True)
    configure_logging(settings)
    asked = GraphQLRequest(document_of(document), operation, variables_of(variables), {EXTENSION: True})
    with opened(settings) as graph:
        answer = asyncio.run(executor_of(graph, settings).execute(asked, OWNER))
    told = json.loads(answer.body)
    if plan := told.get("extensions", {}).get(EXTENSION):
        with writing(STREAM) as out:
            out.write(drawn(plan, terminal_width()).encode())
    for error in told.get("errors", ()):
        place = "".join(f"{key}: " for key in [".".join(map(str, error.get("path", ())))] if key)
        typer.echo(f"fieldgraph: {place}{error['message']}", err=True)
    if answer.has_errors:
        raise typer.Exit(1)


@app.command("import")
def import_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to read; - is standard input.")],
    data: Data = None,
    format: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(READABLE)}.", show_default="recognised from what they hold")
    ] = None,
    wait: Wait = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all, tell what would be done, store nothing.")
    ] = False,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Store the good records, and write the others to --rejects.")
    ] = False,
    remarks: Annotated[
        int, typer.Option(min=0, help="How many remarks on records that were taken are told one by one.")
    ] = 20,
    rejects: Annotated[
        Path | None,
        typer.Option(
            help="Where --skip-invalid writes refused records, each with its reason.",
            show_default="rejects, with the suffix of the format",
        ),
    ] = None,
) -> None:
    """Read files into a store, all of them in one version, or nothing if a record breaks a rule.

    Reading a file again changes nothing. Importing while the service runs is fine: it shows the change at once. A store
    made here is not seeded.
    """
    settings = load_settings(data=data, wait=wait, seed=False)
    configure_logging(settings)
    makes_none = dry_run and not (settings.data / STORE).exists()
    with closing(Graph.in_memory()) if makes_none else opened(settings) as graph:
        imported = import_files(
            graph, files, format=format, dry_run=dry_run, skip_invalid=skip_invalid, rejects=rejects
        )
    tell(imported, dry_run=dry_run, most_remarks=remarks)


@app.command("export")
def export_command(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; - is standard output.")] = STREAM,
    format: Annotated[str, typer.Option(help=f"One of {', '.join(WRITABLE)}.")] = "jsonl",
    kind: Annotated[
        str | None, typer.Option(help="Only entities of this kind, and what they cite.", show_default="all")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="Only those that meet this filter, JSON as the kind's list takes it."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="Address for the @id of entities.", show_default="that of the service"),
    ] = None,
    as_of: Annotated[
        int | None, typer.Option(help="A version, to have what was known then.", show_default="newest")
    ] = None,
    data: Data = None,
    wait: Wait = None,
    seed: Seed = None,
) -> None:
    """Write what a store holds, or a part of it, with the sources that it cites.

    Everything comes in an order of its own: equal graphs give equal files.
    """
    settings = load_settings(data=data, wait=wait, seed=seed, base=base)
    configure_logging(settings)
    wanted = wanted_of(format, kind, where, settings)
    if wanted.writer.is_compressed and output == STREAM and sys.stdout.isatty():
        raise InvalidSettings(f"{wanted.writer.title}: that is nothing for a terminal. Name a file with --output.")
    with opened(settings) as graph:
        export(graph, output, wanted, settings.address, as_of)


@app.command()
def check(
    data: Existing = None,
    format: Annotated[str, typer.Option(help="text, json, or jsonl: a finding a line.")] = "text",
    wait: Wait = None,
) -> None:
    """Tell what looks wrong in a store: contradictions, doubles, facts without sources, values out of range.

    Makes no store where there is none. Exits with 1 if there is a finding of severity ERROR.
    """
    if format not in FORMATS:
        raise InvalidSettings(f"There is no format {format!r}. Known are: {', '.join(FORMATS)}.")
    settings = load_settings(data=data, wait=wait, seed=False)
    configure_logging(settings)
    store_in(settings.data)
    with opened(settings) as graph:
        checked = Checked(settle(graph.engine.findings(WHOLE)).findings, graph.version)
    with writing(STREAM) as out:
        for row in checked.rows(format):
            out.write(row)
    if checked.has_errors:
        raise typer.Exit(1)


@app.command("backup")
def backup_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; there must be none of that name.")],
    data: Existing = None,
) -> None:
    """Copy a store, also while it is served and written to, to a file that is a store itself.

    To restore it, put it in a directory of its own as fieldgraph.sqlite.
    """
    settings = load_settings(data=data)
    configure_logging(settings)
    announce(backed_up(settings.data, file))


@app.command("verify")
def verify_command(data: Existing = None, wait: Wait = None) -> None:
    """Go through all that a store holds, from its first commit on: checksums, order, history, snapshots.

    A store may be served and written to meanwhile. Exits with 1 if anything is not as it should be.
    """
    settings = load_settings(data=data, wait=wait)
    configure_logging(settings)
    told, is_whole = verified(settings.data, settings.wait)
    announce(told)
    if not is_whole:
        raise typer.Exit(1)


@app.command("recover")
def recover_command(
    to: Annotated[Path, typer.Option(help="Directory of the new store.")],
    data: Existing = None,
) -> None:
    """Save all that came before the damage of a store into a new one; the damaged one is not touched."""
    settings = load_settings(data=data)
    configure_logging(settings)
    announce(recovered(settings.data, to))


@app.command("schema")
def schema_command(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; - is standard output.")] = STREAM,
) -> None:
    """Print the GraphQL schema."""
    with writing(output) as out:
        out.write(print_sdl().encode())


@contextmanager
def opened(settings: Settings, *, seeds: bool = False) -> Iterator[Graph]:
    """The graph of the store; one that is new is filled with the seed where the settings say so.

    With `seeds` one that is merely empty is, too: a service is of no use without data. Whoever only reads must not find
    the seed in a store that somebody made to hold their own.
    """
    is_new = not (settings.data / STORE).exists()
    graph = Graph.open(settings.data, settings.wait, budget=settings.path_references, past_views=settings.past_views)
    if settings.seed and graph.version == 0 and (is_new or seeds):
        graph.apply((write(record) for record in records()), Authorship(note="The seed of Fieldgraph"))
    try:
        yield graph
    finally:
        graph.close()


def executor_of(graph: Graph, settings: Settings) -> Executor:
    """What answers requests from this graph, as it is when each arrives."""
    made = core(schema)
    scribe = Scribe(graph)
    compiler = (
        Compiler(made, Memory(settings.fragment_memory), settings.plan_memory)
        if settings.executor == "compiled"
        else None
    )
    return Executor(
        made,
        lambda caller: Request(graph.engine, graph.head, settings, store=scribe, author=caller.name),
        Documents(made, settings),
        compiler,
        persisted=PersistedQueries(settings.persisted_characters),
        introspection=Introspection(settings.introspection_memory) if compiler else None,
        explains=settings.explain,
        is_current=lambda context: context.head is graph.head,
    )


def state_of(graph: Graph) -> object:
    """What answers rest on beside their requests: the version, those of rankings, and the day, by which quality tells
    dates that are yet to come."""
    engine = graph.engine
    return graph.head, engine.rankings.versions, engine.clock().toordinal()


def served(graph: Graph, url: str) -> str:
    """What the service says once it answers."""
    held = settle(graph.engine.statistics())
    entities, relations = sum(held.entities.values()), sum(held.relations.values())
    return (
        f"Fieldgraph serves {entities:,} entities and {relations:,} relations on {url}/graphql"
        " (open it in a browser for GraphiQL; Ctrl+C stops)"
    )


def announce(text: str) -> None:
    typer.echo(text)
    sys.stdout.flush()


def tell(imported: Imported, *, dry_run: bool, most_remarks: int) -> None:
    applied = imported.applied
    stored = f"nothing was stored, the store is at version {applied.version}"
    told = (
        f"{applied.created:,} created, {applied.updated:,} updated, {applied.unchanged:,} unchanged,"
        f" {applied.removed:,} removed, {imported.refused:,} refused;"
        f" {stored if dry_run else f'the store is at version {applied.version}'}.\n"
    )
    with writing(STREAM) as out:
        out.write(told.encode())
    for remark in imported.remarks[:most_remarks]:
        typer.echo(f"{remark}", err=True)
    if (more := len(imported.remarks) - most_remarks) > 0:
        typer.echo(f"and {more:,} more remarks (--remarks {len(imported.remarks)} tells all)", err=True)
    if imported.rejects:
        where = " and ".join(map(str, imported.rejects))
        typer.echo(f"The refused records are in {where}, each with its reason: correct and import them.", err=True)


def terminal_width() -> int | None:
    """How many columns the output has, at least as many as a table needs; None in a pipe."""
    return max(get_terminal_size().columns, 60) if sys.stdout.isatty() else None


def document_of(given: str) -> str:
    """The document itself, or what the file or standard input that is named holds."""
    if "{" in given:
        return given
    try:
        if given == str(STREAM):
            return os.fdopen(0, "rb", closefd=False).read().decode()
        return Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{given!r} is neither a GraphQL document nor a file that holds one: {error}.") from error


def variables_of(given: str | None) -> dict[str, Any] | None:
    if given is None:
        return None
    try:
        return msgspec.json.decode(given, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidSettings(f'--variables is no JSON object: {error}. Give one as \'{{"code": "ML"}}\'.') from error


def main() -> None:
    """Runs the command; a refusal is one clear message on standard error, and exit code 1."""
    try:
        app()
    except Refused as error:
        typer.echo(f"{error}\nNothing was stored.", err=True)
        sys.exit(1)
    except FieldgraphError as error:
        typer.echo(f"fieldgraph: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("fieldgraph: interrupted. What was not told as stored was not stored.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
