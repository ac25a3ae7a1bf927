"""The root of every write. What a client can mend comes back as userErrors; nothing is stored then."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import strawberry

from api.edits import LISTS, removing, saving
from api.errors import BAD_USER_INPUT, CODES, shorten
from api.fields import Arguments, Step, argument, attribute, stepped
from api.request import Request
from api.types import Change
from graph.errors import Fault, InvalidInput, Refused
from graph.model import Recorded
from graph.vocabulary import ChangeAction
from graph.writing import Edit

MOST_TOLD = 100
"""So many faults are told one by one."""

LONGEST_KEY = 200
"""Characters of an idempotencyKey."""


class Told(NamedTuple):
    """What UserError shows."""

    code: str
    message: str
    path: Sequence[str]


class Stored(NamedTuple):
    """What SavePayload and RemovePayload show."""

    version: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    changes: Sequence[Recorded] = ()
    user_errors: Sequence[Told] = ()


EditOf = Callable[[Mapping[str, Any], str | None], Edit]
"""What an input asks for, in the name of an author."""


def _storing(edit_of: EditOf) -> Step:
    async def run(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
        faults = list(_checked(given["input"]))
        stored = Stored(request.head.version, user_errors=faults) if faults else None
        return [stored or await _store(request, given["input"], edit_of) for _ in sources]

    return Step(run)


def _checked(given: Mapping[str, Any]) -> Iterator[Told]:
    key = given.get("idempotencyKey")
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        told = f"idempotencyKey has {len(key):,} characters; it may have 1 to {LONGEST_KEY}."
        yield Told(BAD_USER_INPUT, told, ["input", "idempotencyKey"])
    for name in LISTS:
        for place, item in enumerate(given.get(name) or ()):
            yield from _repeated_labels(item.get("labels") or (), ["input", name, str(place), "labels"])


def _repeated_labels(labels: Sequence[Mapping[str, str]], path: list[str]) -> Iterator[Told]:
    seen = set()
    for place, label in enumerate(labels):
        if (language := label["language"]) in seen:
            told = f"A name in {language!r} is given more than once. Keep one for each language."
            yield Told(BAD_USER_INPUT, told, [*path, str(place), "language"])
        seen.add(language)


async def _store(request: Request, given: Mapping[str, Any], edit_of: EditOf) -> Stored:
    if request.store is None:
        raise InvalidInput("Nothing can be stored here: this service only reads.")
    edit = edit_of(given, request.author)
    try:
        applied = await request.store.store(edit)
    except Refused as refused:
        told = [Told(CODES[fault.kind], fault.reason, _path(fault, given)) for fault in refused.faults]
        return Stored(request.store.version, user_errors=_few(told))
    planned = applied.changes if edit.dry_run else ()
    recorded = [Recorded(change, applied.commit, planned) for change in applied.changes] if applied.commit else []
    removed = sum(change.action is ChangeAction.REMOVED for change in applied.changes)
    return Stored(applied.version, applied.created, applied.updated, applied.unchanged, removed, recorded)


def _path(fault: Fault, given: Mapping[str, Any]) -> list[str]:
    """The way to a fault in the input. A source of a relation is named by its id, as sources are sorted before they are
    checked; here it gets its place back."""
    match fault.path:
        case (relations, place, "sources", id):
            return ["input", relations, place, "sources", str(given[relations][int(place)]["sources"].index(id))]
    return ["input", *fault.path]


def _few(faults: Sequence[Told]) -> list[Told]:
    """The first faults, each in a length that is fit to be shown."""
    few = [fault._replace(message=shorten(fault.message)) for fault in faults[:MOST_TOLD]]
    if (more := len(faults) - MOST_TOLD) > 0:
        few.append(Told(BAD_USER_INPUT, f"{more:,} more faults are left out. Mend these first.", ["input"]))
    return few


@strawberry.type(description="Something that is wrong with what was asked for, and where.")
class UserError:
    code: str = attribute("What kind of fault it is: BAD_USER_INPUT, NOT_FOUND, CONFLICT.")
    message: str = attribute("What was given, what was expected, and what to do next.")
    path: list[str] = attribute("The way to it: input, projects, 0, startedOn.")


@strawberry.type(description="What became of a save. With userErrors or dryRun nothing is stored.")
class SavePayload:
    version: int = attribute("The version that holds it; the current one where nothing was stored.")
    created: int = attribute("How many entities and relations were created.")
    updated: int = attribute("How many were updated.")
    unchanged: int = attribute("How many were so already.")
    changes: list[Change] = attribute("What it did, or on a dry run would do, in order.")
    user_errors: list[UserError] = attribute("What is wrong with it. If there is anything, nothing was stored.")


@strawberry.type(description="What became of a removal. With userErrors nothing is removed.")
class RemovePayload:
    version: int = attribute("The version in which they are gone; the current one where nothing was removed.")
    removed: int = attribute("How many entities were removed.")
    user_errors: list[UserError] = attribute("What is wrong with it. If there is anything, nothing was removed.")


@strawberry.type(description="What can be stored. Fields run one after the other, each as a version of its own.")
class Mutation:
    save: SavePayload = stepped(
        _storing(saving),
        "Creates or updates entities and relations, and removes relations: all or none, in one version.",
        argument("input", "SaveInput", "What to store."),
    )
    remove: RemovePayload = stepped(
        _storing(removing),
        "Removes entities, and their relations with them: all or none, in one version. Their histories stay. What a"
        " metric is about or measures stays, unless the metric goes too.",
        argument("input", "RemoveInput", "What to remove."),
    )
