"""Specifies the feed: every subscriber is told just what the journal holds after its mark, whoever else watches."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest

from api import feed, news
from api.__main__ import executor_of
from api.access import ANONYMOUS
from api.changes import change_id
from api.errors import RequestError
from api.execute import GraphQLRequest
from api.feed import Feed, Subscriber
from api.settings import Settings
from graph.errors import StoreError
from graph.graph import Graph
from graph.model import Change, Commit, Entity, Mark, RelationName, Remove, Unrelate, Write
from graph.parse import write
from graph.vocabulary import PartnerRole, RelationKind

QUERY = """subscription ($since: Int, $after: ID, $kinds: [Kind!], $ids: [ID!]) {
  changes(since: $since, after: $after, kinds: $kinds, ids: $ids) { id }
}"""
PROJECTS = [f"project:{number}" for number in range(3)]
PARTNERS = [f"partner:{number}" for number in range(2)]
EVENT, OTHER = "event:0", "other:0"


class Watched:
    """A graph, its feed, and those who watch."""

    def __init__(self, graph: Graph | None = None, **settings: Any) -> None:
        self.graph = graph or Graph.in_memory()
        self.executor = executor_of(self.graph, Settings(**settings))
        self.feed = Feed(self.graph, self.executor, Settings(**settings))

    async def subscribe(self, query: str = QUERY, last: str | None = None, **variables: Any) -> Subscriber:
        operation = self.executor.prepare(GraphQLRequest(query), ANONYMOUS, streamed=True)
        return await self.feed.subscribe(operation, variables, last)

    def change(self, *names: str) -> None:
        lines = zip(PROJECTS * len(names), names, strict=False)
        self.graph.apply([write({"id": id, "kind": "PROJECT", "name": name}) for id, name in lines])


def project(id: str, name: str) -> Write:
    return write({"id": id, "kind": "PROJECT", "name": name})


def ids(events: Sequence[feed.Event]) -> list[str]:
    return [json.loads(event.body)["data"]["changes"]["id"] for event in events]


async def all_of(subscriber: Subscriber) -> list[str]:
    """What it is told until there is nothing left for now."""
    told: list[str] = []
    while events := await subscriber.next(0.01):
        told += ids(events)
    return told


def refusal(error: RequestError) -> str:
    return error.errors[0].message


# The law


def writes(draw: Random, graph: Graph) -> Iterator[Write]:
    """Writes that the graph permits, whatever it holds."""
    for id in draw.sample(PROJECTS, draw.randint(1, len(PROJECTS))):
        if graph.engine.entity(id) is not None and draw.random() < 0.3:
            yield Remove(id)
            continue
        yield project(id, str(draw.random()))
        if draw.random() < 0.5:
            partner = f"partner:{id[-1]}"
            yield write({"id": partner, "kind": "PARTNER", "name": str(draw.random()), "type": "OTHER_PUBLIC_SECTOR"})
            yield write({"relation": "PARTICIPATES_IN", "subject": partner, "object": id, "role": "FUNDING"})
    yield from writes_of_one_that_comes_back(draw, graph)


def writes_of_one_that_comes_back(draw: Random, graph: Graph) -> Iterator[Write]:
    """Writes of an id that is sometimes a partner, sometimes a place."""
    held = graph.engine.entity(OTHER)
    name = RelationName(RelationKind.AFFECTED, EVENT, OTHER)
    related = graph.engine.relation(name) is not None
    match draw.randrange(4):
        case 0 if held is not None:
            yield Remove(OTHER)
        case 1:
            kind = draw.choice(["PARTNER", "PLACE"]) if held is None else str(held.kind)
            yield write({"id": OTHER, "kind": kind, "name": str(draw.random()), "type": "OTHER"})
            yield write({"id": EVENT, "kind": "EVENT", "name": "E", "type": "FLOOD"})
            yield Unrelate(name) if related else write({"relation": "AFFECTED", "subject": EVENT, "object": OTHER})


def kinds_of(kept: Sequence[Change]) -> Iterator[set[str]]:
    """The kinds that each change is of, read from the first one on."""
    kinds: dict[str, str] = {}
    for _, commit in groupby(kept, key=lambda change: change.version):
        changes = list(commit)
        kinds |= {change.record.id: str(change.record.kind) for change in changes if isinstance(change.record, Entity)}
        yield from ({kinds[id] for id in change.ids} for change in changes)


class Model:
    """What a subscriber must be told: all of the journal after where it began that concerns what it wants."""

    def __init__(self, draw: Random, graph: Graph, kept: Sequence[Change]) -> None:
        self.kinds = draw.choice([None, None, ["PROJECT"], ["PARTNER"], ["PLACE"], ["SOURCE"], []])
        self.ids = draw.choice([None, None, None, [PROJECTS[0]], [PROJECTS[1], PARTNERS[0]], [OTHER], []])
        self.told: list[str] = []
        self.start, self.given = draw.choice(
            [
                (Mark(graph.version), {}),
                (Mark(since := draw.randint(0, graph.version)), {"since": since}),
                *((Mark(c.version, c.index), {"after": change_id(c.version, c.index)}) for c in draw.sample(kept, 1)),
            ]
        )

    @property
    def variables(self) -> dict[str, Any]:
        return {"kinds": self.kinds, "ids": self.ids}

    def due(self, kept: Sequence[Change]) -> list[str]:
        return [
            change_id(change.version, change.index)
            for change, kinds in zip(kept, kinds_of(kept), strict=True)
            if (change.version, change.index) > self.start and self._concerns(change, kinds)
        ]

    def _concerns(self, change: Change, kinds: set[str]) -> bool:
        concerned = (
            {change.record.id} if isinstance(change.record, Entity) else {change.record.subject, change.record.object}
        )
        of_kind = self.kinds is None or bool(kinds & set(self.kinds))
        return of_kind and (self.ids is None or bool(concerned & set(self.ids)))


BOUNDS = {
    "PAGE": [1, 2, 5],
    "CATCH_UP": [1, 3],
    "WINDOW": [1, 3, 8],
    "WINDOW_BYTES": [1, 1 << 20],
    "WINDOWS_BYTES": [1, 1 << 20],
}
NEWS = {"MOST": [2, 6, 2_000], "MOST_BYTES": [300, 8 << 20]}


@pytest.mark.parametrize("store", ["memory", "file"])
@pytest.mark.parametrize("seed", range(25))
def test_every_subscriber_is_told_what_the_journal_holds_after_its_mark(seed, store, tmp_path, monkeypatch):
    """Windows of a few changes, pages of one or two: who watches falls out of them, catches up, leaves, returns."""
    draw = Random(seed)
    for name, values in BOUNDS.items():
        monkeypatch.setattr(feed, name, draw.choice(values))
    for name, values in NEWS.items():
        monkeypatch.setattr(news, name, draw.choice(values))

    async def work() -> None:
        watched = Watched(Graph.open(tmp_path) if store == "file" else None)
        graph, watchers = watched.graph, list[tuple[Model, Subscriber]]()
        graph.apply([project(PROJECTS[0], "first")])
        for _ in range(60):
            kept = list(graph._journal.replay(0, graph.version))
            match draw.randrange(5):
                case 0:
                    model = Model(draw, graph, kept)
                    watchers.append((model, await watched.subscribe(**model.given, **model.variables)))
                case 1 | 2:
                    graph.apply(writes(draw, graph))
                case 3 if watchers:
                    model, subscriber = draw.choice(watchers)
                    for _ in range(draw.randint(1, 4)):
                        model.told += ids(await subscriber.next(0) or [])
                case 4 if watchers:
                    place = draw.randrange(len(watchers))
                    model, subscriber = watchers[place]
                    subscriber.close()
                    last = feed.text_of(subscriber.mark)
                    watchers[place] = model, await watched.subscribe(last=last, **model.given, **model.variables)
            assert watched.feed.held == sum(group.size for group in watched.feed._groups.values())
        kept = list(graph._journal.replay(0, graph.version))
        told = await asyncio.gather(*(all_of(subscriber) for _, subscriber in watchers))
        for (model, _), rest in zip(watchers, told, strict=True):
            assert model.told + rest == model.due(kept), (model.start, model.given, model.variables)
        for _, subscriber in watchers:
            subscriber.close()
        assert (watched.feed._groups, watched.feed.held, watched.feed.watching) == ({}, 0, 0)
        graph.close()

    asyncio.run(asyncio.wait_for(work(), 20))


# Filters


def relate() -> list[Write]:
    return [
        project("project:1", "P"),
        write({"id": "partner:1", "kind": "PARTNER", "name": "Q", "type": "OTHER_PUBLIC_SECTOR"}),
        write({"relation": "PARTICIPATES_IN", "subject": "partner:1", "object": "project:1", "role": "FUNDING"}),
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"ids": ["project:1"]}, [0, 2]),
        ({"ids": ["partner:1"]}, [1, 2]),
        ({"ids": ["project:1", "partner:1"]}, [0, 1, 2]),
        ({"ids": []}, []),
        ({"kinds": ["PROJECT"]}, [0, 2]),
        ({"kinds": ["PARTNER"]}, [1, 2]),
        ({"kinds": ["SOURCE"]}, []),
        ({"kinds": ["PARTNER"], "ids": ["project:1"]}, [2]),
        ({"kinds": None, "ids": None}, [0, 1, 2]),
    ],
)
def test_a_change_is_of_its_entity_or_of_both_ends_of_its_relation(wanted, expected):
    async def work() -> None:
        watched = Watched()
        watched.graph.apply(relate())
        assert await all_of(await watched.subscribe(since=0, **wanted)) == [change_id(1, index) for index in expected]

    asyncio.run(asyncio.wait_for(work(), 20))


def test_what_has_gone_is_still_of_its_kind():
    async def work() -> None:
        watched = Watched()
        watched.graph.apply(relate())
        name = RelationName(RelationKind.PARTICIPATES_IN, "partner:1", "project:1", PartnerRole.FUNDING)
        watched.graph.apply([Unrelate(name)])
        watched.graph.apply([Remove("project:1"), Remove("partner:1")])
        told = await all_of(await watched.subscribe(since=1, kinds=["PROJECT"]))
        assert told[0] == change_id(2, 0)
        assert len(told) == 2

    asyncio.run(asyncio.wait_for(work(), 20))


@pytest.mark.parametrize("store", ["memory", "file"])
def test_a_change_is_of_the_kind_of_its_time_whatever_its_id_names_now(store, tmp_path):
    """An id that named a partner, then a place, and then a partner again."""

    def related(kind: str) -> list[Write]:
        return [
            write({"id": OTHER, "kind": kind, "name": kind, "type": "OTHER"}),
            write({"relation": "AFFECTED", "subject": EVENT, "object": OTHER}),
        ]

    async def work() -> None:
        watched = Watched(Graph.open(tmp_path) if store == "file" else None)
        graph = watched.graph
        live = {kind: await watched.subscribe(kinds=[kind]) for kind in ("PARTNER", "PLACE")}
        told: dict[str, list[str]] = {kind: [] for kind in live}
        graph.apply([write({"id": EVENT, "kind": "EVENT", "name": "E", "type": "FLOOD"})])
        for kind in ("PARTNER", "PLACE", "PARTNER"):
            for writes in (related(kind), [Remove(OTHER)]):
                graph.apply(writes)
                for watching, subscriber in live.items():
                    told[watching] += await all_of(subscriber)
        expected = {"PARTNER": (2, 3, 6, 7), "PLACE": (4, 5)}
        for kind, versions in expected.items():
            changes = [change_id(version, index) for version in versions for index in (0, 1)]
            assert told[kind] == changes
            assert await all_of(await watched.subscribe(since=0, kinds=[kind])) == changes
        graph.close()

    asyncio.run(asyncio.wait_for(work(), 20))


# Sharing


def test_those_who_ask_the_same_share_what_is_written(monkeypatch):
    written: list[int] = []

    async def work() -> None:
        watched = Watched()
        tell = watched.executor.tell

        async def counting(operation: Any, variables: Any, values: Sequence[Any]) -> list[bytes]:
            written.append(len(values))
            return await tell(operation, variables, values)

        monkeypatch.setattr(watched.executor, "tell", counting)
        watched.change("first")
        subscribers = [await watched.subscribe(since=since) for since in (0, 1) for _ in range(50)]
        assert len(watched.feed._groups) == 1  # where they start is no part of what they ask
        waiting = [asyncio.create_task(subscriber.next()) for subscriber in subscribers[50:]]
        await asyncio.sleep(0)
        for number in range(3):
            watched.change(str(number))
        await asyncio.gather(*waiting)
        assert sum(written) == 3
        told = await asyncio.gather(*map(all_of, subscribers))
        assert [len(each) for each in told] == [4] * 50 + [0] * 50

    asyncio.run(asyncio.wait_for(work(), 20))


def test_a_variable_that_says_more_than_where_to_start_is_part_of_what_is_asked():
    query = "subscription ($at: ID) { changes(after: $at) { id entity { history(first: 1) { totalCount } } } }"
    other = "subscription ($at: ID) { changes(after: $at) { id entity { node: id } } }"
    both = "subscription ($at: ID!) { changes(after: $at, ids: [$at]) { id } }"

    async def work() -> None:
        watched = Watched()
        watched.change("a", "b", "c")
        for text, groups in ((query, 1), (other, 1), (both, 2)):
            for index in (0, 1):
                await watched.subscribe(text, at=change_id(1, index))
            assert len(watched.feed._groups) == groups
            watched.feed.close()

    asyncio.run(asyncio.wait_for(work(), 20))


def test_nobody_is_woken_by_what_does_not_concern_them():
    async def work() -> None:
        watched = Watched()
        subscriber = await watched.subscribe(ids=["project:other"])
        waiting = asyncio.create_task(subscriber.next())
        await asyncio.sleep(0.01)
        (group,) = watched.feed._groups.values()
        for number in range(5):
            watched.change(str(number))
            assert len(group.waiting) == 1
        watched.graph.apply([project("project:other", "at last")])
        assert ids(await waiting or []) == [change_id(6, 0)]

    asyncio.run(asyncio.wait_for(work(), 20))


class Looked(dict[Any, Any]):
    """Groups, and how often somebody went through all of them."""

    times = 0

    def values(self) -> Any:
        self.times += 1
        return super().values()


def test_a_commit_goes_once_through_the_groups_and_lets_others_have_a_turn_while_they_are_told():
    async def work() -> None:
        watched, told, turns = Watched(), list[str](), 0
        watched.feed._groups = groups = Looked()
        subscribers = [await watched.subscribe(ids=[PROJECTS[0], f"other:{number}"]) for number in range(500)]
        waiting = [asyncio.create_task(subscriber.next()) for subscriber in subscribers]
        await asyncio.sleep(0.01)
        watched.change("news")
        while not all(task.done() for task in waiting):
            turns += 1
            await asyncio.sleep(0)
        for task in waiting:
            told += ids(await task or [])
        assert told == [change_id(1, 0)] * 500
        assert groups.times == 1
        assert turns >= 500 / feed.WOKEN

    asyncio.run(asyncio.wait_for(work(), 20))


def test_who_looks_through_much_that_does_not_concern_it_lets_others_have_a_turn():
    async def work() -> None:
        watched = Watched()
        watched.graph.apply([project(f"project:{number}", "many") for number in range(2_000)])
        subscriber = await watched.subscribe(since=0, ids=["project:1999"])
        waiting, turns = asyncio.create_task(subscriber.next()), 0
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0)
        assert ids(await waiting or []) == [change_id(1, 1_999)]
        assert turns >= 2_000 / feed.PAGE

    asyncio.run(asyncio.wait_for(work(), 20))


def test_an_import_wakes_nobody_who_wants_none_of_its_entities():
    async def work() -> None:
        watched = Watched()
        subscriber = await watched.subscribe(ids=["project:other"])
        waiting = asyncio.create_task(subscriber.next())
        await asyncio.sleep(0.01)
        (group,) = watched.feed._groups.values()
        watched.graph.apply([project(f"project:{number}", "many") for number in range(2_000)])
        assert len(group.waiting) == 1
        waiting.cancel()

    asyncio.run(asyncio.wait_for(work(), 20))


def test_who_leaves_while_something_is_written_for_it_leaves_nothing_behind(monkeypatch):
    async def work() -> None:
        watched, begun, go_on = Watched(), asyncio.Event(), asyncio.Event()
        tell = watched.executor.tell

        async def slow(*given: Any) -> list[bytes]:
            begun.set()
            await go_on.wait()
            return await tell(*given)

        monkeypatch.setattr(watched.executor, "tell", slow)
        subscriber = await watched.subscribe()
        waiting = asyncio.create_task(subscriber.next())
        watched.change("news")
        await begun.wait()
        subscriber.close()
        go_on.set()
        assert await waiting is None
        assert (watched.feed._groups, watched.feed.held, watched.feed.watching) == ({}, 0, 0)

    asyncio.run(asyncio.wait_for(work(), 20))


def test_subscriptions_are_bounded_over_the_whole_service():
    async def work() -> None:
        watched = Watched(max_subscriptions=2)
        first, _ = await watched.subscribe(), await watched.subscribe(kinds=["PROJECT"])
        with pytest.raises(RequestError) as caught:
            await watched.subscribe()
        assert refusal(caught.value) == (
            "2 subscriptions are open at this service, the most there may be. Try again later."
        )
        assert caught.value.errors[0].extensions == {"code": "THROTTLED"}
        first.close()
        first.close()
        await watched.subscribe()
        with pytest.raises(RequestError):
            await watched.subscribe()

    asyncio.run(asyncio.wait_for(work(), 20))


def test_a_large_commit_is_told_a_page_at_a_time():
    async def work() -> None:
        watched = Watched()
        subscriber = await watched.subscribe()
        waiting = asyncio.create_task(subscriber.next())
        await asyncio.sleep(0)
        watched.graph.apply([project(f"project:{number}", "many") for number in range(2_500)])
        assert len(watched.feed._news) == 0
        first = await waiting
        assert first is not None
        assert len(first) <= feed.PAGE
        assert ids(first) + await all_of(subscriber) == [change_id(1, index) for index in range(2_500)]

    asyncio.run(asyncio.wait_for(work(), 20))


# Memory


def test_what_is_kept_for_those_who_are_up_to_date_is_bounded_in_bytes_and_gone_with_the_last_of_them(monkeypatch):
    monkeypatch.setattr(news, "MOST_BYTES", 1 << 20)

    async def work() -> None:
        watched = Watched()
        subscriber, idle = await watched.subscribe(), await watched.subscribe(ids=["nothing"])
        told = []
        for number in range(100):
            watched.change(f"{number}" + "x" * 50_000)
            assert watched.feed._news.size <= 1 << 20
            told += ids(await subscriber.next(0) or []) if number % 3 else []
        assert len(watched.feed._news) > 4
        assert told + await all_of(subscriber) == [change_id(version, 0) for version in range(1, 101)]
        subscriber.close()
        assert len(watched.feed._news) > 0
        idle.close()
        assert (len(watched.feed._news), watched.feed._news.size) == (0, 0)

    asyncio.run(asyncio.wait_for(work(), 20))


def test_a_change_that_is_larger_than_all_that_is_kept_is_told_from_the_journal(monkeypatch):
    monkeypatch.setattr(news, "MOST_BYTES", 1_000)

    async def work() -> None:
        watched = Watched()
        subscriber = await watched.subscribe()
        for name in ("small", "x" * 2_000, "after it", "small again"):
            watched.change(name)
        assert len(watched.feed._news) == 1
        assert await all_of(subscriber) == [change_id(version, 0) for version in (1, 2, 3, 4)]

    asyncio.run(asyncio.wait_for(work(), 20))


# A disk in trouble


def test_a_commit_that_could_not_be_read_when_it_was_announced_is_told_all_the_same(monkeypatch, caplog):
    async def work() -> None:
        watched = Watched()
        watched.change("first")
        subscriber = await watched.subscribe()
        waiting = asyncio.create_task(subscriber.next())
        await asyncio.sleep(0)
        read = watched.graph.commit

        def fail_once(version: int) -> Commit:
            monkeypatch.setattr(watched.graph, "commit", read)
            raise StoreError("disk I/O error")

        monkeypatch.setattr(watched.graph, "commit", fail_once)
        watched.change("second")
        assert ids(await waiting or []) == [change_id(2, 0)]
        watched.change("third")
        assert await all_of(subscriber) == [change_id(3, 0)]
        assert "StoreError: disk I/O error" in caplog.text

    asyncio.run(asyncio.wait_for(work(), 20))


# What is written


TELLING = """subscription { changes(since: 0) {
  id version index time action entityId author note __typename
  entity { id name ... on Project { partners { totalCount nodes { name } } } }
  relation { kind subject { name } object { id } } fields { field before after }
} }"""


def test_it_is_what_graphql_core_says_byte_for_byte():
    async def bodies(executor: str) -> list[bytes]:
        watched = Watched(executor=executor)
        watched.graph.apply(relate())
        watched.graph.apply([project("project:1", "renamed"), Remove("partner:1")])
        subscriber = await watched.subscribe(TELLING)
        return [event.body for event in await subscriber.next() or []]

    compiled, reference = (asyncio.run(bodies(name)) for name in ("compiled", "reference"))
    strip = lambda body: json.dumps({**json.loads(body)["data"]["changes"], "time": None})  # noqa: E731
    assert [strip(body) for body in compiled] == [strip(body) for body in reference]
    assert len(compiled) > 4


def test_an_error_belongs_to_the_change_that_it_is_met_in():
    query = (
        "subscription { changes(since: 0) { id entity { ... on Project { partners(first: 101) { totalCount } } } } }"
    )

    async def work() -> None:
        watched = Watched()
        watched.graph.apply(relate())
        subscriber = await watched.subscribe(query)
        told = [json.loads(event.body) for event in await subscriber.next() or []]
        assert ["errors" in each for each in told] == [True, False, False]
        assert told[0]["errors"][0]["path"] == ["changes", "entity", "partners"]
        assert told[1] == {"data": {"changes": {"id": change_id(1, 1), "entity": {}}}}

    asyncio.run(asyncio.wait_for(work(), 20))


# Where it starts


@pytest.mark.parametrize(
    ("variables", "last", "message"),
    [
        ({"since": 1, "after": "change:1.00000000"}, None, "Both since and after are given"),
        ({"since": 3}, None, "There is no version 3 yet: the newest is 1."),
        ({"since": -1}, None, "since is -1."),
        ({"after": "change:1.00000001"}, None, "There is no change 'change:1.00000001'."),
        ({"after": "change:2.00000000"}, None, "There is no change 'change:2.00000000'."),
        ({"after": "change:0.00000000"}, None, "There is no change 'change:0.00000000'."),
        ({"after": "project:1"}, None, "'project:1' is no id of a change."),
        ({"since": "x"}, None, "Variable '$since' has invalid value"),
        ({}, "version:2", "There is no version 2 yet"),
        ({}, "version:x", "'version:x' is no id of a change"),
    ],
)
def test_where_nobody_can_start_is_told(variables, last, message):
    async def work() -> None:
        watched = Watched()
        watched.change("first")
        with pytest.raises(RequestError) as caught:
            await watched.subscribe(last=last, **variables)
        assert message in refusal(caught.value)
        assert watched.feed._groups == {}

    asyncio.run(asyncio.wait_for(work(), 20))


def test_what_another_process_told_of_is_waited_for(tmp_path: Path):
    async def work() -> None:
        mine, other = Graph.open(tmp_path), Graph.open(tmp_path)
        watched = Watched(mine)
        other.apply([project("project:1", "P")])
        subscribing = asyncio.create_task(watched.subscribe(after=change_id(1, 0)))
        await asyncio.sleep(0.05)
        assert not subscribing.done()
        mine.follow()
        assert (await subscribing).mark == Mark(1, 0)
        mine.close()
        other.close()

    asyncio.run(asyncio.wait_for(work(), 20))
