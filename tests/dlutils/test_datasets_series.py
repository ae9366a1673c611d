"""The series that Matplotlib ships, compared with its files as NumPy reads them."""

import doctest
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from dlutils import datasets
from dlutils.datasets import DatasetDamaged, DatasetUnavailable, series

SAMPLES = Path(matplotlib.get_data_path(), "sample_data")
FILES = {"eeg": "eeg.dat", "stocks": "Stocks.csv"}


@pytest.fixture(params=FILES)
def name(request):
    return request.param


@pytest.fixture
def copies(monkeypatch, tmp_path):
    """A folder of copied sample files that stands in for Matplotlib's."""
    folder = tmp_path / "sample_data"
    folder.mkdir()
    for file in FILES.values():
        shutil.copy(SAMPLES / file, folder)
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    return folder


def test_the_eeg_is_matplotlibs_file_over_ten_seconds():
    eeg = datasets.load("eeg")
    whole = np.fromfile(SAMPLES / "eeg.dat", dtype="<f8").reshape(800, 4)
    np.testing.assert_array_equal(eeg.values, whole)
    np.testing.assert_allclose(eeg.times, np.linspace(0, 10, 800, endpoint=False), rtol=1e-12)
    assert eeg.values.dtype == eeg.times.dtype == np.float64
    assert eeg.names == ("PG3", "PG5", "PG7", "PG9")


def test_the_eegs_unit_is_each_electrodes_own_standard_deviation():
    eeg = datasets.load("eeg")
    assert eeg.unit == "standard deviations"
    np.testing.assert_allclose(eeg.values.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(eeg.values.std(0, ddof=1), 1, atol=2e-3)


def test_the_stocks_are_the_complete_company_columns_of_matplotlibs_file():
    stocks = datasets.load("stocks")
    table = np.genfromtxt(
        SAMPLES / "Stocks.csv",
        delimiter=",",
        names=True,
        skip_header=1,
        dtype=None,
        encoding="utf8",
    )
    monthly = [k for k, day in enumerate(table["Date"]) if day.endswith("-01")][:-1]
    complete = [n for n in table.dtype.names[1:] if np.isfinite(table[n][monthly]).all()]
    assert complete == ["IBM", "AAPL", "MSFT", "XRX", "ADBE", "GSPC", "IXIC"]
    for column, ticker in zip(stocks.values.T, complete[:5], strict=True):
        np.testing.assert_array_equal(column, table[ticker][monthly])
    assert stocks.times.astype(str).tolist() == table["Date"][monthly].tolist()
    assert stocks.names == ("IBM", "Apple", "Microsoft", "Xerox", "Adobe")
    assert stocks.unit == "US dollars"


def test_the_stocks_have_a_positive_price_for_every_month_in_order():
    stocks = datasets.load("stocks")
    assert stocks.times.dtype == np.dtype("datetime64[D]")
    months = np.arange("1990-01", "2022-06", dtype="datetime64[M]")
    np.testing.assert_array_equal(stocks.times, months.astype("datetime64[D]"))
    assert stocks.values.shape == (389, 5)
    assert stocks.values.dtype == np.float64
    assert stocks.values.min() > 0


def test_the_last_fifth_is_held_out_in_views_that_join_to_the_whole(name):
    data = datasets.load(name)
    np.testing.assert_array_equal(np.concatenate([data.train, data.test]), data.values)
    assert len(data.test) == len(data.values) // 5
    assert np.shares_memory(data.train, data.values)
    assert np.shares_memory(data.test, data.values)
    assert data.provenance.counts == {"train": len(data.train), "test": len(data.test)}
    assert len(data.times) == len(data.values)
    assert len(data.names) == data.values.shape[1]


def test_loading_twice_gives_equal_values_that_can_be_written_to(name):
    first, second = datasets.load(name), datasets.load(name)
    np.testing.assert_array_equal(first.values, second.values)
    first.values[0, 0] = -7
    first.times[0] = first.times[-1]
    assert second.values[0, 0] != -7
    assert second.times[0] == datasets.load(name).times[0] < first.times[0]


def test_provenance_names_matplotlibs_file_and_no_licence_where_none_is_stated(name):
    provenance = datasets.load(name).provenance
    assert FILES[name] in provenance.source
    assert "Matplotlib" in provenance.source
    assert (provenance.licence, provenance.kind) == ("none stated", "real")
    assert len(repr(datasets.load(name))) < 800


def test_a_missing_sample_file_is_told_with_its_place_and_the_cure(name, copies):
    (copies / FILES[name]).unlink()
    with pytest.raises(DatasetUnavailable, match="--force-reinstall matplotlib") as caught:
        datasets.load(name)
    assert f"load({name!r}): " in str(caught.value)
    assert str(copies / FILES[name]) in str(caught.value)
    assert not isinstance(caught.value, DatasetDamaged)


def test_a_file_cut_short_is_refused_rather_than_loaded_in_part(copies):
    whole = (copies / "Stocks.csv").read_text().splitlines()
    (copies / "Stocks.csv").write_text("\n".join(whole[:-40]))
    with pytest.raises(DatasetDamaged, match=r"unreadable \(KeyError: '20"):
        datasets.load("stocks")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("eeg", b""),
        ("eeg", bytes(25_601)),
        ("stocks", b""),
        ("stocks", b"Date,IBM\n1990-01-01,1\n"),
        ("stocks", b"Date,IBM,AAPL,MSFT,XRX,ADBE\n"),
        ("stocks", b"Date,IBM,AAPL,MSFT,XRX,ADBE\n1990-01-01,1,2,,4,5\n"),
        ("stocks", b"Date,IBM,AAPL,MSFT,XRX,ADBE\n1990-99-01,1,2,3,4,5\n"),
        ("stocks", b"Date,IBM,AAPL,MSFT,XRX,ADBE\n1990-01-01,1,2\n"),
        ("stocks", b"\xff\xfe\x00"),
    ],
)
def test_a_damaged_sample_file_is_refused_with_the_cure(name, content, copies):
    (copies / FILES[name]).write_bytes(content)
    with pytest.raises(DatasetDamaged, match="--force-reinstall matplotlib") as caught:
        datasets.load(name)
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)


def test_series_take_no_options(name):
    assert datasets.options(name) == {}
    with pytest.raises(TypeError, match=f"{name} takes no options"):
        datasets.load(name, seed=0)


def test_the_examples_in_the_docstrings_run():
    result = doctest.testmod(series)
    assert result.attempted > 0
    assert result.failed == 0
