"""Holds JSON against a TypedDict of the official package: every member known, none missing, each of its type."""

import types
import typing
from collections.abc import Iterable, Mapping, Sequence

import typing_extensions

UNIONS = (typing.Union, types.UnionType)


def problems(value, kind, place=""):
    """What is wrong with a value that should be of this type; nothing: it is of it."""
    kind, alias = plain(kind)
    origin = typing.get_origin(kind)
    if typing_extensions.is_typeddict(kind):
        yield from members(value, kind, place)
    elif origin is typing.Literal:
        if value not in typing.get_args(kind):
            yield f"{place}: {value!r} is none of {typing.get_args(kind)}"
    elif origin in UNIONS:
        found = [list(problems(value, one, place)) for one in typing.get_args(kind)]
        if all(found):
            yield f"{place}: none of {len(found)} kinds fits: " + "; ".join(min(found, key=len))
    elif origin in (list, Iterable, Sequence):
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no array"
            return
        for index, one in enumerate(value):
            yield from problems(one, typing.get_args(kind)[0], f"{place}[{index}]")
    elif origin in (dict, Mapping):
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no object"
    elif kind in (str, int, bool, float):
        if type(value) is not kind:
            yield f"{place}: {value!r} is no {kind.__name__}"
    elif kind is not object:
        yield f"{place}: this test knows no {kind}"


def members(value, kind, place):
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no object"
        return
    known = {}
    for name, hint in typing_extensions.get_type_hints(kind, include_extras=True).items():
        known[plain(hint)[1] or name] = hint
    for name in value.keys() - known.keys():
        yield f"{place}.{name}: {kind.__name__} has no such member"
    for name, hint in known.items():
        if name in value:
            yield from problems(value[name], hint, f"{place}.{name}")
        elif is_required(hint, kind):
            yield f"{place}.{name}: missing"


def is_required(hint, kind):
    # Not kind.__required_keys__: annotations that are texts tell it nothing.
    origin = typing_extensions.get_origin(hint)
    return origin is typing_extensions.Required or (kind.__total__ and origin is not typing_extensions.NotRequired)


def plain(kind):
    """The type without Required and Annotated, and the name that it has in JSON where that is another."""
    alias = None
    while typing_extensions.get_origin(kind) in (typing_extensions.Required, typing_extensions.NotRequired, typing.Annotated):
        if typing_extensions.get_origin(kind) is typing.Annotated:
            kind, *notes = typing_extensions.get_args(kind)
            alias = next((note.alias for note in notes if getattr(note, "alias", None)), alias)
        else:
            kind, = typing_extensions.get_args(kind)
    return kind, alias
