"""How several edits become commits: checked one after the other, stored together, each its own version.

The steps are a generator: what it yields may wait (for the lock of the store, for its disk) and may run in another
thread; all between that looks at the graph, and runs where questions are answered. So there is one way to write, for
whoever may wait and whoever must not.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, TypeGuard

from graph.conflicts import conflicts
from graph.draft import Counts, Draft, effects
from graph.errors import Conflict, Fault, FieldgraphError, Refused, StoreError
from graph.journal.journal import Appender, Authorship, Journal, Kept, Key, in_utc
from graph.model import Change, Commit, Done, Line, Remove
from graph.parse import TEXT, is_text
from graph.pending import Pending
from graph.resident import Resident
from graph.rules import faults, missing

ANONYMOUS = Authorship()


class Edit(NamedTuple):
    """Writes that are one version, or none.

    `expected` is the version that their author has read: what is named in them must not have changed since. With a
    `key` they are stored once, however often they are asked for. A dry run stores nothing. A strict edit is refused if
    what it wants gone is not there.
    """

    lines: Sequence[Line]
    authorship: Authorship = ANONYMOUS
    expected: int | None = None
    key: Key | None = None
    dry_run: bool = False
    strict: bool = False


class Applied(NamedTuple):
    """What became of some writes: the version that holds them; how many entities and relations they created, updated,
    removed or left as they were; each change, and the commit that holds these, if there are any."""

    version: int
    created: int
    updated: int
    removed: int
    unchanged: int
    changes: Sequence[Change]
    commit: Commit | None = None


Outcome = Applied | FieldgraphError
"""What became of an edit, or why nothing did."""


class Staged(NamedTuple):
    """An edit that was checked: what it does and how much of what, or already its outcome. `first` is the place of the
    edit before it that has the same key."""

    edit: Edit
    done: Sequence[Done] = ()
    counts: Counts = Counts(0, 0, 0, 0)
    outcome: Outcome | None = None
    first: int | None = None

    @property
    def stores(self) -> bool:
        """Whether anything is to be stored, be it only what became of it."""
        return self.outcome is None and self.first is None and bool(self.done or self.edit.key)


Step = Callable[[], Any]
Steps = Generator[Step, Any, list[Outcome]]


def run(steps: Steps) -> list[Outcome]:
    """Takes the steps one after the other, waiting for each."""
    try:
        step = next(steps)
        while True:
            try:
                answer = step()
            except BaseException as error:  # noqa: BLE001  # whoever yielded the step decides what becomes of it
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as ended:
        outcomes: list[Outcome] = ended.value
        return outcomes


class Writer:
    """Turns edits into commits of one journal. `graph` is what they are checked against; `take_in` has it take in what
    was committed."""

    def __init__(
        self,
        journal: Journal,
        graph: Resident,
        take_in: Callable[[Sequence[Change]], object],
        clock: Callable[[], datetime],
    ) -> None:
        self._journal = journal
        self._graph = graph
        self._take_in = take_in
        self._clock = clock

    def steps(self, edits: Sequence[Edit], fetch: Callable[[], Sequence[Change]]) -> Steps:
        """Stores the edits, and has the graph take them in. Raises StoreError where the store cannot be written: then
        nothing of any of them was stored. One that was stored, but cannot be shown, has a StoreError for its outcome
        that says so. `fetch` gets what others have committed."""
        self._take_in((yield fetch))
        staged_at, staged = self._graph.version, self._stage(edits)  # without the lock: others can write meanwhile
        if not any(each.stores for each in staged):
            return stored(staged, self._graph.version, None, self._clock())
        taken = Taken(self._journal)
        fetched = yield partial(taken.begin, fetch)
        try:
            self._take_in(fetched)
            # Others may have written; who follows the journal may have taken that in before.
            if self._graph.version != staged_at or self._are_kept(staged):
                staged = self._stage(edits)
        except BaseException:
            yield taken.abort
            raise
        outcomes: list[Outcome] = yield partial(taken.finish, staged, self._graph.version, self._clock())
        new = [
            outcome.changes
            for each, outcome in zip(staged, outcomes, strict=True)
            if each.stores and isinstance(outcome, Applied)
        ]
        try:
            self._take_in(list(chain.from_iterable(new)))
            return [self._with_commit(outcome) if _is_new(outcome) else outcome for outcome in outcomes]
        except Exception as error:  # noqa: BLE001  # whatever it is, they are stored, and must not be sent again
            return [_stored_unseen(outcome, error) if _is_new(outcome) else outcome for outcome in outcomes]

    def _with_commit(self, applied: Applied) -> Applied:
        return applied._replace(commit=self._journal.commit(applied.version))

    # Checking.

    def _stage(self, edits: Sequence[Edit]) -> list[Staged]:
        """As if each edit were stored before the next is looked at."""
        going = {line.write.id for edit in edits for line in edit.lines if isinstance(line.write, Remove)}
        pending = Pending(self._graph, self._journal, citable=going)
        kept_at: dict[str, int] = {}  # the places of edits that will be kept by their keys
        staged: list[Staged] = []
        for place, edit in enumerate(edits):
            first = kept_at.get(edit.key.name) if edit.key else None
            try:
                each = self._checked(edit, pending) if first is None else _again(edit, edits[first], first)
            except FieldgraphError as error:
                each = Staged(edit, outcome=error)
            if each.stores and edit.key:
                kept_at[edit.key.name] = place
            if each.stores and each.done and place + 1 < len(edits):  # nobody looks after the last one
                not_yet = ""  # its time is that of storing it
                pending.add(each.done, Commit(pending.version + 1, not_yet, *edit.authorship))
            staged.append(each)
        return staged

    def _are_kept(self, staged: Sequence[Staged]) -> bool:
        """Whether what any of them is to come to has been kept meanwhile, by whoever was given the same key."""
        keys = (each.edit.key for each in staged if each.stores and each.edit.key)
        return any(self._journal.kept(key.name) is not None for key in keys)

    def _checked(self, edit: Edit, pending: Pending) -> Staged:
        """Raises Refused."""
        if edit.key is not None and (kept := self._journal.kept(edit.key.name)) is not None:
            if kept.digest != edit.key.digest:
                raise Refused([_key_is_taken()])
            return Staged(edit, outcome=self._as_it_was(kept))
        draft = Draft(edit.lines, pending)
        if found := [*faults(draft), *_faults_of(edit, draft, pending)]:
            raise Refused(found)
        done, counts = effects(draft)
        if not edit.dry_run:
            return Staged(edit, done, counts)
        commit = Commit(pending.version + 1, in_utc(self._clock()), *edit.authorship)
        changes = [Change(commit.version, index, *each) for index, each in enumerate(done)]
        return Staged(edit, outcome=Applied(pending.version, *counts, changes, commit))

    def _as_it_was(self, kept: Kept) -> Applied:
        """What an edit came to when it was stored."""
        changes = list(self._journal.replay(kept.version - 1, kept.version)) if kept.has_changes else []
        commit = self._journal.commit(kept.version) if changes else None
        return Applied(kept.version, kept.created, kept.updated, kept.removed, kept.unchanged, changes, commit)


class Taken:
    """The journal's write lock, from `begin` until `finish` or `abort`: all three in one thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._held = ExitStack()
        self._appender: Appender | None = None

    def begin(self, fetch: Callable[[], Sequence[Change]]) -> Sequence[Change]:
        """Takes the lock, and gets what others committed before."""
        with ExitStack() as held:
            self._appender = held.enter_context(self._journal.writing())
            fetched = fetch()
            self._held = held.pop_all()
        return fetched

    def finish(self, staged: Sequence[Staged], version: int, now: datetime) -> list[Outcome]:
        """Stores what is staged after a version, and lets go."""
        with self._held:
            return stored(staged, version, self._appender, now)

    def abort(self) -> None:
        """Lets go; nothing was stored."""
        with suppress(Aborted), self._held:
            raise Aborted


class Aborted(Exception):
    """Has the journal roll back."""


def stored(staged: Sequence[Staged], version: int, appender: Appender | None, now: datetime) -> list[Outcome]:
    """What became of each edit, once the appender has what there is to store."""
    outcomes: list[Outcome] = []
    for each in staged:
        if each.first is not None:
            outcomes.append(outcomes[each.first])
            continue
        if each.outcome is not None:
            outcomes.append(each.outcome)
            continue
        changes: list[Change] = []
        if each.done:
            assert appender is not None
            changes = appender.append(each.done, now, each.edit.authorship)
            version = changes[0].version
        applied = Applied(version, *each.counts, changes)
        if each.edit.key is not None:
            assert appender is not None
            appender.keep(each.edit.key.name, Kept(each.edit.key.digest, version, *each.counts, bool(changes)), now)
        outcomes.append(applied)
    return outcomes


def _is_new(outcome: Outcome) -> TypeGuard[Applied]:
    """Whether it was just stored."""
    return isinstance(outcome, Applied) and bool(outcome.changes) and outcome.commit is None


def _stored_unseen(applied: Applied, error: Exception) -> StoreError:
    told = f"Stored as version {applied.version}, but it cannot be shown yet, so do not send it again."
    why = str(error) if isinstance(error, FieldgraphError) else f"An error that nobody foresaw: {type(error).__name__}."
    public = error.public if isinstance(error, StoreError) else why
    unseen = StoreError(f"{told} {why}", f"{told} {public}")
    unseen.__cause__ = error
    return unseen


def _faults_of(edit: Edit, draft: Draft, pending: Pending) -> Iterator[Fault]:
    for key, text in edit.authorship._asdict().items():
        if not is_text(text):
            yield Fault(None, key, f"{key} is {text!r}, expected {TEXT}.", path=(key,))
    if edit.strict:
        yield from missing(draft)
    if edit.expected is not None and not 0 <= edit.expected <= pending.version:
        told = f"expectedVersion is {edit.expected}, and the newest version is {pending.version}."
        yield Fault(None, "expectedVersion", f"{told} Give the one that you have read.", path=("expectedVersion",))
    elif edit.expected is not None:
        yield from conflicts(draft, edit.expected, pending)


def _again(edit: Edit, first: Edit, place: int) -> Staged:
    """An edit whose key that at the place before it has. Raises Refused."""
    if edit.key != first.key:
        raise Refused([_key_is_taken()])
    return Staged(edit, first=place)


def _key_is_taken() -> Fault:
    told = "This idempotencyKey was given with another input before. Choose a new key for each thing that you ask for."
    return Fault(None, "idempotencyKey", told, path=("idempotencyKey",), kind=Conflict)
