"""How far generated samples are from real ones: Fréchet and kernel distance of features."""

from typing import NamedTuple

import numpy as np

from .valid import pair

CHUNK = 1000  # rows of a kernel matrix held at a time


def frechet(real, generated):
    """Fréchet distance between Gaussians fitted to real and to generated features.

    real, generated: (n, d) and (m, d), at least two rows each. Returns
    |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½), at least 0, in squared units of the features (FID where
    they are Inception's). It is defined for fewer samples than features too, but falls as samples
    are added, also between equal distributions: compare at equal n only (`floor`). Raises
    ValueError for features of different widths, too few samples and NaN. Source: Dowson & Landau
    1982 (J. Multivariate Analysis 12); Heusel et al. 2017 (arXiv 1706.08500).

    >>> real = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> round(frechet(real, real + [3, 4]), 6)
    25.0
    """
    real, generated = pair(real, generated)
    apart = real.mean(0) - generated.mean(0)
    one, other = _root(real), _root(generated)
    # With Σ = RᵀR, the eigenvalues of Σ₁Σ₂ are the squared singular values of R₁R₂ᵀ: no root of a
    # rounded eigenvalue is taken, so singular covariances lose no digits and nothing is complex.
    shared = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return max(0.0, float(apart @ apart + (one**2).sum() + (other**2).sum() - 2 * shared))


def _root(x):
    """R with RᵀR the sample covariance of x, of at most d rows."""
    return np.linalg.qr((x - x.mean(0)) / np.sqrt(len(x) - 1), mode="r")


class KernelDistance(NamedTuple):
    """The squared maximum mean discrepancy and its standard error.

    >>> KernelDistance(0.5, 0.1).error
    0.1
    """

    value: float
    error: float


def kernel_distance(real, generated):
    """Unbiased squared maximum mean discrepancy under the cubic kernel (KID), with its error.

    real, generated: (n, d) and (m, d), at least three rows each. Returns KernelDistance(value,
    error). The kernel is (x·y / d + 1)³; value is the U-statistic over all pairs, whose expectation
    does not depend on n: around 0 between equal distributions, where it may be below. error is the
    delete-one jackknife's standard error, exact to first order and up to √2 too large where the
    distributions agree (it never errs on the small side on average: Efron & Stein 1981, Ann.
    Statist. 9). Raises ValueError as `frechet` does. Source: Bińkowski et al. 2018 (arXiv
    1801.01401), who take random blocks instead of the jackknife.

    >>> real = np.random.default_rng(0).normal(size=(200, 4))
    >>> apart = kernel_distance(real, real + 1)
    >>> apart.value > 5 * apart.error
    True
    """
    real, generated = pair(real, generated, least=3)
    n, m = len(real), len(generated)
    within, without = _others(real), _others(generated)
    across, back = _sums(real, generated)
    value = _statistic(within.sum(), without.sum(), across.sum(), n, m)
    # The statistic without one sample: its kernel values leave the sums, twice within a sample.
    left = _statistic(within.sum() - 2 * within, without.sum(), across.sum() - across, n - 1, m)
    right = _statistic(within.sum(), without.sum() - 2 * without, across.sum() - back, n, m - 1)
    variance = (n - 1) * left.var() + (m - 1) * right.var()
    return KernelDistance(float(value), float(np.sqrt(variance)))


def _statistic(within, without, across, n, m):
    return within / (n * (n - 1)) + without / (m * (m - 1)) - 2 * across / (n * m)


def _others(x):
    """For each sample, the sum of its kernel with all others."""
    itself = ((x * x).sum(1) / x.shape[1] + 1) ** 3
    return _sums(x, x)[0] - itself


def _sums(x, y):
    """Sums of the kernel matrix of x and y over its rows and over its columns."""
    rows, columns = np.empty(len(x)), np.zeros(len(y))
    for i in range(0, len(x), CHUNK):
        kernel = x[i : i + CHUNK] @ y.T
        kernel /= x.shape[1]
        kernel += 1
        kernel *= kernel * kernel
        rows[i : i + CHUNK] = kernel.sum(1)
        columns += kernel.sum(0)
    return rows, columns
