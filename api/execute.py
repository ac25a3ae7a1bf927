"""From a request to the bytes of its answer.

Queries are compiled and run a frontier at a time; graphql-core is the reference, which answers everything else.
"""

from collections.abc import Callable, Sequence
from inspect import isawaitable
from typing import Any

import msgspec
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, create_source_event_stream, execute
from graphql import Executor as CoreExecutor

from api.access import ANONYMOUS, Caller, lacking
from api.columns import ROOT, Column, Run
from api.compile import Compiler, NotCompiled
from api.documents import Documents, Operation
from api.errors import (
    BAD_USER_INPUT,
    RequestError,
    document_fault,
    log_refusal,
    new_request_id,
    present,
    refusal,
)
from api.extras import NOTHING, Extras, is_asked_for
from api.introspection import Introspection, is_about_schema
from api.leaves import NULL
from api.operation import BoundPlan, CompiledOperation
from api.persisted import PersistedQueries, hash_in
from api.trace import EXTENSION as EXPLAIN

Headers = Sequence[tuple[bytes, bytes]]
NO_STORE = (b"cache-control", b"no-store")


class GraphQLRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The parameters of a request, as GraphQL over HTTP names them."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


class Answer(msgspec.Struct, frozen=True):
    """What a client gets: a JSON document, and the HTTP status it goes out with.

    `json_status` is the status for clients of the old media type, application/json. `request_id` is by what the log
    tells of the request, if it tells anything: only where there are errors.
    """

    body: bytes
    status: int = 200
    json_status: int = 200
    headers: Headers = ()
    request_id: str | None = None

    @property
    def has_errors(self) -> bool:
        return self.request_id is not None

    @property
    def is_plain(self) -> bool:
        """Whether it is a body and nothing more is to be said of it."""
        return self.status == 200 and not self.headers and self.request_id is None


class Executor:
    """Answers requests to one schema. `make_context` makes what the steps of a caller's request share.

    With a compiler, queries run compiled; without one, and for what it cannot compile, on graphql-core. With a memory
    for introspection, what asks for nothing but the schema runs once. Without persisted queries, clients are told so.
    `explains` if requests may ask how they are answered; else it is ignored that they do, as any unknown extension.
    `is_current` tells whether what a context shows is still so.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        make_context: Callable[[Caller], Any],
        documents: Documents,
        compiler: Compiler | None = None,
        *,
        persisted: PersistedQueries | None = None,
        introspection: Introspection | None = None,
        explains: bool = False,
        is_current: Callable[[Any], bool] = lambda context: True,
    ) -> None:
        self._schema = schema
        self._make_context = make_context
        self._documents = documents
        self._compiler = compiler
        self._persisted = persisted or PersistedQueries(0)
        self._introspection = introspection
        self._explains = explains
        self._is_current = is_current

    async def execute(self, request: GraphQLRequest, caller: Caller = ANONYMOUS) -> Answer:
        """Answer a request, refusals included; only what is a bug in here is raised."""
        try:
            return await self.answer(request, self.prepare(request, caller), caller)
        except RequestError as error:
            return refuse(error, document=request.query)

    async def answer(self, request: GraphQLRequest, operation: Operation, caller: Caller) -> Answer:
        """Run the operation that was prepared for a request. Raises RequestError if the variables do not fit it."""
        if request.extensions and (extras := Extras.asked_for(request.extensions, explains=self._explains)):
            return await self._tell_more(operation, request.variables or {}, caller, extras)
        return await self.run(operation, request.variables or {}, caller)

    def explains(self, request: GraphQLRequest) -> bool:
        """Whether the answer will tell how it came about. Raises RequestError."""
        return self._explains and is_asked_for(request.extensions, EXPLAIN)

    def prepare(
        self, request: GraphQLRequest, caller: Caller, *, read_only: bool = False, streamed: bool = False
    ) -> Operation:
        """The operation that the request asks for, if the caller may have it run; with `read_only`, only if it changes
        nothing; a subscription only if the answer is `streamed`. Raises RequestError."""
        digest = hash_in(request.extensions) if request.extensions else None
        text = request.query if digest is None else self._persisted.text(digest, request.query)
        if text is None:
            raise refusal('The request has no query. Send {"query": "{ __typename }"}, for example.')
        operation = self._documents.prepare(text, request.operation_name, read_only=read_only)
        if caller.scope < operation.needs:
            raise lacking(caller, operation.definition.operation)
        if operation.is_subscription and not streamed:
            raise refusal(
                "A subscription is answered by a stream. Ask with Accept: text/event-stream, or over WebSocket as "
                "graphql-transport-ws."
            )
        if digest is not None:
            self._persisted.remember(digest, text)  # only now: nobody can fill the memory with nonsense
        return operation

    async def run(
        self, operation: Operation, variables: dict[str, Any], caller: Caller, extras: Extras = NOTHING
    ) -> Answer:
        """Run an operation that was prepared for the caller. Raises RequestError if the variables do not fit it."""
        self._documents.check_nodes(operation, variables)
        compiled = self._compiled(operation)
        plan = None if compiled is None else compiled.plan(variables)
        if compiled is None or plan is None:
            return await self._run_uncompiled(operation, variables, caller, extras)
        try:
            return await self._run_plan(operation, plan, variables, caller, extras)
        except NotCompiled:  # something far down: nothing was changed by what ran before it
            compiled.leave()
            return await self._run_uncompiled(operation, variables, caller, extras)

    async def _run_plan(
        self, operation: Operation, plan: BoundPlan, variables: dict[str, Any], caller: Caller, extras: Extras
    ) -> Answer:
        run, (data,) = await self._write(plan, variables, ROOT_VALUES, caller, extras)
        if run.failures or data is None:
            return _answer_with_errors(run.errors(), data or NULL, operation)
        return Answer(b"".join((b'{"data":', data, b"}")), headers=_headers(run.request))

    async def _write(
        self,
        plan: BoundPlan,
        variables: dict[str, Any],
        values: Sequence[Any],
        caller: Caller,
        extras: Extras = NOTHING,
    ) -> tuple[Run, Column]:
        """The data of the root objects of some values, all of one version."""
        root, coerced = plan
        run = None
        for _ in range(TRIES):
            context = self._make_context(caller)
            if run is not None:
                context.looked_back.update(run.request.looked_back)
            context = extras.watch(context, "compiled")
            run = Run(context, coerced, variables, trace=extras.trace)
            column = await root.write_all(run, values, ROOT)
            # A step that gave way may have let a commit in. What took it so long is remembered for the next try.
            if extras.trace is not None or self._is_current(context):
                break
        assert run is not None
        return run, column

    def source(self, operation: Operation, variables: dict[str, Any]) -> Any:
        """The source of a subscription, as its field gives it. Raises RequestError."""
        self._documents.check_nodes(operation, variables)
        executor = CoreExecutor.build(
            self._schema,
            operation.document,
            context_value=self._make_context(ANONYMOUS),
            raw_variable_values=variables,
            operation_name=operation.name,
        )
        if not isinstance(executor, CoreExecutor):
            raise document_fault(executor, BAD_USER_INPUT)
        source = create_source_event_stream(executor)
        if isinstance(source, ExecutionResult):
            raise RequestError(source.errors or [], json_status=200)
        return source

    async def tell(self, operation: Operation, variables: dict[str, Any], values: Sequence[Any]) -> list[bytes]:
        """The answers of a subscription, each to a value of its source, as JSON documents: the same for all callers who
        may watch at all."""
        compiled = self._compiled(operation)
        plan = None if compiled is None else compiled.plan(variables)
        if compiled is not None and plan is not None:
            try:
                return await self._tell_compiled(operation, plan, variables, values)
            except NotCompiled:
                compiled.leave()
        return [(await self._run_on_core(operation, variables, ANONYMOUS, root=value)).body for value in values]

    async def _tell_compiled(
        self, operation: Operation, plan: BoundPlan, variables: dict[str, Any], values: Sequence[Any]
    ) -> list[bytes]:
        run, column = await self._write(plan, variables, values, ANONYMOUS)
        if not run.failures:
            return [b'{"data":%b}' % data for data in column]  # type: ignore[str-format]  # nothing failed
        if len(values) == 1:
            return [_answer_with_errors(run.errors(), column[0] or NULL, operation).body]
        # Each is written again by itself: so an error is told with the answer that it belongs to.
        return [body for value in values for body in await self._tell_compiled(operation, plan, variables, [value])]

    async def _tell_more(
        self, operation: Operation, variables: dict[str, Any], caller: Caller, extras: Extras
    ) -> Answer:
        """As `run`; the answer tells more than it holds."""
        answer = await self.run(operation, variables, caller, extras)
        # No two answers that tell times are alike; with errors it is never kept.
        is_fleeting = extras.trace is not None and not answer.has_errors
        headers = (NO_STORE,) if is_fleeting else answer.headers
        return msgspec.structs.replace(answer, body=await extras.added_to(answer.body), headers=headers)

    def _compiled(self, operation: Operation) -> CompiledOperation | None:
        if self._compiler is None:
            return None
        compiled: CompiledOperation | None = operation.kept
        if compiled is None:
            compiled = operation.kept = CompiledOperation(self._compiler, operation)
        return compiled

    async def _run_uncompiled(
        self, operation: Operation, variables: dict[str, Any], caller: Caller, extras: Extras
    ) -> Answer:
        if self._introspection is None or not is_about_schema(operation):
            return await self._run_on_core(operation, variables, caller, extras)
        extras.watch(self._make_context(caller), "reference")  # which has nothing to tell of it
        body = self._introspection.get(operation, variables)
        if body is not None:
            return Answer(body)
        answer = await self._run_on_core(operation, variables, caller)
        if not answer.has_errors:
            self._introspection.remember(operation, variables, answer.body)
        return answer

    async def _run_on_core(
        self,
        operation: Operation,
        variables: dict[str, Any],
        caller: Caller,
        extras: Extras = NOTHING,
        root: Any = None,
    ) -> Answer:
        context = extras.watch(self._make_context(caller), "reference")
        pending = execute(
            self._schema,
            operation.document,
            root,
            context,
            variable_values=variables,
            operation_name=operation.name,
            middleware=None if extras.trace is None else [extras.trace],
        )
        result = await pending if isawaitable(pending) else pending
        if not result.errors:
            return Answer(b'{"data":%b}' % encode(result.data), headers=_headers(context))
        if _is_request_error(result):
            raise document_fault(result.errors, BAD_USER_INPUT)
        return _answer_with_errors(result.errors, encode(result.data), operation)


TRIES = 3
"""So often an operation is run until all of it was answered from one version; the last time counts anyhow."""

ROOT_VALUES = [None]
"""The one object that the root's fields are asked of."""

# JSON has no NaN and no infinities: msgspec writes null for them.
encode = msgspec.json.Encoder().encode


def _headers(context: Any) -> Headers:
    """Nobody may keep an answer that is cut because time was over."""
    return (NO_STORE,) if getattr(context, "fleeting", None) else ()


def _answer_with_errors(errors: Sequence[GraphQLError], data: bytes, operation: Operation) -> Answer:
    request_id = new_request_id()
    told = present(errors, request_id=request_id, document=operation.text)
    return Answer(b'{"errors":%b,"data":%b}' % (encode(told), data), request_id=request_id)


def refuse(error: RequestError, *, document: str | None = None) -> Answer:
    """The answer that tells of a refused request; it has no data."""
    request_id = new_request_id()
    body = encode({"errors": told_of(error, request_id, document)})
    return Answer(body, error.status, error.json_status, error.headers, request_id)


def unforeseen(error: Exception) -> RequestError:
    """What the client of a stream is told of an error that nobody foresaw: an id, by which the log has all of it."""
    return RequestError([GraphQLError(str(error), original_error=error)])


def told_of(error: RequestError, request_id: str, document: str | None) -> list[dict[str, Any]]:
    """What a client is told of its refused request; the log gets a line."""
    log_refusal(error, request_id=request_id, document=document)
    return present(error.errors, request_id=request_id, document=document)


def _is_request_error(result: ExecutionResult) -> bool:
    """Whether variables were refused: graphql-core tells it by errors that have no path, as no field ran."""
    return result.data is None and all(error.path is None for error in result.errors or ())
