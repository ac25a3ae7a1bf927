"""The organisations that an activity names: by their codes, or else by their names."""

import re
from collections.abc import Iterable

from graph.formats.cells import shown, slug
from graph.formats.iati.codes import PARTNER_TYPES, ROLES, ROLES_1
from graph.formats.iati.told import Told
from graph.formats.iati.words import NO_REFERENCE, Notes, code_of, labels_of, name_of, narratives
from graph.formats.known import Known
from graph.formats.xml import Element
from graph.model import Code, Entity, Label, Partner, Relation
from graph.values import fold
from graph.vocabulary import Kind, PartnerRole, PartnerType, RelationKind

ORG_ID = "org-id"
PREFIXED = re.compile(r"[A-Za-z]{2,}-.+")
"""An organisation's code with the list or country that it is of; others mean something to their publisher only."""

GENERIC = re.compile(r"(the )?(federal |national )?(minist(ry|ere|erio|erium)|departmento? (of|de)|municipalit)")
"""Names, folded, that every country has: they name nobody without it."""

ANY = "any role"


class Partners:
    """Finds organisations for a whole file: one code means one organisation throughout, whatever name is beside it."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._found: dict[Code, str] = {}
        self._claimed: set[str] = set()
        """Organisations that were found by name for a code."""
        self.names: dict[str, str] = {}
        """What a file calls those that it names by code."""

    def by_code(self, ref: str, name: str, publisher: str) -> tuple[str, Code]:
        code = Code(ORG_ID, ref) if PREFIXED.match(ref) else Code(f"organisation of {publisher}", ref)
        if code not in self._found:
            self._found[code] = self._by_code(code, name, publisher)
        return self._found[code], code

    def _by_code(self, code: Code, name: str, publisher: str) -> str:
        if found := self._known.coded(Kind.PARTNER, code.vocabulary, code.code):
            return found
        id = f"partner:{code.code}" if code.vocabulary == ORG_ID else f"partner:{publisher}/{code.code}"
        same = self._unclaimed(name) if self._known.entity(id) is None else None
        return same or id

    def _unclaimed(self, name: str) -> str | None:
        """The one organisation of that name, if it has no code of its own; only one code may claim it."""
        if not name or GENERIC.match(fold(name)):
            return None
        id = self._known.named(Kind.PARTNER, name)
        held = self._known.entity(id) if id else None
        if id is None or held is None or any(code.vocabulary == ORG_ID for code in held.identifiers):
            return None
        if id in self._claimed:
            return None
        self._claimed.add(id)
        return id

    def by_name(self, name: str, country: str | None) -> str:
        if GENERIC.match(fold(name)):
            return f"partner:{f'{country.lower()}-' if country else ''}{slug(name)}"
        return self._known.named(Kind.PARTNER, name) or f"partner:{slug(name)}"


class Participants:
    """Those who take part in one activity. What has no code is who bears the same name in it, then who did so when it
    was read before: so a second reading finds the same ones."""

    def __init__(
        self, partners: Partners, known: Known, project: str, publisher: str, language: str, told: Told, notes: Notes
    ) -> None:
        self._partners = partners
        self._known = known
        self._project = project
        self._publisher = publisher
        self._language = language
        self._told = told
        self._notes = notes
        self._named: dict[str, str] = {}
        self._taking_part: set[str] = set()
        self._earlier: dict[tuple[str, PartnerRole | str | None], str] | None = None
        self.country: str | None = None
        """The country of the activity, if it has just one."""

    def name(self, elements: Iterable[Element]) -> None:
        """Learns the names of those that have codes."""
        for element in elements:
            name = name_of(element, self._language)
            if name and (ref := self._ref(element)):
                id, _ = self._partners.by_code(ref, name, self._publisher)
                self._named.setdefault(fold(name), id)
                self._partners.names.setdefault(id, name)

    def find(self, element: Element, role: PartnerRole | None = None, earlier: tuple[Code, ...] = ()) -> str | None:
        """The id of an organisation, which will be there; None where nothing tells which one is meant. `earlier` are
        its other codes."""
        ref = self._ref(element)
        told = narratives(element, self._language)
        name = told[0].value if told else self._name_in_ref(element)
        identifiers = earlier
        if ref:
            id, code = self._partners.by_code(ref, name, self._publisher)
            identifiers = (code, *earlier)
            if name:
                self._partners.names.setdefault(id, name)
        elif name:
            id = self._named.get(fold(name)) or self._before(name, role) or self._partners.by_name(name, self.country)
        else:
            self._notes.remark(element, f"{element.tag} has neither ref nor name: left out")
            return None
        if name:
            self._named.setdefault(fold(name), id)
        self._ensure(id, name, ref, told, identifiers, self._type(element))
        return id

    def _ensure(
        self, id: str, name: str, ref: str, told: list[Label], identifiers: tuple[Code, ...], type: PartnerType
    ) -> None:
        held = self._known.entity(id)
        record = Partner(
            id=id,
            name=name or (held.name if held else self._partners.names.get(id, ref)),
            labels=labels_of(told) if len(told) > 1 else {},
            identifiers=identifiers,
            type=type,
        )
        if held:
            self._told.ensure(record)
        else:
            self._told.ensure_cited(record)

    def _ref(self, element: Element) -> str:
        ref = code_of(element, "ref")
        if fold(ref) not in NO_REFERENCE:
            is_name = " " in ref or fold(ref) == fold(name_of(element, self._language))
            return "" if is_name else ref
        if ref:
            self._notes.remark(element, f"the ref {shown(ref)} is no code: the name stands for it", once=True)
        return ""

    def _name_in_ref(self, element: Element) -> str:
        """Some write the name where the code belongs."""
        ref = code_of(element, "ref")
        return ref if " " in ref and fold(ref) not in NO_REFERENCE else ""

    def _type(self, element: Element) -> PartnerType:
        code = code_of(element, "type")
        if code and code not in PARTNER_TYPES:
            self._notes.remark(element, f"there is no organisation type {shown(code)}: OTHER was taken", once=True)
        return PARTNER_TYPES.get(code, PartnerType.OTHER)

    def _before(self, name: str, role: PartnerRole | None) -> str | None:
        if self._earlier is None:
            self._earlier = {}
            for relation, entity in self._known.related(self._project, RelationKind.PARTICIPATES_IN):
                for key in ((fold(each), role) for each in _names(entity) for role in (relation.role, ANY)):
                    self._earlier[key] = min(entity.id, self._earlier.get(key, entity.id))
        return self._earlier.get((fold(name), role)) or self._earlier.get((fold(name), ANY))

    def participate(self, element: Element) -> None:
        given = code_of(element, "role")
        role = ROLES.get(ROLES_1.get(given.lower(), given))
        if role is None:
            told = f"there is no role {shown(given)}" if given else "it has no role"
            self._notes.remark(element, f"{told}: the organisation takes part without one")
        if id := self.find(element, role=role):
            self._relate(id, role)

    def take_part(self, element: Element) -> None:
        """Somebody who takes part by giving or getting money, if nothing else is said of them."""
        if (id := self.find(element)) and id not in self._taking_part:
            self._relate(id, None)

    def _relate(self, id: str, role: PartnerRole | None) -> None:
        self._taking_part.add(id)
        relation = Relation(RelationKind.PARTICIPATES_IN, id, self._project, role=role, sources=self._told.sources)
        self._told.relate(relation)


def _names(entity: Entity) -> Iterable[str]:
    return (entity.name, *entity.aliases, *entity.labels.values())
