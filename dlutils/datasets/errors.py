"""What `load` raises when a data set that lies outside the package cannot be had."""


class DatasetUnavailable(RuntimeError):  # noqa: N818 (a state, not a mistake)
    """The data set is neither on this machine nor can be fetched now; the message has the cure.

    >>> from dlutils import datasets
    >>> try:
    ...     datasets.load("mnist", data_dir="/no/such/folder", download=False)
    ... except datasets.DatasetUnavailable as problem:
    ...     print(str(problem).split(",")[0])
    mnist is not prepared in /no/such/folder
    """


class DatasetDamaged(DatasetUnavailable):
    """A prepared folder is incomplete or unreadable; the message names the folder to delete.

    >>> from dlutils import datasets
    >>> issubclass(datasets.DatasetDamaged, datasets.DatasetUnavailable)
    True
    """
