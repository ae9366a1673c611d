"""What `load` raises when a data set that lies outside the package cannot be had."""


class DatasetUnavailable(RuntimeError):  # noqa: N818 (a state, not a mistake)
    """The data set is neither on this machine nor can be fetched now; the message has the cure."""


class DatasetDamaged(DatasetUnavailable):
    """A prepared folder is incomplete or unreadable; the message names the folder to delete."""
