"""Telling subscribers what changes, each from its own mark in the journal on, in order, none left out, none twice.

Nobody keeps a queue for a subscriber: it has a mark, and asks for what follows. Subscribers of one operation are a
group, in which each change is written once: the foremost has the group's window moved on, the others read what stands
in it. For one that is further behind than the window reaches, what it asks for is written apart, from the journal,
until it is there. So a slow client costs nothing but its connection, and writers wait for nobody.
"""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Hashable, Sequence
from typing import Any, NamedTuple

from graphql import GraphQLError

from api.changes import change_id, read_change_id
from api.documents import Operation
from api.errors import THROTTLED, RequestError, refusal
from api.execute import Executor, encode
from api.kinds import Kinds
from api.news import Announced, News, mark_of
from api.settings import Settings
from api.subscriptions import Wanted, positions_in
from api.transport import Outlet
from graph.errors import FieldgraphError, NotFound
from graph.graph import Graph
from graph.model import LAST, Change, Mark, Recorded

PAGE, CATCH_UP = 100, 20
"""Changes that are written at once: for a group; for one that catches up."""

NODES_AT_ONCE = 10_000
"""What is written at once asks for about so many nodes at most."""

WINDOW, WINDOW_BYTES, WINDOWS_BYTES = 1_000, 1 << 20, 32 << 20
"""Most changes and bytes in a group's window, and bytes in all windows; what was just written is kept in any case."""

WOKEN = 50
"""Subscribers that go on at once when there is news; then it is the turn of others."""

PART = 1 << 14
"""Bytes that a client is told at once; then it is looked whether it reads them."""

SOON = 5.0
"""Seconds within which a commit that another process has told of must be seen here."""


VERSION = "version:"


class Event(NamedTuple):
    """What is told of a change: its mark in the journal, and the answer as a JSON document."""

    mark: Mark
    body: bytes


class Told(NamedTuple):
    """Events, and the mark up to which these are all."""

    events: Sequence[Event]
    until: Mark


class TooSlow(Exception):
    """A client does not read what it is sent. The text says where to resume."""


def text_of(mark: Mark) -> str:
    """A mark as clients of server-sent events are given it, and give it back."""
    return f"{VERSION}{mark.version}" if mark.position == LAST else change_id(*mark)


class Feed:
    """What changes in a graph, for all who watch it."""

    def __init__(self, graph: Graph, executor: Executor, settings: Settings) -> None:
        self.executor = executor
        self.kinds = Kinds(graph)
        self.turn = asyncio.Lock()  # who catches up does so a page at a time, whoever else does
        self.backlog = settings.subscription_backlog
        self.held = 0  # bytes in all windows
        self.watching = 0  # subscribers
        self._most = settings.max_subscriptions
        self._graph = graph
        self._news = News(self.newest)
        self._groups: dict[Hashable, Group] = {}
        self._woken: deque[asyncio.Future[bool]] = deque()
        graph.on_change(self._hear)

    @property
    def newest(self) -> Mark:
        """The mark behind all that the graph shows."""
        return Mark(self._graph.version)

    async def subscribe(self, operation: Operation, variables: dict[str, Any], last: str | None = None) -> "Subscriber":
        """A new subscriber; `last` is the last event that it was told when it was connected before. Raises
        RequestError."""
        wanted: Wanted = self.executor.source(operation, variables)
        try:
            marks = [] if wanted.since is None else [await self._version(wanted.since)]
            marks += [await self._change(mark) for mark in (wanted.after,) if mark is not None]
            marks += [await self._last(last)] if last else []
        except FieldgraphError as error:
            raise RequestError([GraphQLError(str(error), original_error=error)], json_status=200) from error
        if self.watching >= self._most:
            told = f"{self._most:,} subscriptions are open at this service, the most there may be. Try again later."
            raise refusal(told, THROTTLED, status=429)
        # Whatever else the variables say is the same for the whole group.
        positions = positions_in(operation)
        others = {name: value for name, value in variables.items() if name not in positions}
        key = operation.text, operation.name, encode(others), wanted.kinds, wanted.ids
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(self, operation, variables, wanted, lambda: self._end(key))
        return Subscriber(group, max(marks, default=self.newest))

    def read(self, after: Mark, most: int) -> tuple[list[Recorded], Mark]:
        """The first changes after a mark, and the mark up to which these are all."""
        is_new = after >= self._news.since
        found = self._news.after(after, most) if is_new else self._graph.changes(after, most)
        return found, mark_of(found[-1]) if len(found) == most else self.newest

    def behind(self, mark: Mark) -> int:
        """How many changes there are in later versions."""
        return self._graph.count_changes(mark.version)

    def keep_bounds(self, but: "Group") -> None:
        """Keeps what all windows hold within bounds: beyond them, all but one are emptied."""
        if self.held > WINDOWS_BYTES:
            for group in self._groups.values():
                if group is not but:
                    group.forget()

    def wake(self, waiting: Collection["asyncio.Future[bool]"]) -> None:
        """Has those who wait for news go on, a few at a time."""
        is_under_way = bool(self._woken)
        self._woken += waiting
        if self._woken and not is_under_way:
            self._woken[0].get_loop().call_soon(self._wake_some)

    def _wake_some(self) -> None:
        for _ in range(min(WOKEN, len(self._woken))):
            _settle(self._woken.popleft(), True)
        if self._woken:
            self._woken[0].get_loop().call_soon(self._wake_some)

    def close(self) -> None:
        """Ends all subscriptions: the service goes down."""
        for group in list(self._groups.values()):
            group.close()

    def _hear(self, changes: Sequence[Change]) -> None:
        announced = Announced(changes, self.kinds)
        newest = announced.until
        try:
            self._remember(changes, newest)
        except BaseException:
            self._news.forget(newest)  # the journal has it all
            raise
        finally:
            for group in self._groups.values():
                group.hear(announced)

    def _remember(self, changes: Sequence[Change], newest: Mark) -> None:
        if not self._groups or len(changes) > WINDOW:
            self._news.forget(newest)
        else:
            commits = {version: self._graph.commit(version) for version in {change.version for change in changes}}
            self._news.add([Recorded(change, commits[change.version]) for change in changes])

    def _end(self, key: Hashable) -> None:
        """The last has left a group."""
        del self._groups[key]
        if not self._groups:
            self._news.forget(self.newest)

    async def _version(self, version: int) -> Mark:
        if not await self._is_there(version):
            raise NotFound(f"There is no version {version} yet: the newest is {self._graph.version}.")
        return Mark(version)

    async def _change(self, mark: Mark) -> Mark:
        before = Mark(mark.version, mark.position - 1)
        if not await self._is_there(mark.version) or [*map(mark_of, self._graph.changes(before, 1))] != [mark]:
            raise NotFound(f"There is no change {change_id(*mark)!r}. Give the id of one that was told.")
        return mark

    async def _last(self, last: str) -> Mark:
        version = last.removeprefix(VERSION)
        if version != last and version.isdecimal() and len(version) < 16:
            return await self._version(int(version))
        return await self._change(Mark(*read_change_id(last)))

    async def _is_there(self, version: int) -> bool:
        """Whether there is such a version. Another process may have told of it that this one has yet to see."""
        for _ in range(int(SOON / 0.025)):
            if version <= self._graph.version or not self._graph.behind():
                break
            await asyncio.sleep(0.025)
        return version <= self._graph.version


class Group:
    """Those who watch by one operation, with one filter. Its window holds what follows `_start`, up to `_end`."""

    def __init__(self, feed: Feed, operation: Operation, variables: dict[str, Any], wanted: Wanted, ended: Any) -> None:
        self.feed = feed
        self.size = 0
        self.waiting: set[asyncio.Future[bool]] = set()
        self._operation = operation
        self._variables = variables
        self._wanted = wanted
        self._ended = ended
        self._members: set[Subscriber] = set()
        self._window: list[Event] = []
        self._start = self._end = Mark(0)
        self._moving: asyncio.Task[None] | None = None
        self._page = max(1, min(PAGE, NODES_AT_ONCE // max(1, operation.most_nodes)))

    def join(self, member: "Subscriber") -> None:
        if not self._members:
            self._start = self._end = member.mark
        self._members.add(member)
        self.feed.watching += 1

    def leave(self, member: "Subscriber") -> None:
        if member in self._members:
            self._members.remove(member)
            self.feed.watching -= 1
            if not self._members:
                self.forget()
                self._ended()

    def close(self) -> None:
        for member in list(self._members):
            member.close()

    def hear(self, announced: Announced) -> None:
        """Wakes those who wait for news, if there are any for them."""
        if not self.waiting:
            return
        has_read_all = self._end == announced.since and (self._moving is None or self._moving.done())
        if has_read_all and not self._may_concern(announced):
            self._end = announced.until
            return
        waiting, self.waiting = self.waiting, set()
        self.feed.wake(waiting)

    def forget(self) -> None:
        self._window, self._start = [], self._end
        self._grow(-self.size)

    def _grow(self, size: int) -> None:
        self.size += size
        self.feed.held += size

    async def after(self, mark: Mark) -> Told:
        """Some of what follows a mark; nothing, up to that mark, where there is no news."""
        if mark > self._end:  # the foremost is now this one
            self._end = mark
            self.forget()
        while mark == self._end and await self._move():
            pass
        if mark < self._start:
            return await self._catch_up(mark)
        start = bisect_right(self._window, mark, key=lambda event: event.mark)
        events = self._window[start : start + PAGE]
        until = self._end if start + PAGE >= len(self._window) else events[-1].mark
        if len(self._members) == 1:
            self._drop(start + len(events))
        return Told(events, until)

    async def _move(self) -> bool:
        """Moves the window on, once for all who want it; says whether there was anything to do."""
        if self._moving is None or self._moving.done():
            recorded, until = self.feed.read(self._end, self._page)
            wanted = [each for each in recorded if self._concerns(each.change)]
            if not wanted:
                is_new, self._end = until != self._end, until
                return is_new
            self._moving = asyncio.create_task(self._write_on(self._end, wanted, until))
            self._moving.add_done_callback(_noticed)
        await asyncio.shield(self._moving)
        return True

    async def _write_on(self, begun: Mark, wanted: Sequence[Recorded], until: Mark) -> None:
        events = await self._written(wanted)
        if self._end != begun:  # somebody further ahead has taken the window away
            return
        self._window += events
        self._end = until
        self._grow(sum(len(event.body) for event in events))
        kept, held = len(self._window), self.size
        while kept > len(events) and (kept > WINDOW or held > WINDOW_BYTES):
            held -= len(self._window[-kept].body)
            kept -= 1
        self._drop(len(self._window) - kept)
        if not self._members:
            self.forget()
        self.feed.keep_bounds(self)

    def _drop(self, count: int) -> None:
        """Has the window go without its first events."""
        if count:
            self._start = self._window[count - 1].mark
            self._grow(-sum(len(event.body) for event in self._window[:count]))
            del self._window[:count]

    async def _catch_up(self, mark: Mark) -> Told:
        async with self.feed.turn:
            await asyncio.sleep(0)
            recorded, until = self.feed.read(mark, min(CATCH_UP, self._page))
            if until > self._start:
                recorded, until = [each for each in recorded if mark_of(each) <= self._start], self._start
            return Told(await self._written([each for each in recorded if self._concerns(each.change)]), until)

    async def _written(self, recorded: Sequence[Recorded]) -> list[Event]:
        if not recorded:
            return []
        bodies = await self.feed.executor.tell(self._operation, self._variables, recorded)
        return [Event(mark_of(each), body) for each, body in zip(recorded, bodies, strict=True)]

    def _may_concern(self, announced: Announced) -> bool:
        ids, kinds = self._wanted.ids, self._wanted.kinds
        if ids is not None and ids.isdisjoint(announced.ids):
            return False
        if kinds is None or len(announced.changes) > PAGE:
            return True
        try:
            return not kinds.isdisjoint(announced.kinds) and (
                ids is None or any(map(self._concerns, announced.changes))
            )
        except Exception:  # noqa: BLE001  # they look for themselves then, and are told what is the matter
            return True

    def _concerns(self, change: Change) -> bool:
        """Whether the entity of a change, or for each condition one of the ends of its relation, is wanted."""
        ids, kinds = self._wanted.ids, self._wanted.kinds
        if ids is not None and ids.isdisjoint(change.ids):
            return False
        return kinds is None or not kinds.isdisjoint(self.feed.kinds.of(change))


class Subscriber:
    """One client's way through the changes; `mark` is how far it was told."""

    STUCK_S = 30
    """Seconds without reading after which a client has gone, however little it has missed."""

    def __init__(self, group: Group, mark: Mark) -> None:
        self.mark = mark
        self._rest: Sequence[Event] = ()
        self._until = mark
        self._group = group
        self._waiter: asyncio.Future[bool] | None = None
        self._is_closed = False
        group.join(self)

    async def next(self, within_s: float | None = None) -> Sequence[Event] | None:
        """The next events; none if there are none for so long; None after the end."""
        if self._rest:
            await asyncio.sleep(0)  # so that what was told before has left, and it shows whether the client reads it
        while not self._rest and not self._has_ended():
            told = await self._group.after(self.mark)
            self._rest, self._until = told.events, told.until
            if told.events:
                break
            is_news, self.mark = told.until != self.mark, told.until
            if is_news:  # of nothing that is wanted here: that much was looked through
                await asyncio.sleep(0)
            elif not self._has_ended() and not await self._news(within_s):
                return None if self._has_ended() else []
        return None if self._has_ended() else self._part()

    def _part(self) -> Sequence[Event]:
        """As much of what was found as is told at once."""
        count = size = 0
        for event in self._rest:
            size += len(event.body)
            if count and size > PART:
                break
            count += 1
        part, self._rest = self._rest[:count], self._rest[count:]
        self.mark = part[-1].mark if self._rest else self._until
        return part

    def _has_ended(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        self._is_closed = True
        self._group.leave(self)
        if self._waiter is not None:
            _settle(self._waiter, False)

    async def keep_pace(self, outlet: Outlet, told: Mark) -> None:
        """Waits until a client has read what it was sent, up to a mark. Raises TooSlow."""
        for _ in range(self.STUCK_S):
            if await outlet.drained(1.0):
                return
            if self._group.feed.behind(told) > self._group.feed.backlog:
                break
        version, position = told
        place = f"since: {version}" if position == LAST else f'after: "{change_id(*told)}", or since: {version - 1}'
        raise TooSlow(f"Too slow. Resume with {place}.")

    async def _news(self, within_s: float | None) -> bool:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        self._group.waiting.add(waiter)
        timer = None if within_s is None else loop.call_later(within_s, _settle, waiter, False)
        try:
            return await waiter
        finally:
            self._waiter = None
            self._group.waiting.discard(waiter)
            if timer is not None:
                timer.cancel()


def _noticed(task: "asyncio.Task[None]") -> None:
    """What went wrong is told by those who wait for it, if there still are any."""
    if not task.cancelled():
        task.exception()


def _settle(waiter: "asyncio.Future[bool]", is_news: bool) -> None:
    if not waiter.done():
        waiter.set_result(is_news)
