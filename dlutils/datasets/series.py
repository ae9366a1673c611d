"""Real time series that Matplotlib ships: an electroencephalogram and stock prices."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlutils.datasets.errors import DatasetDamaged, DatasetUnavailable
from dlutils.datasets.provenance import Provenance, Summary

HELD_OUT = 5  # one in so many values
SPLIT = "The last fifth in time is held out, nothing is shuffled."
SECONDS, SAMPLES = 10, 800
ELECTRODES = ("PG3", "PG5", "PG7", "PG9")
COMPANIES = {"IBM": "IBM", "AAPL": "Apple", "MSFT": "Microsoft", "XRX": "Xerox", "ADBE": "Adobe"}
MONTHS = np.arange("1990-01", "2022-06", dtype="datetime64[M]").astype("datetime64[D]")


@dataclass(frozen=True, eq=False, repr=False)
class Series(Summary):
    """Time series side by side, in time order.

    values: float64 (n, series), in `unit`. times: (n,), float64 seconds or datetime64[D]. names:
    of the series, as str.

    >>> from dlutils import datasets
    >>> eeg = datasets.load("eeg")
    >>> eeg.values.shape, eeg.train.shape, eeg.test.shape, eeg.names
    ((800, 4), (640, 4), (160, 4), ('PG3', 'PG5', 'PG7', 'PG9'))
    """

    values: np.ndarray
    times: np.ndarray
    names: tuple[str, ...]
    unit: str
    provenance: Provenance

    @property
    def train(self):
        """The values up to the last fifth: a view (n_train, series); its times lead `times`."""
        return self.values[: _cut(self.values)]

    @property
    def test(self):
        """The last fifth of the values: a view (n_test, series); its times end `times`."""
        return self.values[_cut(self.values) :]


def load_eeg():
    """Ten seconds of an electroencephalogram at four electrodes, 80 values a second.

    Each electrode's values have mean 0 and a standard deviation of 1: Matplotlib, whose sample
    file `eeg.dat` this is, states no unit. Times are in seconds. Raises DatasetUnavailable and
    DatasetDamaged.

    >>> from dlutils import datasets
    >>> eeg = datasets.load("eeg")
    >>> eeg.times[:3].tolist(), eeg.unit
    ([0.0, 0.0125, 0.025], 'standard deviations')
    """
    data = _sample_file("eeg", "eeg.dat").read_bytes()
    if len(data) != SAMPLES * len(ELECTRODES) * 8:
        raise _damaged("eeg", "eeg.dat", f"{len(data):,} bytes long instead of 25,600")
    values = np.frombuffer(data, "<f8").reshape(SAMPLES, len(ELECTRODES)).astype("float64")
    return Series(
        values,
        np.arange(SAMPLES) * SECONDS / SAMPLES,
        ELECTRODES,
        "standard deviations",
        _provenance("eeg", "eeg.dat as shipped with Matplotlib, no recorder named", values),
    )


def load_stocks():
    """Monthly share prices of five companies, January 1990 to May 2022, in US dollars.

    The companies are those that Matplotlib's sample file `Stocks.csv` has for all these months;
    later splits and dividends have been divided out. Times are the first days of the months,
    prices those at their ends. Left out: companies that came later, the two indices, which are no
    dollars, and June 2022, which had not ended. Raises DatasetUnavailable and DatasetDamaged.

    >>> from dlutils import datasets
    >>> stocks = datasets.load("stocks")
    >>> stocks.values.shape, stocks.times[[0, -1]].astype(str).tolist()
    ((389, 5), ['1990-01-01', '2022-05-01'])
    """
    values = _prices(_sample_file("stocks", "Stocks.csv"))
    return Series(
        values,
        MONTHS.copy(),
        tuple(COMPANIES.values()),
        "US dollars",
        _provenance("stocks", "Yahoo Finance, in Stocks.csv as shipped with Matplotlib", values),
    )


def _prices(path):
    """Prices of COMPANIES at MONTHS; other rows are dividends or the day of the download."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = (r for r in csv.reader(file) if r and not r[0].startswith("#"))
        columns = [header.index(ticker) for ticker in COMPANIES]
        found = {row[0]: row for row in rows}
        days = MONTHS.astype(str).tolist()
        return np.array([[float(found[day][column]) for column in columns] for day in days])
    except (csv.Error, IndexError, KeyError, ValueError) as error:
        how = f"unreadable ({type(error).__name__}: {error})"
        raise _damaged("stocks", "Stocks.csv", how) from None


def _cut(values):
    return len(values) - len(values) // HELD_OUT


def _provenance(name, source, values):
    cut = _cut(values)
    return Provenance(
        name=name,
        source=source,
        licence="none stated",
        kind="real",
        counts={"train": cut, "test": len(values) - cut},
        split=SPLIT,
    )


def _sample_file(name, file):
    """The Path of one of Matplotlib's sample files."""
    import matplotlib

    path = Path(matplotlib.get_data_path(), "sample_data", file)
    if not path.is_file():
        raise DatasetUnavailable(
            f"load({name!r}): the data are Matplotlib's sample file {file}, but there is none at "
            f"{path}; install Matplotlib anew with pip install --force-reinstall matplotlib."
        )
    return path


def _damaged(name, file, how):
    return DatasetDamaged(
        f"load({name!r}): Matplotlib's sample file {file} is {how}, so its values cannot be "
        "trusted; install Matplotlib anew with pip install --force-reinstall matplotlib."
    )
