"""Moving things apart that would overlap."""

import math


def apart(wanted, sizes, low=-math.inf, high=math.inf):
    """Return centres as near as can be to `wanted`, in that order, whose sizes do not overlap.

    Least squares under the constraint: pool adjacent violators (Ayer et al. 1955), after taking off
    the room that comes before. What does not fit between `low` and `high` starts at `low`.
    """
    if not len(sizes):
        return []
    before = [sum(sizes[:i]) + sizes[i] / 2 for i in range(len(sizes))]
    pools = []  # [sum, count] of what stands together
    for centre, room in zip(wanted, before, strict=True):
        pools.append([centre - room, 1])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] > pools[-1][0] * pools[-2][1]:
            total, n = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += n
    free = [total / n for total, n in pools for _ in range(n)]
    last = high - sum(sizes)
    return [max(low, min(f, last)) + room for f, room in zip(free, before, strict=True)]
