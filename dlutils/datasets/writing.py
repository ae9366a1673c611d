"""Days in words: the formats in which `dates` writes them."""

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
FIRST_YEAR, LAST_YEAR = 1900, 2099
# No year of two digits, and no month as a number beside a day as a number: 3/4/87 is two days.
TEMPLATES = (
    "{d} {month} {y}",
    "{dd} {month} {y}",
    "{month} {d}, {y}",
    "{month} {th}, {y}",
    "{th} {month} {y}",
    "the {th} of {month} {y}",
    "{weekday}, {d} {month} {y}",
    "{weekday}, {month} {d}, {y}",
    "{weekday}, the {th} of {month} {y}",
    "{wd}, {d} {mon} {y}",
    "{d} {mon} {y}",
    "{mon} {d} {y}",
    "{dd} {MON} {y}",
    "{dd}-{mon}-{y}",
    "{y} {month} {d}",
    "{d}.{roman}.{y}",
)


def _ordinal(day):
    teen = 11 <= day <= 13
    return f"{day}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


# What may stand for each field of a template; written out here, since strftime asks the locale.
_DAYS = range(1, 32)
WORDS = {
    "d": tuple(str(day) for day in _DAYS),
    "dd": tuple(f"{day:02}" for day in _DAYS),
    "th": tuple(_ordinal(day) for day in _DAYS),
    "month": MONTHS,
    "mon": tuple(month[:3] for month in MONTHS),
    "MON": tuple(month[:3].upper() for month in MONTHS),
    "roman": ROMAN,
    "weekday": WEEKDAYS,
    "wd": tuple(weekday[:3] for weekday in WEEKDAYS),
    "y": tuple(str(year) for year in range(FIRST_YEAR, LAST_YEAR + 1)),
}
WIDTH = max(  # of the longest date there is, in characters
    len(template.format(**{field: max(words, key=len) for field, words in WORDS.items()}))
    for template in TEMPLATES
)
CHARACTERS = frozenset(  # of all dates that can be written, and of ISO's
    "-0123456789"
    + "".join(
        template.format(**{field: "".join(words) for field, words in WORDS.items()})
        for template in TEMPLATES
    )
)


def write(day, template):
    """A datetime.date in one of TEMPLATES.

    >>> import datetime
    >>> write(datetime.date(1987, 3, 3), "{weekday}, the {th} of {month} {y}")
    'Tuesday, the 3rd of March 1987'
    """
    index = dict.fromkeys(("d", "dd", "th"), day.day - 1)
    index |= dict.fromkeys(("month", "mon", "MON", "roman"), day.month - 1)
    index |= dict.fromkeys(("weekday", "wd"), day.weekday()) | {"y": day.year - FIRST_YEAR}
    return template.format(**{field: words[index[field]] for field, words in WORDS.items()})
