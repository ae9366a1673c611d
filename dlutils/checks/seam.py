"""Where a check and the learner's code meet: a name and bytes go out, bytes come back."""

from dlutils.checks import codec
from dlutils.checks.blame import in_words, is_blank, one_line, own_line, root
from dlutils.checks.verdict import Failed, NotYet

_VALUE, _FAULT = b"V", b"F"


def ask(exercise, name, args):
    """What the function called `name` answers, decoded; raises `Failed` or `NotYet`.

    Raises `CodecError` where the check's own arguments cannot cross, which is the course's fault.
    """
    from dlutils import checks  # its `transport` may have been replaced since

    if not isinstance(name, str):
        raise TypeError(f"check.ask was given a {type(name).__name__}: give a function's name.")
    reply = checks.transport(name, codec.encode(list(args)))
    try:
        kind, content = reply[:1], codec.decode(reply[1:])
        if kind == _VALUE:
            return content
        fault, what, line = (one_line(content[key], 700) for key in ("fault", "what", "line"))
    except (codec.CodecError, TypeError, ValueError, LookupError, AttributeError):
        raise Failed(exercise, f"What {name} answered could not be read.") from None
    if fault == "blank":
        raise NotYet(exercise, name)
    raise Failed(exercise, what, line)


def answer(name, request, namespace):
    """The learner's half of the seam: call `namespace[name]` and put what comes of it in bytes.

    request: bytes from `ask`, decoded here, so that the function gets copies. The reply holds the
    value, or the fault: no such function, an exception with the learner's line, a value that cannot
    cross. KeyboardInterrupt is let through, and so is a `CodecError` for a request that is none.

    >>> reply = answer("double", codec.encode([21]), {"double": lambda x: 2 * x})
    >>> codec.decode(reply[1:])
    42
    """
    args = codec.decode(request)
    if name not in namespace:
        cure = "run the exercise cell (and the cells above it) first."
        return _fault("missing", f"There is no function called {name}: {cure}")
    function = namespace[name]
    if not callable(function):
        kind = type(function).__name__
        what = f"{name} is of type {kind}, not a function: was the name used for something else?"
        return _fault("uncallable", f"{what} Run the exercise cell again.")
    try:
        return _reply(name, function(*args))
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # SystemExit too: the notebook goes on
        problem = root(problem, namespace)
        line = own_line(problem, namespace, function)
        if is_blank(problem, namespace):
            return _fault("blank", f"{name} is not written yet.", line)
        return _fault("raised", f"{name} raised {in_words(problem)}", line)


def _reply(name, value):
    try:
        return _VALUE + codec.encode(value)
    except codec.CodecError as problem:
        return _fault("refused", f"{name} returned {problem}")


def _fault(fault, what, line=""):
    return _FAULT + codec.encode({"fault": fault, "what": what, "line": line})
