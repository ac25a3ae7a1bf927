"""The schema: the faces and the root, made into one, with every field's step as its resolver."""

import strawberry
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, print_schema
from strawberry.schema.config import StrawberryConfig

from api.derived import derive
from api.edits import derive_inputs
from api.fields import DEFINITION, StepField, resolver
from api.mutations import Mutation
from api.queries import Query
from api.subscriptions import Subscription, wanted
from api.terms import SCALARS
from api.types import FACES


def build() -> strawberry.Schema:
    """The schema, as Strawberry's views and graphql-core both take it."""
    derive()
    derive_inputs()
    made = strawberry.Schema(
        Query,
        Mutation,
        subscription=Subscription,
        types=list(FACES.values()),
        config=StrawberryConfig(scalar_map=SCALARS, auto_camel_case=True),
    )
    _resolve_by_steps(core(made))
    _subscribe(core(made))
    return made


def core(made: strawberry.Schema) -> GraphQLSchema:
    """graphql-core's side of a Strawberry schema."""
    return made._schema


def _resolve_by_steps(made: GraphQLSchema) -> None:
    """Has graphql-core call each field's step. Strawberry's own way there converts every argument into an instance of
    its input type: 94 µs for a nested filter, of which nothing is used here."""
    for type_ in made.type_map.values():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                definition = field.extensions.get(DEFINITION)
                if isinstance(definition, StepField):
                    field.resolve = resolver(definition.step)


def _subscribe(made: GraphQLSchema) -> None:
    """Has graphql-core read what a subscriber asks for, with all that it knows of variables and defaults."""
    assert made.subscription_type is not None
    made.subscription_type.fields["changes"].subscribe = wanted


schema = build()


def print_sdl() -> str:
    """The schema in SDL, as api/schema.graphql holds it."""
    return print_schema(core(schema)) + "\n"
