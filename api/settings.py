"""Every knob of the service, in one table.

A knob is set in the environment as FIELDGRAPH_ and its name (FIELDGRAPH_PORT=9000); those that have an option of the
command take the option first. The environment is read once, when the settings are made.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.errors import InvalidSettings, shorten

PREFIX = "FIELDGRAPH_"

Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Names = Annotated[tuple[str, ...], NoDecode]  # separated by commas, where pydantic-settings would read JSON


def default_data() -> Path:
    """Where a user's data belongs (XDG), outside any checkout: fieldgraph in $XDG_DATA_HOME or ~/.local/share."""
    home = os.environ.get("XDG_DATA_HOME", "")
    # The standard has relative paths ignored.
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "share"
    return base / "fieldgraph"


class Settings(BaseSettings):
    """Each knob with its default, its unit and what it does."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    # The service
    host: str = Field("127.0.0.1", description="Address to serve on; 0.0.0.0 is every address of the machine.")
    port: int = Field(8000, ge=0, le=65535, description="Port to serve on; 0 takes any that is free.")
    data: Path = Field(default_factory=default_data, description="Directory of the store.")
    seed: bool = Field(True, description="Whether a store that is empty gets the seed at the first start.")
    wait: Seconds = Field(5.0, description="Seconds to wait for the store's write lock before giving up.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="Processes that serve, on one socket; each holds the whole graph."
    )
    snapshot_changes: Size = Field(
        100_000,
        description="Changes after which a snapshot is written; in a large graph a tenth of its size. With 0 none is.",
    )
    shutdown_timeout: Seconds = Field(
        8.0, description="Seconds that requests under way have to finish in after SIGTERM."
    )
    cors_origins: Names = Field((), description="Origins whose pages may read answers, separated by commas; * is any.")
    cache_control: str = Field(
        "no-cache",
        pattern=r"^[\x20-\x7e]+$",
        description="Cache-Control of answers to a GET, such as `public, max-age=60`; no-cache has clients ask again.",
    )
    base: str = Field(
        "",
        pattern=r"^(https?://[^\s/<>\"{}|\\^`?#][^\s<>\"{}|\\^`?#]*)?$",
        description="Address under which others know the service, for the @id of entities; else the one it serves on.",
    )
    compress_from: Count = Field(
        1_000, description="Bytes from which on an answer is compressed, where the client accepts zstd or gzip."
    )
    graphiql: bool = Field(True, description="Whether a browser that opens /graphql gets GraphiQL.")

    # Who may
    reading: Literal["open", "closed"] = Field("open", description="Whether reading needs no token, or one.")
    token_failures: Count = Field(
        20, description="Tokens refused in a minute after which no more are looked at from the same address."
    )

    # Limits on answers
    default_page: Count = Field(20, description="Items on a page when neither first nor last is given.")
    max_page: Annotated[int, Field(ge=1, le=100)] = Field(100, description="Most items on a page, at most 100.")
    max_nodes: Count = Field(
        500_000, description="Most nodes an operation may ask for: its nested page sizes multiplied."
    )

    max_conditions: Count = Field(
        200, description="Most conditions in a filter; each may be tried on every entity of a list."
    )

    group_pairs: Count = Field(
        5_000_000,
        description="Most pairs of an entity and a group; entities with many values of several keys make many.",
    )

    # Limits on graph questions. None is less than what holds where nothing is given, which the schema tells.
    max_hops: Annotated[int, Field(ge=4, le=20)] = Field(
        6, description="Most hops from an entity, in a neighborhood or along a path."
    )
    max_neighbors: Annotated[int, Field(ge=100)] = Field(1_000, description="Most entities of a neighborhood.")
    max_relations: Count = Field(5_000, description="Most relations that are told of a neighborhood.")
    max_results: Annotated[int, Field(ge=10, le=100)] = Field(
        100, description="Most paths, similar entities or central entities in an answer."
    )
    max_shared: Count = Field(5, description="Most entities that are told to be shared with a similar one.")
    question_ms: Count = Field(
        1_000, description="Milliseconds after which a graph question is answered with what has been found."
    )
    pivots: Count = Field(64, description="Entities from which BETWEENNESS is estimated, if there are more.")
    max_text: Count = Field(256, description="Most characters in a text that is searched for or resolved.")
    ranked_matches: Count = Field(
        500, description="Matches of a search that are ranked; where there are more, only names are."
    )

    # Limits on documents
    max_characters: Count = Field(100_000, description="Most characters in a document.")
    max_tokens: Count = Field(2_000, description="Most tokens in a document, and as many comments.")
    max_name: Count = Field(128, description="Most characters in a name that a document uses.")
    max_operations: Count = Field(10, description="Most operations in a document.")
    max_depth: Count = Field(20, description="Most levels of fields in an operation, fragments followed.")
    max_fields: Count = Field(10_000, description="Most fields in an operation, counting a fragment at every spread.")
    max_aliases: Count = Field(100, description="Most aliases in an operation, counting a fragment at every spread.")
    max_introspections: Count = Field(2, description="Most __schema and __type fields in an operation.")

    # Limits on requests
    max_body: Count = Field(1_048_576, description="Most bytes in the body of a request.")
    max_socket_operations: Count = Field(100, description="Most operations under way on one WebSocket.")
    max_subscriptions: Count = Field(10_000, description="Most subscriptions at once, in each process that serves.")
    subscription_backlog: Count = Field(
        1_000, description="Changes that a subscriber may be behind when it does not read; then it is disconnected."
    )
    max_exports: Count = Field(2, description="Most exports that are sent at the same time.")
    max_json_depth: Count = Field(64, description="Most levels of JSON in a request.")
    max_values: Count = Field(20_000, description="Most values in the variables of a request.")
    max_list: Count = Field(1_000, description="Most items in one list of the variables.")
    max_string: Count = Field(100_000, description="Most characters in one string of the variables.")

    # Execution
    executor: Literal["compiled", "reference"] = Field(
        "compiled", description="How queries run: compiled, or on graphql-core alone, to compare answers."
    )
    explain: bool = Field(True, description="Whether requests may ask how they are answered.")

    # Memory
    fragment_memory: Count = Field(268_435_456, description="Most bytes of JSON fragments that are remembered.")
    cached_operations: Count = Field(1_000, description="Documents that are remembered, parsed and validated.")
    path_references: Count = Field(
        4_000_000,
        description="Most references to entities remembered along paths, a fourth as many besides for all past"
        " versions; each takes about 100 bytes.",
    )
    past_views: Count = Field(
        4,
        description="Past versions kept at hand for `asOf`, and most that one operation may ask for; each takes some"
        " 300 bytes an entity, and up to 3,000 once it is searched and asked all sorts of things.",
    )
    plan_memory: Count = Field(67_108_864, description="Most bytes of compiled plans that are remembered.")
    cached_characters: Count = Field(
        250_000,
        description="Characters that the remembered documents have together; each takes about 200 bytes of memory.",
    )
    persisted_characters: Size = Field(
        1_000_000,
        description="Characters of the documents that clients may name by hash, hashes counted; with 0 they may not.",
    )
    introspection_memory: Size = Field(
        4_194_304, description="Most bytes of answers about the schema that are remembered; with 0 none is."
    )

    # Log
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    log_format: Literal["text", "json"] = Field("text", description="Lines for people, or one JSON object a line.")
    access_log: bool = Field(False, description="Whether each request is logged.")

    @property
    def address(self) -> str:
        """The address under which entities are found, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base.rstrip("/") or f"http://{host}:{self.port}"

    @field_validator("data")
    @classmethod
    def _expand_home(cls, directory: Path) -> Path:
        return directory.expanduser()

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return [name.strip() for name in given.split(",") if name.strip()] if isinstance(given, str) else given

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if origins != ("*",) and not all(re.fullmatch(r"https?://[^\s/*?#@]+", origin) for origin in origins):
            raise ValueError("not an origin")
        return origins


def load_settings(**options: Any) -> Settings:
    """The settings: from `options` where one is given and not None, else from the environment, else the default.

    Raises InvalidSettings, with one sentence for each value that has no meaning.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise InvalidSettings("\n".join(_explain(fault, given) for fault in error.errors())) from error
    if settings.default_page > settings.max_page:
        limit = f"{PREFIX}MAX_PAGE, {settings.max_page}"
        raise InvalidSettings(f"{PREFIX}DEFAULT_PAGE is {settings.default_page}, but must be at most {limit}.")
    return settings


def _explain(fault: ErrorDetails, options: dict[str, Any]) -> str:
    name = str(fault["loc"][0])
    if name not in Settings.model_fields:
        return f"There is no setting {name!r}. Known are: {', '.join(Settings.model_fields)}."
    value = options[name] if name in options else os.environ.get(f"{PREFIX}{name.upper()}", fault["input"])
    return f"{PREFIX}{name.upper()} is {shorten(repr(value), 80)}, but must be {expected_form(name)}."


def expected_form(name: str) -> str:
    """What a value of the setting looks like, in words."""
    field = Settings.model_fields[name]
    if name == "cors_origins":
        return "origins separated by commas, such as https://maps.example.org,http://localhost:3000, or *"
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(get_args(field.annotation))
    if name == "base":
        return "an address, such as https://graph.example.org"
    bounds = {key: getattr(part, key) for part in field.metadata for key in ("ge", "le") if hasattr(part, key)}
    if field.annotation is int:
        return f"a whole number from {bounds['ge']}" + (f" to {bounds['le']}" if "le" in bounds else " on")
    if field.annotation is float:
        return f"a number of seconds from {bounds['ge']} on"
    if field.annotation is bool:
        return "true or false"
    return "a directory" if field.annotation is Path else "text"
