"""From the text of a document to an operation that may run: parsed, held against the limits, validated, remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from api.access import NEEDS
from api.budget import NodeBudget
from api.errors import (
    COST_EXCEEDED,
    DEPTH_EXCEEDED,
    MAX_ERRORS,
    PARSE_FAILED,
    VALIDATION_FAILED,
    document_fault,
    refusal,
    shorten,
)
from api.limits import Fragments, check_document, in_spread_order
from api.recent import Recent
from api.settings import Settings
from graph.tokens import Scope


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of a valid document, shared by all requests that run it. Nothing of it changes but `kept`."""

    text: str
    name: str | None
    definition: OperationDefinitionNode
    fragments: Fragments  # each after those that it spreads
    document: DocumentNode
    most_nodes: int  # whatever the variables
    is_query: bool  # running it changes nothing
    is_subscription: bool  # it is answered by a stream
    needs: Scope  # which its caller must have
    kept: Any = None  # what the executor makes of it, and uses again


class Documents:
    """The operations of documents over one schema, the most recently used ones remembered.

    What is refused is not remembered: a refusal is cheap, and nobody can fill the memory with nonsense.
    """

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        self._schema = schema
        self._settings = settings
        self._budget = NodeBudget(schema, settings)
        self._recent = Recent[str, list[Operation]](
            settings.cached_characters, lambda text, _: len(text), settings.cached_operations
        )

    def prepare(self, text: str, name: str | None = None, *, read_only: bool = False) -> Operation:
        """The operation of the document that has this name, or the only one. Raises RequestError.

        With `read_only`, what changes something is refused, even where the schema has no such operation.
        """
        operations = self._recent.peek(text)
        if operations is None:
            operations = self._read(text, name, read_only)
            self._recent.put(text, operations)
        else:
            self._recent.touch(text)
        operation = operations[0] if len(operations) == 1 and not name else _choose(operations, name)
        if read_only and not (operation.is_query or operation.is_subscription):
            raise _not_read_only()
        return operation

    def check_nodes(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        """Refuse the operation if it asks for too many nodes with these variables. Raises RequestError."""
        if operation.most_nodes > self._budget.limit:
            self._budget.check(self._budget.count(operation.definition, operation.fragments, variables))

    def _read(self, text: str, name: str | None, read_only: bool) -> list[Operation]:
        document = self._parse(text)
        check_document(document, self._settings)
        if read_only and not _is_read_only(document, name):
            raise _not_read_only()
        self._validate(document)
        fragments = in_spread_order(document)
        return [
            Operation(
                text=text,
                name=definition.name.value if definition.name else None,
                definition=definition,
                fragments=fragments,
                document=document,
                most_nodes=self._budget.count(definition, fragments),
                is_query=definition.operation is OperationType.QUERY,
                is_subscription=definition.operation is OperationType.SUBSCRIPTION,
                needs=NEEDS[definition.operation],
            )
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]

    def _validate(self, document: DocumentNode) -> None:
        # Of the errors that are left out, validate() tells by one more.
        errors = validate(self._schema, document, max_errors=MAX_ERRORS - 1, allow_empty_selection_sets=False)
        if errors and errors[-1].message == "Validation aborted.":
            raise refusal(
                "The document is too complex to be checked: it repeats fields too often, or its fragments nest too "
                "deeply. Ask for each field once, and for fewer at a time.",
                COST_EXCEEDED,
            )
        if errors:
            raise document_fault(errors, VALIDATION_FAILED)

    def _parse(self, text: str) -> DocumentNode:
        settings = self._settings
        if len(text) > settings.max_characters:
            raise refusal(
                f"The document has {len(text):,} characters; the limit is {settings.max_characters:,}. "
                "Pass long values as variables, or send several requests.",
                COST_EXCEEDED,
            )
        if not _is_unicode(text):
            raise refusal("The document has half a surrogate pair in it, which is no character. Send valid Unicode.")
        try:
            return parse(
                text,
                max_lexical_tokens=settings.max_tokens,
                max_comments=settings.max_tokens,
                allow_empty_selection_sets=False,
            )
        except GraphQLSyntaxError as error:
            raise _too_large(error) or document_fault([error], PARSE_FAILED) from error


def _is_read_only(document: DocumentNode, name: str | None) -> bool:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    named = [node for node in operations if node.name and node.name.value == name]
    return all(node.operation is not OperationType.MUTATION for node in named or operations)


def _not_read_only() -> Exception:
    return refusal("GET is for queries only. Send this operation by POST.", status=405, headers=((b"allow", b"POST"),))


def _choose(operations: list[Operation], name: str | None) -> Operation:
    known = shorten(", ".join(operation.name for operation in operations if operation.name), 100)
    if not operations:
        raise refusal("The document has no operation, only fragments. Add a query.")
    if not name:
        raise refusal(f"The document has {len(operations)} operations ({known}). Name one as operationName.")
    for operation in operations:
        if operation.name == name:
            return operation
    has = f"It has {known}." if known else "Its operation has no name: leave operationName out."
    raise refusal(f"The document has no operation {shorten(name, 100)!r}. {has}")


def _too_large(error: GraphQLError) -> Exception | None:
    """The refusal of a document that the parser gave up on for its size; graphql-core tells it by the message alone."""
    if "Document contains more than" in error.message:
        what = error.message.removeprefix("Syntax Error: ").removesuffix(" Parsing aborted.")
        return refusal(f"{what} Send several requests, or pass long values as variables.", COST_EXCEEDED)
    if "nested too deeply" in error.message:
        return refusal("The document is nested too deeply to be read. Ask for fewer levels at a time.", DEPTH_EXCEEDED)
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
