"""The inner loops of texts, tokens, phrases, MinHash and Jaccard, compiled by numba (extra ``fast``); numpy gives the same.

Imported by :func:`pairsmith.validators.compiled.kernels` alone. Compiled code is kept beside this file, or where that
cannot be written in the user's cache, so that it is compiled once a machine, not once a process.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[Any]

_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)
_ONE = np.uint64(1)

_F1, _F2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_S13, _S16 = np.uint32(13), np.uint32(16)
_THREE, _SEVEN = np.uint64(3), np.uint64(7)
_SIX, _REST = np.uint32(6), np.uint32(0x3F)  # what each byte after the first holds of a code point in UTF-8
_CODES, _S11, _HALVES = np.uint32(0x110000), np.uint32(11), np.uint32(0xD800 >> 11)  # of surrogate pairs
_LEAST = np.array([0, 0x80, 0x800, 0x10000], np.uint32)  # code point that takes so many more bytes
_LOW = np.uint64(0xFFFFFFFF)


def _compiled(function: Callable[..., Any]) -> Any:
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no place for a cache: a read-only installation without a home directory
        return numba.njit(nogil=True)(function)


@_compiled
def _mixed(value: Any) -> Any:
    value = (value ^ (value >> _S30)) * _M1
    value = (value ^ (value >> _S27)) * _M2
    return value ^ (value >> _S31)


@_compiled
def decode(data: _Array, limits: _Array) -> tuple[_Array, _Array]:
    """Code points and starts of the texts ``data[limits[i]:limits[i + 1]]``: see ``characters.decoded``.

    :class:`ValueError` where Python says that they are not UTF-8.
    """
    codes = np.empty(limits[-1] - limits[0] + len(limits) - 1, np.uint32)
    starts = np.zeros(len(limits), np.int64)
    end = np.uint64(0)
    for text in range(len(limits) - 1):
        part = data[limits[text] : limits[text + 1]]
        place, size = np.uint64(0), np.uint64(len(part))
        while place < size:
            code = np.uint32(part[place])
            place += _ONE
            if code >= 0x80:
                more = _ONE + np.uint64(code >= 0xE0) + np.uint64(code >= 0xF0)
                sound = 0xC0 <= code < 0xF8 and place + more <= size
                code &= np.uint32(0x3F) >> np.uint32(more)
                for _ in range(more if sound else np.uint64(0)):
                    byte = np.uint32(part[place])
                    sound &= byte >> _SIX == 2
                    code = code << _SIX | byte & _REST
                    place += _ONE
                if not sound or code < _LEAST[more] or code >= _CODES or code >> _S11 == _HALVES:
                    raise ValueError("a text is not UTF-8")
            codes[end] = code
            end += _ONE
        codes[end] = 10  # a line break
        end += _ONE
        starts[text + 1] = end
    return codes[:end], starts


@_compiled
def fold(codes: _Array, starts: _Array, table: tuple[_Array, ...], space: int) -> tuple[_Array, _Array, _Array]:
    """See ``folding.fold_characters``; bits of conduct are those of ``folding``."""
    single, folded, begins, counts, conduct, orders = table
    room = len(codes)
    for code in codes:
        if single[code] == 0:
            room += counts[code]
    found = np.empty(room, np.uint32)
    limits = np.zeros(len(starts), np.int64)
    alone = np.ones(len(starts) - 1, np.bool_)
    end = 0
    for text in range(len(starts) - 1):
        blank, before, letter = True, np.uint32(10), np.uint32(10)
        last = starts[text + 1] - 1
        for code in codes[starts[text] : last]:
            char = single[code]
            if char:  # nearly always
                letter = code
                if char != space or not blank:
                    found[end] = char
                    end += 1
                blank = char == space
            else:
                mine, first = conduct[code], orders[code] & 0xFF
                if first == 0:
                    letter = code
                joins = (mine & 2 and conduct[before] & 4) or (mine & 8 and conduct[letter] & 16)
                if mine & 1 or joins or 0 < first < orders[before] >> 8:
                    alone[text] = False
                    break
                for step in range(counts[code]):
                    char = folded[begins[code] + step]
                    if char != space or not blank:
                        found[end] = char
                        end += 1
                    blank = char == space
            before = code
        if not alone[text]:
            end = limits[text]
        elif end > limits[text] and found[end - 1] == space:
            end -= 1
        found[end] = codes[last]  # the line break
        end += 1
        limits[text + 1] = end
    return found[:end], limits, alone


@_compiled
def digests(codes: _Array, starts: _Array, powers: tuple[_Array, _Array]) -> _Array:
    """See ``digests.digests``. ``powers``: of both bases, as many as the longest text has characters."""
    first, second = powers
    found = np.empty((len(starts) - 1, 2), np.uint64)
    for text in range(len(starts) - 1):
        part = codes[starts[text] : starts[text + 1]]
        one, two = np.uint64(0), np.uint64(0)
        for place in range(len(part)):
            code = np.uint64(part[place])
            one += code * first[place]
            two += code * second[place]
        found[text, 0], found[text, 1] = _mixed(one), _mixed(two)
    return found


@_compiled
def cut(
    codes: _Array, limits: _Array, kinds: _Array, bits: tuple[int, int, int], weights: _Array, base: Any
) -> tuple[_Array, _Array, _Array, _Array]:
    """Token hashes, kinds of their first characters, tokens and words of each text: see ``tokens._cut``."""
    spaced, extends, unspaced = bits
    hashes = np.empty(len(codes), np.uint64)
    firsts = np.empty(len(codes), np.uint8)
    counts = np.empty(len(limits) - 1, np.int64)
    words = np.empty(len(limits) - 1)
    found = 0
    for text in range(len(limits) - 1):
        before, place, end = found, limits[text], limits[text + 1]
        total = 0.0
        while place < end:
            kind = kinds[codes[place]]
            follows = extends if kind & unspaced else spaced
            if not kind & (unspaced | spaced):
                place += 1
                continue
            firsts[found] = kind
            total += weights[kind]
            value, power = np.uint64(0), base
            while True:
                value += (np.uint64(codes[place]) + _ONE) * power
                power *= base
                place += 1
                more = kinds[codes[place]]  # there is one: a line break ends each text
                if not more & follows or more & unspaced:
                    break
            hashes[found] = _mixed(value)
            found += 1
        counts[text], words[text] = found - before, total
    return hashes[:found].copy(), firsts[:found].copy(), counts, words


@_compiled
def runs(hashes: _Array, begins: _Array, starts: _Array, size: int, base: Any) -> _Array:
    """Hashes of the runs of ``size`` tokens: of text ``i`` from ``begins[i]``, to ``found[starts[i]:starts[i + 1]]``."""
    found = np.empty(starts[-1], np.uint64)
    for text in range(len(begins)):
        values = found[starts[text] : starts[text + 1]]
        values[:] = np.uint64(size)
        for step in range(size):  # token by token, so that processors do several runs at once
            heads = hashes[begins[text] + step : begins[text] + step + len(values)]
            for place in range(len(values)):
                values[place] = values[place] * base + np.uint64(heads[place])
        for place in range(len(values)):
            values[place] = _mixed(values[place])
    return found


@_compiled
def _spread(value: Any) -> Any:
    value = np.uint32(value)
    value = np.uint32((value ^ (value >> _S16)) * _F1)
    value = np.uint32((value ^ (value >> _S13)) * _F2)
    return np.uint32(value ^ (value >> _S16))


@_compiled
def signatures(hashes: _Array, starts: _Array, factors: _Array, addends: _Array) -> _Array:
    """Least ``factor * hash + addend`` of each text for each slot, all in 32 bits; hashes are spread as in ``minhash``.

    Four hashes at once, so that a slot is read and written once for them; at the end of a text the last one several times.
    """
    slots = len(factors)
    found = np.full((len(starts) - 1, slots), np.uint32(0xFFFFFFFF), np.uint32)
    for text in range(len(starts) - 1):
        least, last = found[text], starts[text + 1] - 1
        for place in range(starts[text], starts[text + 1], 4):
            one, two = _spread(hashes[place]), _spread(hashes[min(place + 1, last)])
            three, four = _spread(hashes[min(place + 2, last)]), _spread(hashes[min(place + 3, last)])
            for slot in range(slots):
                factor, addend = factors[slot], addends[slot]
                first = min(np.uint32(one * factor + addend), np.uint32(two * factor + addend))
                second = min(np.uint32(three * factor + addend), np.uint32(four * factor + addend))
                least[slot] = min(least[slot], first, second)
    return found


@_compiled
def shared(values: _Array, starts: _Array, left: _Array, right: _Array) -> _Array:
    """How many values two of the sets have in common, for each pair."""
    found = np.zeros(len(left), np.int64)
    for pair in range(len(left)):
        one, one_end = starts[left[pair]], starts[left[pair] + 1]
        two, two_end = starts[right[pair]], starts[right[pair] + 1]
        while one < one_end and two < two_end:
            first, second = values[one], values[two]
            found[pair] += first == second
            one += first <= second
            two += second <= first
    return found


@_compiled
def spotted(
    codes: _Array,
    starts: _Array,
    languages: _Array,
    wanted: _Array,
    table: tuple[_Array, ...],
    factors: _Array,
    shift: int,
    found: _Array,
) -> None:
    """Sets ``found`` (texts, kinds) where a needle of the table stands in a text: see ``spotting._Table``."""
    used, masks, first, lengths, offsets, own, kinds, needles = table
    for text in range(len(starts) - 1):
        for place in range(starts[text], starts[text + 1]):
            mixed = np.uint64(0)
            for step in range(len(factors)):
                mixed += np.uint64(codes[place + step]) * np.uint64(factors[step])
            bucket = (mixed & _LOW) >> np.uint64(shift)
            if not used[bucket >> _THREE] >> (bucket & _SEVEN) & _ONE or not masks[bucket] & wanted[text]:
                continue
            for entry in range(first[bucket], first[bucket + np.uint64(1)]):
                language, start = own[entry], place - offsets[entry]
                fits = language == 0 or language == languages[text, 0] or language == languages[text, 1]
                if not fits or start < 0 or found[text, kinds[entry]]:
                    continue
                same = 0
                while same < lengths[entry] and needles[same, entry] == codes[start + same]:
                    same += 1
                if same == lengths[entry]:
                    found[text, kinds[entry]] = True
