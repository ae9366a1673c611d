"""Text that learners wrote, made safe for pages, terminals, XML and spreadsheets."""

import re

# Escape sequences of terminals (colours, titles, links), whole, so that no rest of them is shown.
# One that does not end on its line is not one: it would hide what stands after it.
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]?"
)
# Marks that make text run the other way, behind which a hint could say anything.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# What a spreadsheet takes for the beginning of a formula, its wide forms included. A semicolon
# counts as a beginning: a spreadsheet set to semicolons splits a table of commas there. A sign
# alone is none: Moodle's "-" is left as it is.
_FORMULA = re.compile("((?:^|;)[\\s\"']*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20\u2212].)")


def clean(text: object) -> str:
    """Text without escape sequences, marks of direction or control characters; lines stay."""
    text = str(text).encode("utf-8", "replace").decode("utf-8")
    text = _LINES.sub("\n", _BIDI.sub("", _ANSI.sub("", text)))
    return "".join(c if c == "\n" or c.isprintable() else " " for c in text)


def csv_cell(value: object) -> object:
    """A cell of a table: text on one line, an apostrophe before what could become a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return _FORMULA.sub(r"\1'", " ".join(clean(value).split("\n")))
