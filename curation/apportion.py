"""Seats for strata, one after the other: a larger sample never takes a seat back."""

from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace


def seats(weights: Sequence[float], rooms: Sequence[int], count: int) -> list[int]:
    """Which stratum (its place in ``weights``) gets the first seat, the second, and so on; ``count`` seats at most.

    The next seat goes to the largest weight / (2 seats + 1), the divisors of Webster and Sainte-Laguë, which favour neither
    large nor small strata (Balinski and Young 1982); of equal ones to the first. None gets more seats than its room, none
    without weight gets any.

    >>> seats([5, 3, 1], [9, 9, 9], 6)
    [0, 1, 0, 0, 1, 2]
    """
    given = [0] * len(weights)
    turn = [(-weight, place) for place, weight in enumerate(weights) if weight > 0 and rooms[place] > 0]
    heapify(turn)
    found: list[int] = []
    while turn and len(found) < count:
        place = turn[0][1]
        found.append(place)
        given[place] += 1
        if given[place] < rooms[place]:
            heapreplace(turn, (-weights[place] / (2 * given[place] + 1), place))
        else:
            heappop(turn)
    return found
