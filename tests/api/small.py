"""A small service to try the HTTP side on: a schema of a few fields over nothing but numbers and names."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from graphql import GraphQLError, GraphQLSchema, build_schema

from api.app import Application, build_app
from api.documents import Documents
from api.execute import Executor
from api.feed import Feed
from api.introspection import Introspection
from api.persisted import PersistedQueries
from api.settings import Settings
from graph.errors import Conflict, FieldgraphError, InvalidCursor, InvalidInput, NotFound, StoreBusy, StoreError
from graph.graph import Graph
from graph.journal.memory import MemoryTokens
from graph.tokens import Scope, create

SDL = """
type Query {
  hello(name: String = "world"): String!
  number(value: Int!): Int!
  ratio: Float
  thing(id: ID!): Thing
  things(first: Int, after: String, last: Int, before: String): ThingConnection!
  nodes(ids: [ID!]!): [Thing]!
  search(text: String!, first: Int = 5): [Thing!]!
  fails(how: String!): String
  failsHard(how: String!): String!
  failures(count: Int!): [String]!
  slow(seconds: Float!): String
}
type Thing {
  id: ID!
  name: String!
  parent: Thing
  things(first: Int, after: String, last: Int, before: String): ThingConnection!
}
type ThingConnection { edges: [ThingEdge!]!  nodes: [Thing!]!  totalCount: Int! }
type ThingEdge { cursor: String!  node: Thing! }
type Mutation { put(value: Int!): Int! }
type Subscription { ticks: Int! }
"""

FAILURES: dict[str, Exception] = {
    "input": InvalidInput("first is 101. Ask for 1 to 100."),
    "cursor": InvalidCursor("The cursor was altered. Take one from an edge."),
    "missing": NotFound("There is no version 9."),
    "conflict": Conflict("Somebody changed country:ML."),
    "busy": StoreBusy("Process 4711 is writing. Try again."),
    "store": StoreError("The store /data/x is damaged at record 7.", "The store is damaged at record 7."),
    "other": FieldgraphError("This is refused."),
    "bug": ZeroDivisionError("secret-password"),
    "long": InvalidInput("x" * 100_000),
    "coded": GraphQLError("Sign in first.", extensions={"code": "UNAUTHENTICATED", "realm": "graph"}),
}


TOKENS = MemoryTokens()
MADE = datetime(2025, 1, 1, tzinfo=UTC)


def header(scope: Scope, name: str | None = None, expires: datetime | None = None) -> dict[str, str]:
    """The header of a caller with a new token."""
    name = name or f"{scope} {len(TOKENS.all())}"
    return {"Authorization": f"Bearer {create(TOKENS, name, scope, MADE, expires)}"}


READER, WRITER, ADMIN = map(header, Scope)


class Root:
    """The resolvers of Query and Mutation, and what mutations did."""

    def __init__(self) -> None:
        self.put_values: list[int] = []

    def resolvers(self) -> dict[str, dict[str, Any]]:
        return {
            "Query": {
                "hello": lambda _, info, name: f"Hello, {name}!",
                "number": lambda _, info, value: value,
                "ratio": lambda _, info: 0.5,
                "thing": lambda _, info, id: {"id": id, "name": f"Thing {id}"},
                "things": lambda _, info, **page: {"nodes": [], "edges": [], "totalCount": 0},
                "fails": self.fail,
                "failsHard": self.fail,
                "failures": lambda _, info, count: [FAILURES["bug"]] * count,
                "slow": self.wait,
            },
            "Mutation": {"put": self.put},
        }

    def fail(self, _: object, info: object, how: str) -> str:
        raise FAILURES[how]

    async def wait(self, _: object, info: object, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    def put(self, _: object, info: object, value: int) -> int:
        self.put_values.append(value)
        return value


def make_schema(root: Root | None = None) -> GraphQLSchema:
    schema = build_schema(SDL)
    for type_name, fields in (root or Root()).resolvers().items():
        for name, resolver in fields.items():
            schema.type_map[type_name].fields[name].resolve = resolver  # type: ignore[attr-defined]
    return schema


def make_executor(root: Root | None = None, **options: Any) -> Executor:
    schema, settings = make_schema(root), Settings(**options)
    return Executor(
        schema,
        lambda caller: {},
        Documents(schema, settings),
        persisted=PersistedQueries(settings.persisted_characters),
        introspection=Introspection(settings.introspection_memory),
    )


def feed_of(executor: Executor, graph: Graph | None = None) -> Feed:
    """What changes in a graph; nothing in one that nobody has."""
    return Feed(graph or Graph.in_memory(), executor, Settings())


def make_app(root: Root | None = None, state: Callable[[], object] = lambda: 3, **settings: Any) -> Application:
    executor, given = make_executor(root, **settings), Settings(**settings)
    feed = feed_of(executor)
    return build_app(executor, given, feed, sdl=SDL, state=state, ready=lambda: {"version": 3}, tokens=TOKENS)


def send(method: str = "POST", url: str = "/graphql", app: Application | None = None, **options: Any) -> httpx.Response:
    """The answer to one HTTP request."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=app or make_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            del client.headers["accept"], client.headers["accept-encoding"]
            return await client.request(method, url, **options)

    return asyncio.run(request())
