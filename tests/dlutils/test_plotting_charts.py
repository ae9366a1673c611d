"""What charts draw: lines, bands, dots, bars and counts, read from the figure's artists."""

from types import SimpleNamespace

import numpy as np
import pytest

from dlutils import plotting

RNG = np.random.default_rng(7)


def lines(figure):
    return [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]


def bands(figure):
    """(lower, upper) edge of every band at its points."""
    found = []
    for band in figure.axes[0].collections:
        vertices = band.get_paths()[0].vertices
        n = (len(vertices) - 3) // 2
        found.append((vertices[1 : n + 1, 1], vertices[n + 2 : 2 * n + 2, 1][::-1]))
    return found


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


# Training


HISTORY = {"accuracy": [0.5, 0.7, 0.8], "val_accuracy": [0.4, 0.6, 0.65], "loss": [3, 2, 1.0]}


@pytest.mark.parametrize("wrap", [dict, lambda h: SimpleNamespace(history=h), lambda h: [h]])
def test_history_takes_what_fit_returns_its_dict_or_a_list(wrap):
    training, validation = lines(plotting.history(wrap(HISTORY)))
    assert list(training.get_xdata()) == [1, 2, 3]
    assert list(training.get_ydata()) == HISTORY["accuracy"]
    assert list(validation.get_ydata()) == HISTORY["val_accuracy"]
    assert training.get_linestyle() == "--"
    assert validation.get_linestyle() == "-"
    assert training.get_color() == validation.get_color()


def test_history_names_axes_runs_and_bar():
    figure = plotting.history({"plain": HISTORY, "deep": HISTORY}, bar=0.75, title="Depth")
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "accuracy")
    assert [t.get_text() for t in ax.texts] == ["plain", "deep"]
    assert legend(figure) == ["training", "validation", "bar 0.75"]
    assert any(list(line.get_ydata()) == [0.75, 0.75] for line in ax.lines)
    assert figure.get_suptitle() == "Depth"


def test_history_draws_mean_and_sample_deviation_up_to_the_last_common_epoch():
    runs = [{"loss": list(RNG.random(n))} for n in (5, 4, 6)]
    figure = plotting.history({"three": runs}, metric="loss")
    stack = np.stack([run["loss"][:4] for run in runs])
    (mean,) = lines(figure)
    np.testing.assert_allclose(mean.get_ydata(), stack.mean(0))
    ((low, high),) = bands(figure)
    np.testing.assert_allclose((high - low) / 2, np.std(stack, axis=0, ddof=1))
    np.testing.assert_allclose((high + low) / 2, stack.mean(0))
    assert legend(figure) == ["training", "mean ± std of 3 runs"]


def test_history_says_which_metrics_were_recorded():
    with pytest.raises(ValueError, match=r"no metric 'f1', but recorded accuracy, val_accuracy, l"):
        plotting.history(HISTORY, metric="f1")


def test_curves_draws_means_bands_and_logarithmic_axes():
    x, y = np.array([1, 10, 100, 1000]), RNG.random((5, 4)) + 1
    figure = plotting.curves(x, {"a": y, "b": y[0]}, "step", "loss", xscale="log")
    first, second = lines(figure)
    np.testing.assert_allclose(first.get_ydata(), y.mean(0))
    np.testing.assert_allclose(second.get_ydata(), y[0])
    ((low, high),) = bands(figure)
    np.testing.assert_allclose(high - low, 2 * y.std(0, ddof=1))
    assert figure.axes[0].get_xscale() == "log"
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert {"1", "10", "100", "1,000"} <= set(labels)


def test_seven_lines_differ_in_colour_dashes_and_marker():
    figure = plotting.curves([0, 1, 2], {str(i): [i, i, i] for i in range(7)}, "x", "y")
    drawn = lines(figure)
    assert len({line.get_color() for line in drawn}) == 7
    assert len({line.get_marker() for line in drawn}) == 7
    assert len({str(line._unscaled_dash_pattern) for line in drawn}) == 7


def test_names_at_lines_that_end_together_stand_apart_in_order():
    series = {f"n{i}": [0, 0, 0.5 + 1e-6 * i] for i in range(6)}
    figure = plotting.curves([0, 1, 2], series, "x", "y")
    heights = [text.xyann[1] for text in figure.axes[0].texts]
    assert min(np.diff(heights)) > 0.03


# Results


def test_spread_draws_a_dot_for_each_seed_and_a_tick_at_the_mean_in_percent():
    values = {"mlp": [0.8, 0.85, 0.9], "cnn": [0.99]}
    figure = plotting.spread(values, "test accuracy", bar=0.9)
    ax = figure.axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots[0].get_xdata(), [80, 85, 90])
    np.testing.assert_allclose(dots[1].get_xdata(), [99])
    means = [line.get_xdata()[0] for line in ax.lines if line.get_color() == plotting.PALETTE[1]]
    np.testing.assert_allclose(means, [85, 99])
    assert [t.get_text() for t in ax.texts] == ["85.0 %", "99.0 %", "mean"]
    assert ax.get_xlabel() == "test accuracy (%)"
    assert legend(figure) == ["one run", "mean", "bar 90 %"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["mlp", "cnn"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first name on top


def test_spread_takes_other_quantities_and_single_numbers():
    figure = plotting.spread({"a": 12.5}, "seconds", percent=False)
    assert [t.get_text() for t in figure.axes[0].texts] == ["12.5", "mean"]


def test_a_bar_may_have_a_name():
    at = {"the floor": 0.5}
    marked = {
        "the floor (0.5)": [
            plotting.curves([1, 2], {"a": [1, 2]}, "x", "y", bar=at),
            plotting.distribution({"a": [0, 1, 1]}, 3, "x", bar=at),
            plotting.history(HISTORY, bar=at),
        ],
        "the floor (50 %)": [
            plotting.spread({"a": [0.25, 0.75]}, bar=at),
            plotting.bars({"a": 0.25}, "share", bar=at, percent=True),
        ],
    }
    for text, figures in marked.items():
        assert [legend(f)[-1] for f in figures] == [text] * len(figures)


def test_bars_start_at_zero_and_write_value_and_error():
    figure = plotting.bars({"a": 0.25, "b": 0.5}, "share", {"a": 0.05, "b": 0.1}, percent=True)
    ax = figure.axes[0]
    assert [(p.get_x(), p.get_width()) for p in ax.patches] == [(0, 25), (0, 50)]
    assert ax.get_xlim()[0] == 0
    assert [t.get_text() for t in ax.texts] == ["25.0 ± 5.0 %", "50.0 ± 10.0 %"]
    assert [t.get_text() for t in plotting.bars({"a": 78500}, "weights").axes[0].texts] == [
        "78,500"
    ]


def test_confusion_counts_rows_as_truth_and_colours_right_and_wrong():
    figure = plotting.confusion([0, 0, 0, 1, 2, 2, 2], [0, 0, 1, 1, 2, 0, 0], ("a", "b", "c"))
    ax = figure.axes[0]
    found = {(*t.get_position()[::-1],): t.get_text() for t in ax.texts}
    assert found == {(0, 0): "2", (0, 1): "1", (1, 1): "1", (2, 2): "1", (2, 0): "2"}
    assert "4 of 7 right" in figure.get_suptitle()
    colours = ax.images[0].get_array()
    assert colours[0, 0, 2] > colours[0, 0, 0]  # blue
    assert colours[2, 0, 0] > colours[2, 0, 2]  # orange
    assert colours[0, 2].tolist() == [1, 1, 1]
    assert "c taken for a" in figure.alt
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_confusion_keeps_classes_that_do_not_occur():
    figure = plotting.confusion([0], [0], ("a", "b", "c"))
    assert figure.axes[0].images[0].get_array().shape == (3, 3, 3)


def test_a_table_writes_every_entry_under_its_head_without_overlap():
    rows = {"one": ["1.25", "0.5 ± 0.1", "–"], "a longer name": ["3", "4", "12,345"]}
    figure = plotting.table(rows, ["Fréchet distance", "kernel", "weights"], "A table")
    figure.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in figure.texts]
    assert {t for t, _ in boxes} >= {"one", "1.25", "0.5 ± 0.1", "a longer name", "12,345"}
    for i, (text, box) in enumerate(boxes):
        assert not any(box.overlaps(other) for _, other in boxes[i + 1 :]), text
