"""What files share with each other and with the store: countries, places, partners, sources. Each is looked up by the
codes and names by which a file speaks of it; what the store lacks is asked to be there, once for each file."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from graph.formats.cells import slug
from graph.formats.countries import country_coded, country_named, country_of
from graph.formats.format import Needs
from graph.formats.known import Known
from graph.model import Code, Ensure, Entity, Partner, Place, Relation, Source, Write
from graph.vocabulary import Kind, PartnerType, PlaceType, RelationKind, SourceType

PARTNER = "partner:"
P_CODE = "P-code"
ORG_ID = "org-id"
ORG_ID_SHAPE = re.compile(r"[A-Za-z]{2,4}-(?=.*\d).+")
"""GB-CHC-202918, XM-DAC-41121: a register, and a number in it."""

ADMIN = {1: PlaceType.ADMIN1, 2: PlaceType.ADMIN2}
"""The types of admin units by their level; deeper ones have no type of their own."""

Value = TypeVar("Value")


class Spot(NamedTuple):
    """A country or place, and whether the store has it already."""

    id: str
    name: str
    is_known: bool
    is_country: bool = False


class Unit(NamedTuple):
    """A place as a file names it; level 0 is any place but an admin unit."""

    level: int
    code: str
    name: str
    parent: Spot | None = None
    labels: Mapping[str, str] = {}
    position: tuple[float, float] | None = None
    type: PlaceType | None = None


class Shared:
    """Looks up what a file shares. What a record needs to be there is noted while it is read (`needed`), and asked for
    once for the whole file (`untold`)."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.sources: tuple[str, ...] = ()
        """Who states what is spoken of from now on."""
        self.documents: Needs = []
        """These sources themselves, where it is not by a lookup in here that they are there: what is new needs them."""
        self._found: dict[tuple[object, ...], tuple[Any, Needs]] = {}
        self._needed: dict[int, Needs] = {}
        self._told: set[int] = set()

    def needed(self) -> "dict[int, Needs]":
        """What was spoken of since this was last asked."""
        needed, self._needed = self._needed, {}
        return needed

    def need(self, needed: "dict[int, Needs]") -> None:
        """Notes that what needed this is spoken of again."""
        self._needed |= needed

    def untold(self, needed: "dict[int, Needs]") -> list[Write]:
        """What of this no record before has asked for."""
        new = needed.keys() - self._told
        self._told |= new
        return [ensured for key, needs in needed.items() if key in new for ensured in needs]

    def relate(self, kind: RelationKind, subject: str, object: str) -> None:
        """Asks that these be related, according to the sources."""
        sources = () if kind is RelationKind.CITES else self.sources
        relation = Relation(kind, subject, object, sources=sources)
        if not self.known.stays_as_it_is(relation):
            self._once((kind, subject, object, sources), lambda needs: needs.append(Ensure(relation)))

    def there(self, record: Entity) -> None:
        """Asks that something be there that only few records speak of, or all do."""
        self._once((record.kind, record.id), lambda needs: needs.extend(self._new(record)))

    def _new(self, record: Entity) -> "Needs":
        cited = (Ensure(Relation(RelationKind.CITES, record.id, source)) for source in self.sources)
        return [*self.documents, Ensure(record), *cited]

    def _once(self, key: tuple[object, ...], make: "Callable[[Needs], Value]") -> Value:
        """Looks something up once. What it needs is noted whenever it is spoken of: the record in which it was spoken
        of first may be refused."""
        if key not in self._found:
            needs: Needs = []
            self._found[key] = make(needs), needs
        value, needs = self._found[key]
        if needs:
            self._needed[id(needs)] = needs
        return value  # type: ignore[no-any-return]

    # Countries.

    def country(self, given: str) -> Spot | None:
        """The country with this ISO 3166-1 code or name, if it is one."""
        return self._once(("country", given), lambda needs: self._country(given, needs))

    def _country(self, given: str, needs: Needs) -> Spot | None:
        is_code = len(given) == 2 or (len(given) == 3 and (given.isupper() or given.isdecimal()))
        id = (self.known.country(given) if is_code else None) or self.known.named(Kind.COUNTRY, given)
        if id and (held := self.known.entity(id)):
            return Spot(id, held.name, True, True)
        iso = country_coded(given) if is_code else country_named(given)
        if iso is None:
            return None
        if id := self.known.country(iso.alpha_2):
            return Spot(id, iso.name, True, True)
        record = country_of(iso)
        needs += self._new(record)
        return Spot(record.id, record.name, False, True)

    def country_within(self, words: str) -> Spot | None:
        """The one country that a title or a file's name speaks of: the one with the longest name, if there are several
        of which one holds the other ("Guinea-Bissau")."""
        tokens = slug(words.removesuffix(".csv")).split("-")
        for length in range(min(len(tokens), 6), 0, -1):
            starts = range(len(tokens) - length + 1)
            spans = {mark.join(tokens[start : start + length]) for start in starts for mark in " -"}
            found = {spot.id: text for text in spans if len(text) > 3 and (spot := self._country(text, []))}
            if found:
                return self.country(*found.values()) if len(found) == 1 else None
        codes = {code for code in re.findall(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", words) if self._country(code, [])}
        return self.country(*codes) if len(codes) == 1 else None

    # Places.

    def unit(self, unit: "Unit") -> Spot:
        """An admin unit or another place, by its P-code or else by its name within its parent."""
        return self._once(("unit", *unit[:4]), lambda needs: self._unit(unit, needs))

    def _unit(self, unit: "Unit", needs: Needs) -> Spot:
        level, code, name, parent, labels, position, stated = unit
        type = ADMIN.get(level, stated or PlaceType.OTHER)
        id = self.known.coded(Kind.PLACE, P_CODE, code) if code else None
        if id is None and name and (parent is None or parent.is_known):
            id = self.known.named(Kind.PLACE, name, parent.id if parent else None, lambda held: _fits(held, type, code))
        held = self.known.entity(id) if id else None
        if id is None:
            id = f"place:{code}" if code else self._place_id(level, name, parent)
        record = Place(
            id=id,
            name=name or (held.name if held else code),
            labels=dict(labels),
            identifiers=(Code(P_CODE, code),) if code else (),
            type=held.type if isinstance(held, Place) else type,
            latitude=position[0] if position else None,
            longitude=position[1] if position else None,
        )
        if held is None:
            needs += self._new(record)
        elif code and not _has_code(held, code):
            needs.append(Ensure(record))
        if held is None and parent:
            needs.append(Ensure(Relation(RelationKind.PART_OF, id, parent.id, sources=self.sources)))
        return Spot(id, record.name, held is not None)

    def _place_id(self, level: int, name: str, parent: Spot | None) -> str:
        within = f"{parent.id.partition(':')[2]}-".lower() if parent else ""
        return f"place:{within}{f'adm{level}' if level else 'loc'}-{slug(name)}"

    def area(self, name: str) -> Spot | None:
        """A region of the world, or another place that the store knows by this name, whatever it lies in."""
        fits: Callable[[Entity], bool] = lambda held: isinstance(held, Place) and held.type in AREAS  # noqa: E731
        if (id := self.known.named(Kind.PLACE, name, fits=fits)) and (held := self.known.entity(id)):
            return Spot(id, held.name, True)
        return None

    # Partners.

    def partner(self, name: str, acronym: str, code: str, type: PartnerType) -> str:
        """The id of the organisation with this code, or else with this name; with this acronym only if that is all that
        is given: several organisations have the same."""
        return self._once(
            ("partner", name, acronym, code, type), lambda needs: self._partner(name, acronym, code, type, needs)
        )

    def _partner(self, name: str, acronym: str, code: str, type: PartnerType, needs: Needs) -> str:
        id = code if code.startswith(PARTNER) else None
        code = "" if id else code
        if code:
            coded = (self.known.coded(Kind.PARTNER, ORG_ID, each) for each in (code, code.upper()))
            id = next(filter(None, coded), None) or (
                f"{PARTNER}{code}" if self.known.entity(f"{PARTNER}{code}") else None
            )
        if id is None and (called := name or acronym):
            id = self.known.named(Kind.PARTNER, called)
        id = id or f"{PARTNER}{code if any(map(str.isalpha, code)) else slug(name or acronym or code)}"
        held = self.known.entity(id)
        record = Partner(
            id=id,
            name=name or (held.name if held else acronym or code or id),
            type=type,
            acronym=acronym or None,
            identifiers=(Code(ORG_ID, code),) if ORG_ID_SHAPE.fullmatch(code) else (),
        )
        needs += self._new(record) if held is None else [Ensure(record)]
        return id

    # Sources.

    def source(self, name: str, type: SourceType = SourceType.DATASET, url: str | None = None, **more: Any) -> str:
        """The id of a source that a file names, or that it is itself."""
        return self._once(("source", name, url), lambda needs: self._source(name, type, url, more, needs))

    def _source(self, name: str, type: SourceType, url: str | None, more: dict[str, Any], needs: Needs) -> str:
        id = self.known.named(Kind.SOURCE, name) or self._citations.get(name) or f"source:{slug(name)}"
        if name not in self._citations:
            needs.append(Ensure(Source(id=id, name=name, type=type, url=url, **more)))
        return id

    @cached_property
    def _citations(self) -> dict[str, str]:
        """The sources of the store by how they are cited, as exports name them."""
        return {held.citation: held.id for held in self.known.all_of(Kind.SOURCE) if isinstance(held, Source)}

    def file(self, name: str) -> str:
        """The id of a file as a source."""
        return self._once(("file", name), lambda needs: self._file(name, needs))

    def _file(self, name: str, needs: Needs) -> str:
        told = "standard input" if name in ("", "-") else name
        needs.append(Ensure(Source(id=f"source:file-{slug(told)}", name=told, type=SourceType.DATASET)))
        return f"source:file-{slug(told)}"


AREAS = frozenset({PlaceType.WORLD, PlaceType.REGION})
NOT_LOCAL = frozenset({PlaceType.ADMIN1, PlaceType.ADMIN2, PlaceType.WORLD, PlaceType.REGION})


def _has_code(held: Entity, code: str) -> bool:
    return any(identifier.vocabulary == P_CODE and identifier.code == code for identifier in held.identifiers)


def _fits(held: Entity, type: PlaceType, code: str) -> bool:
    """Whether a place may be the unit of that type; one with another P-code is another one."""
    if not isinstance(held, Place):
        return False
    if code and any(identifier.vocabulary == P_CODE for identifier in held.identifiers):
        return False
    return held.type is type if type in ADMIN.values() else held.type not in NOT_LOCAL
