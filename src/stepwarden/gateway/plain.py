"""A twin of a struct type that lacks the patterns against control characters, and nothing else.

For ``strictjson`` only, which uses it where the body cannot hold a control character anyway. The twin is a subclass
with the same name, fields, limits and defaults, so what is decoded into it is an instance of the type.

>>> class Named(msgspec.Struct, frozen=True):
...     name: Annotated[str, msgspec.Meta(max_length=3, pattern=NO_CONTROL)]
>>> twin = without_control_patterns(Named)
>>> isinstance(msgspec.json.decode(b'{"name":"abc"}', type=twin), Named)
True
"""

from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from stepwarden.events.attempt import NO_CONTROL


def without_control_patterns(shape: Any) -> Any:
    """The type with every ``Meta(pattern=NO_CONTROL)`` in it taken out; the type itself where there is none."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        return _struct(shape)
    origin, parts = get_origin(shape), get_args(shape)
    if origin is Annotated:
        return _annotated(parts[0], parts[1:])
    if origin is Union or origin is UnionType:
        return Union[tuple(without_control_patterns(part) for part in parts)]  # noqa: UP007  # built at run time
    if origin in (dict, list, tuple):
        return origin[tuple(part if part is ... else without_control_patterns(part) for part in parts)]
    return shape


def _annotated(inner: Any, metas: tuple[Any, ...]) -> Any:
    found = without_control_patterns(inner)
    for meta in metas:
        if isinstance(meta, msgspec.Meta) and meta.pattern == NO_CONTROL:
            meta = msgspec.Meta(min_length=meta.min_length, max_length=meta.max_length)
        found = Annotated[found, meta]
    return found


@cache
def _struct(shape: type[msgspec.Struct]) -> Any:
    hints = get_type_hints(shape, include_extras=True)
    fields: list[Any] = []
    for field in msgspec.structs.fields(shape):
        hint = without_control_patterns(hints[field.name])
        if hint == hints[field.name]:
            continue
        if field.default_factory is not msgspec.NODEFAULT:
            default: Any = msgspec.field(default_factory=field.default_factory)
        else:
            default = msgspec.field(default=field.default)
        fields.append((field.name, hint, default))
    if not fields:
        return shape
    return msgspec.defstruct(shape.__name__, fields, bases=(shape,), kw_only=True)


def spelling_defaults(shape: Any) -> set[str]:
    """The names of the structs in a type that are encoded with their defaults spelled out."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        found = set() if shape.__struct_config__.omit_defaults else {shape.__name__}
        return found.union(*map(spelling_defaults, get_type_hints(shape, include_extras=True).values()))
    return set[str]().union(*map(spelling_defaults, get_args(shape)))
