"""Whether an adapter, or its fake, takes the calls of a port; mypy checks the adapter's types."""

import inspect
from inspect import Parameter, Signature

OBJECT_METHODS = frozenset(dir(object))


def uncallable(adapter: type, port: type) -> list[str]:
    """The methods of a port that the adapter lacks, or that take other arguments there."""
    return [
        name
        for name in dir(port)
        if not name.startswith("_")
        and name not in OBJECT_METHODS
        and not _takes(getattr(adapter, name, None), inspect.signature(getattr(port, name)))
    ]


def _takes(method: object, call: Signature) -> bool:
    """Whether a method can be called with the arguments of a port's method."""
    if not callable(method):
        return False
    parameters = [p for p in call.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    positional = [p.name for p in parameters if p.kind is not Parameter.KEYWORD_ONLY]
    keywords = {p.name: None for p in parameters if p.kind is Parameter.KEYWORD_ONLY}
    try:
        inspect.signature(method).bind(*positional, **keywords)
    except TypeError:
        return False
    return True
