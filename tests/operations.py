"""Operations, chosen by walking the committed schema: valid ones, whatever then becomes of their fields.

Throughout a document a response key stands for one field with the same arguments, so any two selections can be merged;
that is how the same field comes to be selected twice, by fragments on interfaces and types of which some hold.
"""

import json
from functools import cache
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from tests.oracle import KINDS, SCHEMA, Given, type_name
from tests.questions import filter_of, is_entity_filter
from tests.worlds import DATES, FLOATS, INTS, NAMES, SHAPED_TEXTS, Choices, id_of, is_list

OPERATION = 600
"""Bytes enough for most documents."""

BOOLEAN = GraphQLNonNull(GraphQLBoolean)
DEPTH = 6
ROOMS = [10, 16, 20, 25, 30, 50]
"""About how many selections a document has at most."""

IDS = ["country:nowhere", "", *(id_of(kind, number) for number in range(4) for kind in KINDS)]
CODES = ["mli", "nowhere", *NAMES, *SHAPED_TEXTS["COUNTRY", "code"] * 4]
SIZES = [2, 1, 3, 100, 20]
HOPS = [2, 1, 3, 4]
SIZED = ("first", "last", "hops", "maxHops", "limit")
WRONG_SIZES = [0, 101, -1]
MOMENTS = ["2000-01-01T00:00:00Z", "9000-01-01T00:00:00.5+01:00"]
CURSORS = ["", "nonsense", "AAAAAAAAAAAAAAAA"]
WRONG = ["2023-13", "COUNTRY", 5, 2**31, 1.5, True, None, [], {}, [None], {"eq": 1}, {"nobody": 1}]
"""Values that a variable may be given though they do not fit it; for each there is one that they do fit."""

GRAPH_ANSWERS = (
    "Subgraph",
    "PathResult",
    "Path",
    "Hop",
    "SimilarResult",
    "Similarity",
    "CentralityResult",
    "Centrality",
)
FAR = ("Connection", "Edge", "Entity", "Finding", "Node", *GRAPH_ANSWERS, *map(type_name, KINDS))
"""Types from which operations go on."""

CHANCES = {"where": 10, "last": 8, "before": 8, "after": 5}
"""In how many fields that take it an argument is given once."""

ALIASES = ["id", "name", "nodes", "node", "x", "totalCount"]


class Asked(NamedTuple):
    """A document, which of its operations to run, and the variables for it. `cursors` are the variables that take a
    cursor, with the response keys of the lists that they are for."""

    text: str
    name: str | None
    variables: Given
    cursors: dict[str, str]

    def going_on(self, choose: Choices, data: Any) -> "Asked":
        """The same, with cursors that were found in an answer."""
        found = {name: list(_strings_under(key, data)) for name, key in self.cursors.items()}
        anywhere = [cursor for cursors in found.values() for cursor in cursors] or CURSORS
        chosen = {
            name: choose.one(choose.one([cursors or anywhere] * 5 + [anywhere])) for name, cursors in found.items()
        }
        return self._replace(variables=self.variables | chosen)


class Fragment(NamedTuple):
    """A fragment definition: its type, how deep it goes, what is in it, and the variables used there."""

    on: str
    depth: int
    text: str
    variables: set[str]


def operation_of(choose: Choices, without: str = "") -> Asked:
    """An operation, and the document it stands in; `without` names a field that is not to be in it."""
    author = Author(choose, without)
    names = choose.one([[""], [""], ["A"], ["A", "B"]])
    operations = [author.operation(name) for name in names]
    definitions = [*operations, *author.definitions()]
    text = "\n".join(definitions if choose.one([True, False]) else reversed(definitions))
    return Asked(text, choose.one(names) or None, author.given, author.cursors)


class Author:
    """Writes one document, of one or more operations."""

    def __init__(self, choose: Choices, without: str = "") -> None:
        self._without = without
        self.given: Given = {}
        self.cursors: dict[str, str] = {}
        self._choose = choose
        self._room = 0
        self._errs = choose.one([False, True])
        self._keys: dict[str, str] = {}
        self._declared: dict[str, str] = {}
        self._used: set[str] = set()
        self._fragments: dict[str, Fragment] = {}

    def operation(self, name: str) -> str:
        """A query."""
        self._room, self._used = self._choose.one(ROOMS), set()
        assert SCHEMA.query_type is not None
        selections = self._selections(SCHEMA.query_type, DEPTH)
        variables = ", ".join(f"${variable}: {self._declared[variable]}" for variable in sorted(self._used))
        return f"query {name}{f'({variables})' if variables else ''} {{ {selections} }}"

    def definitions(self) -> list[str]:
        """The fragments that were spread."""
        return [f"fragment {name} on {made.on} {{ {made.text} }}" for name, made in self._fragments.items()]

    def _one_in(self, number: int) -> bool:
        answer: bool = self._choose.one([False] * (number - 1) + [True])
        return answer

    # Selections

    def _selections(self, type_: Any, depth: int) -> str:
        return " ".join(self._selection(type_, depth) for _ in range(self._choose.one([1, 2, 3, 4])))

    def _selection(self, type_: Any, depth: int) -> str:
        self._room -= 1
        form = self._choose.one(["field"] * 8 + ["inline", "spread"]) if self._room > 0 else "field"
        if form == "inline":
            return self._inline_fragment(type_, depth)
        return self._spread(type_, depth) if form == "spread" else self._field(type_, depth)

    def _inline_fragment(self, type_: Any, depth: int) -> str:
        on = self._choose.one([None, *conditions(type_.name)])
        condition = "" if on is None else f"on {on} "
        return f"... {condition}{self._directives()}{{ {self._selections(SCHEMA.type_map[on or type_.name], depth)} }}"

    def _spread(self, type_: Any, depth: int) -> str:
        known = [
            name for name, made in self._fragments.items() if made.on in conditions(type_.name) and made.depth <= depth
        ]
        name = self._choose.one([*known, None])
        if name is None:
            on = self._choose.one(conditions(type_.name))
            around, self._used = self._used, set()
            text = self._selections(SCHEMA.type_map[on], depth)
            name = f"F{len(self._fragments)}"
            self._fragments[name] = Fragment(on, depth, text, self._used)
            self._used = around
        self._used |= self._fragments[name].variables
        return f"...{name} {self._directives()}"

    def _field(self, type_: Any, depth: int) -> str:
        possible = fields(type_.name, leads_on=depth > 1 and self._room > 0)
        name = self._choose.one([name for name in possible if name != self._without])
        if name == "__typename":
            return self._keyed(name, "", "String!") + self._directives()
        field: GraphQLField = type_.fields[name]
        arguments, cursors = self._arguments(name, field)
        written = self._keyed(name, arguments, shape(field)) + self._directives()
        if not is_composite_type(get_named_type(field.type)):
            return written
        selections = self._selections(get_named_type(field.type), depth - 1)
        for cursor in cursors:
            self.cursors[cursor] = written.partition(":")[0].partition("(")[0]
            where = [("edges", "cursor"), ("pageInfo", "startCursor"), ("pageInfo", "endCursor")]
            shown = self._choose.one(where if "edges" in get_named_type(field.type).fields else where[1:])
            selections += " " + self._keyed(shown[0], "", "cursors") + f" {{ {shown[1]} }}"
        return f"{written}{{ {selections} }}"

    def _keyed(self, name: str, arguments: str, shape: str) -> str:
        """The field with its arguments, under a response key that stands for nothing else."""
        signature = f"{name}{arguments}: {shape}"
        known = [key for key, held in self._keys.items() if held == signature]
        wish = self._choose.one([name] * 15 + known + ALIASES)
        key = wish if self._keys.get(wish, signature) == signature else f"a{len(self._keys)}"
        self._keys[key] = signature
        return f"{name}{arguments} " if key == name else f"{key}: {name}{arguments} "

    def _directives(self) -> str:
        written = ""
        for name in self._choose.one([[]] * 25 + [["skip"], ["include"], ["include", "skip"]]):
            mostly = self._choose.one([name == "include"] * 5 + [name == "skip"])
            written += f"@{name}(if: {self._expression(BOOLEAN, mostly, variable_one_in=2)}) "
        return written

    # Arguments

    def _arguments(self, field_name: str, field: GraphQLField) -> tuple[str, list[str]]:
        """The arguments as they are written, and the variables among them that take cursors."""
        written, cursors = [], []
        for name, argument in field.args.items():
            if not is_required_argument(argument) and not self._one_in(CHANCES.get(name, 4)):
                continue
            if name == "last" and not self._errs and any(one.startswith("first") for one in written):
                continue
            if name in ("after", "before") and not (self._errs and self._one_in(4)):
                expression = self._variable(argument.type, None, fresh=True)
                cursors.append(expression[1:])
            else:
                expression = self._argument(field_name if name == "id" else name, argument)
            written.append(f"{name}: {expression}")
        return f"({', '.join(written)})" if written else "", cursors

    def _argument(self, name: str, argument: GraphQLArgument) -> str:
        value = self._value(argument.type, name)
        has_default = argument.default_value is not Undefined
        return self._expression(argument.type, value, variable_one_in=3, has_default=has_default)

    def _some(self, options: list[str]) -> list[str]:
        """One to three of them, each once."""
        first = self._choose.one(range(len(options)))
        return (options[first:] + options[:first])[: self._choose.one([1, 2, 2, 3])]

    def _value(self, type_: Any, name: str = "") -> Any:
        """A JSON value of an input type; `name` is that of the argument it is for."""
        if self._errs and not is_non_null_type(type_) and self._one_in(20):
            return None
        named = get_named_type(type_)
        if is_list(type_):
            # One item stands for a list of one.
            sizes = [2, 6, 6, 4, 8, 8, 1, 0, None, 101] if name == "ids" else [2, 1, 3, 0, None]
            size, item = self._choose.one(sizes), get_nullable_type(type_).of_type
            if name == "keys" and not (self._errs and self._one_in(10)):
                return self._some(list(named.values))
            return self._value(item, name) if size is None else [self._value(item, name) for _ in range(size)]
        if isinstance(named, GraphQLInputObjectType):
            if is_entity_filter(named.name):
                return self._spoiled(filter_of(self._choose, named.name.removesuffix("Filter").upper()))
            wanted = {
                key: field for key, field in named.fields.items() if is_required_input_field(field) or self._one_in(2)
            }
            return {key: self._value(field.type, key) for key, field in wanted.items()}
        if isinstance(named, GraphQLEnumType):
            return self._choose.one(list(named.values))
        sizes = (HOPS if "ops" in name else SIZES) + (WRONG_SIZES if self._errs else [])
        pools = {
            "Int": sizes if name in SIZED else INTS,
            "Float": FLOATS,
            "PartialDate": DATES,
            "DateTime": MOMENTS,
            "ID": IDS,
        }
        if name.upper() in KINDS:
            pools["ID"] = [id_of(name.upper(), number) for number in (0, 1, 0, 1, 2, 3) * 2] + IDS[:4]
        texts = {"languages": ["fr", "ar", "fr-CA", "xx"], "after": CURSORS, "before": CURSORS}.get(name, CODES)
        return self._choose.one(pools.get(named.name, [False, True] if named.name == "Boolean" else texts))

    def _spoiled(self, given: Given) -> Given:
        """Now and then with a null where a filter cannot have one, mostly not."""
        if given and self._errs and self._one_in(6):
            key = self._choose.one(list(given))
            return given | {key: self._spoiled(given[key]) if isinstance(given[key], dict) else None}
        return given

    def _expression(self, type_: Any, value: Any, *, variable_one_in: int, has_default: bool = False) -> str:
        """The value as it stands in a document, or a variable with it, or one with a part of it."""
        if variable_one_in and self._one_in(variable_one_in):
            return self._variable(type_, value, has_default=has_default)
        inner, named = 8 if variable_one_in else 0, get_named_type(type_)
        if isinstance(value, list):
            item = get_nullable_type(type_).of_type
            return f"[{', '.join(self._expression(item, one, variable_one_in=inner) for one in value)}]"
        if isinstance(value, dict):
            written = [f"{key}: {self._input(named.fields[key], one, inner)}" for key, one in value.items()]
            return f"{{{', '.join(written)}}}"
        if isinstance(named, GraphQLEnumType) and value is not None:
            return str(value)
        return json.dumps(value, ensure_ascii=False)

    def _input(self, field: Any, value: Any, variable_one_in: int) -> str:
        has_default = field.default_value is not Undefined
        return self._expression(field.type, value, variable_one_in=variable_one_in, has_default=has_default)

    def _variable(self, type_: Any, value: Any, *, has_default: bool = False, fresh: bool = False) -> str:
        """A variable of this type, a new one or one that is there."""
        known = [
            name for name, declared in self._declared.items() if declared == str(type_) and name not in self.cursors
        ]
        name = None if fresh else self._choose.one([None, None, *known])
        if name is None:
            name = f"v{len(self._declared)}"
            self._declared[name] = self._declaration(type_, value, has_default)
            self._give(name, value)
        self._used.add(name)
        return f"${name}"

    def _declaration(self, type_: Any, value: Any, has_default: bool) -> str:
        bare = get_nullable_type(type_)
        forms = [str(type_), str(type_)]
        if value is not None:
            forms += [str(GraphQLNonNull(bare)), f"{bare} = {self._expression(bare, value, variable_one_in=0)}"]
        if has_default:
            forms.append(str(bare))  # what has a default itself takes a variable that may be absent
        form: str = self._choose.one(forms)
        return form

    def _give(self, name: str, value: Any) -> None:
        """Gives the variable its value; or none, or null, mostly where it needs none; rarely one that does not fit."""
        may_miss = not self._declared[name].endswith("!") or (self._errs and self._one_in(30))
        if may_miss and self._one_in(4):
            return
        if may_miss and self._one_in(6):
            value = None
        self.given[name] = self._choose.one(WRONG) if self._errs and self._one_in(30) else value


@cache
def fields(type_: str, *, leads_on: bool) -> list[str]:
    """What can be selected of a type, leaves or also what leads on, that more often."""
    found: dict[str, Any] = getattr(SCHEMA.type_map[type_], "fields", {})
    leaves = [name for name, field in found.items() if not is_composite_type(get_named_type(field.type))]
    others = [name for name in found if name not in leaves]
    far = [name for name in others if name != "sources" and get_named_type(found[name].type).name.endswith(FAR)]
    far += 2 * [
        name for name in far if "first" in found[name].args or is_abstract_type(get_named_type(found[name].type))
    ]
    return ["__typename", *leaves, *(others + far * (1 + len(leaves) // (len(far) or 1)) if leads_on else [])]


@cache
def conditions(type_: str) -> list[str]:
    """The types that a fragment may be on within a selection of this one."""
    own: Any = SCHEMA.type_map[type_]
    possible = set(SCHEMA.get_possible_types(own)) if is_abstract_type(own) else {own}
    overlapping = [
        name
        for name, other in SCHEMA.type_map.items()
        if is_abstract_type(other) and possible & set(SCHEMA.get_possible_types(other))  # type: ignore[arg-type]
    ]
    return [type_, *sorted(overlapping), *sorted(other.name for other in possible)]


def shape(field: GraphQLField) -> str:
    """What two fields with one response key must have in common, of those with one name and the same arguments."""
    if is_composite_type(get_named_type(field.type)):
        return str(field.type).replace(get_named_type(field.type).name, "object")
    return str(field.type)


def _strings_under(key: str, data: Any, *, inside: bool = False) -> Any:
    """The cursors somewhere under a response key."""
    if isinstance(data, list):
        for item in data:
            yield from _strings_under(key, item, inside=inside)
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _strings_under(key, value, inside=inside or name == key)
    elif inside and isinstance(data, str) and len(data) > 12 and data.isascii() and ":" not in data and " " not in data:
        yield data
