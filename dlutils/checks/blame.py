"""Which of the learner's own lines an exception comes from."""

import linecache
import traceback


def root(error, namespace):
    """The notebook's own exception inside one that a library made of it, else the error itself.

    Keras on JAX turns whatever a layer's `call` raises into "Unable to build the model".
    """
    for _ in range(10):  # a chain may be a ring
        inner = error.__cause__ or error.__context__
        if raised_by_own(error, namespace) or inner is None or not _own(inner, namespace):
            return error
        error = inner
    return error


def raised_by_own(error, namespace):
    """Whether the notebook's own code raised it, and not a library that the code called."""
    frames = _frames(error)
    return bool(frames) and frames[-1][0].f_globals is namespace


def is_blank(error, namespace):
    """Whether it is the NotImplementedError of an exercise that is not written yet.

    TensorFlow has one of its own, for NumPy on its tensors, and Keras cuts TensorFlow's frames off
    its traceback: so the deepest line must be the notebook's, and one that says `raise`.
    """
    if not isinstance(error, NotImplementedError) or not raised_by_own(error, namespace):
        return False
    frame, number = _frames(error)[-1]
    line = linecache.getline(frame.f_code.co_filename, number)
    return "raise" in line or not line.strip()  # a cell whose text is not at hand


def own_line(error, namespace, function=None):
    """The notebook's deepest line in an exception's traceback, in words, or "".

    namespace: the globals of the notebook, by which its frames are told from a library's.
    function: the function that was asked; a line from another cell says which cell that is.
    """
    own = _own(error, namespace)
    if not own:
        return ""
    file, number = own[-1][0].f_code.co_filename, own[-1][1]
    text = linecache.getline(file, number).strip()
    asked = getattr(getattr(function, "__code__", None), "co_filename", file)
    words = f"your line {number}" if file == asked else f"line {number}{_cell(file)}"
    return words + (f": `{text[:120]}`" if text else "")


def _frames(error):
    return list(traceback.walk_tb(error.__traceback__))


def _own(error, namespace):
    return [pair for pair in _frames(error) if pair[0].f_globals is namespace]


def _cell(file):
    first = next((line.strip() for line in linecache.getlines(file) if line.strip()), "")
    return f" of the cell that begins `{first[:60]}`" if first else ""


def in_words(error, limit=500):
    r"""Type and message of an exception on one line, however long or hostile its message is.

    >>> in_words(ValueError("two\nlines"))
    'ValueError: two lines'
    """
    try:
        message = one_line(str(error), limit)
    except BaseException:  # a learner's exception may fail to print itself
        message = ""
    return one_line(type(error).__name__, 60) + (f": {message}" if message else "")


def one_line(text, limit=500):
    r"""Text without line breaks and control characters, cut to a number of characters.

    >>> one_line("a\x1b[1m  b\n", limit=20)
    'a b'
    """
    start = text[: 4 * limit].replace("\x1b[1m", "").replace("\x1b[0m", "")  # Keras prints in bold
    text = " ".join("".join(c if c.isprintable() else " " for c in start).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
