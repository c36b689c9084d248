"""Slow, independent versions of the method's arithmetic: double loops and 60-digit decimals."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np

from dmlseg_core.model.sheet import DataSheet

SHEET = DataSheet()


def distance2(p, q):
    """||p - q||^2, term by term, in double precision."""
    return sum((float(a) - float(b)) ** 2 for a, b in zip(p, q, strict=True))


def sigma(d2):
    """2 / (1 + exp(d2)) in 60 digits."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**9, -(10**9)
        return 2 / (1 + Decimal(float(d2)).exp())


def log_sigma(d2):
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**9, -(10**9)
        return float(sigma(d2).ln())


def log_one_minus_sigma(d2):
    """log(1 - sigma), digits enough for 1 - sigma down to 1e-30 on either side."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**9, -(10**9)
        return float((1 - sigma(d2)).ln())


def mask(embedding, point, tau):
    """m(p, tau) of one seed: every pixel's own similarity against tau."""
    _, h, w = embedding.shape
    out = np.zeros((h, w), bool)
    seed = embedding[:, point[0], point[1]]
    for y in range(h):
        for x in range(w):
            out[y, x] = float(sigma(distance2(embedding[:, y, x], seed))) >= tau
    return out


def seediness(class_probs):
    taus, classes, h, w = class_probs.shape
    out = np.zeros((h, w))
    for y in range(h):
        for x in range(w):
            out[y, x] = max(class_probs[t, c, y, x] for t in range(taus) for c in range(1, classes))
    return out


def seeds(embedding, class_probs, *, budget, alpha, floor, fixed=()):
    """Greedy argmax of log S_p + alpha * log D over every pixel, as the paper prints it.

    Pixels are visited in (y, x) order and only a strictly better one replaces the best so far.
    """
    score = seediness(class_probs)
    h, w = score.shape
    vectors = embedding.astype(np.float64)
    chosen = list(dict.fromkeys(fixed))
    while len(chosen) < budget:
        best, best_value = None, -np.inf
        for y in range(h):
            for x in range(w):
                if score[y, x] < floor or score[y, x] <= 0 or (y, x) in chosen:
                    continue
                value = np.log(score[y, x])
                if chosen and alpha > 0:
                    gap = min(((vectors[:, y, x] - vectors[:, i, j]) ** 2).sum() for i, j in chosen)
                    value = value + alpha * np.log(gap) if gap > 0 else -np.inf
                if value > best_value:
                    best, best_value = (y, x), value
        if best is None:
            break
        chosen.append(best)
    return chosen


def owners(d2, masks, overlap):
    """Overlap resolution, pixel by pixel: (kept, owner) as `masks.resolve_overlap` documents it."""
    h, w = masks.shape[1:]
    pixels = [{(y, x) for y in range(h) for x in range(w) if m[y, x]} for m in masks]
    stay, taken = [], set()
    for k, own in enumerate(pixels):
        if own and len(own & taken) <= overlap * len(own):
            stay.append(k)
            taken |= own
    owner = np.full((h, w), -1)
    for y in range(h):
        for x in range(w):
            holders = [(d2[k, y, x], k) for k in stay if (y, x) in pixels[k]]
            if holders:
                owner[y, x] = min(holders)[1]
    return tuple(k for k in stay if (owner == k).any()), owner


def component(grid, start):
    """4-connected component of `grid` that holds `start`, by flood filling."""
    out = np.zeros(grid.shape, bool)
    todo = [start]
    while todo:
        y, x = todo.pop()
        if not (0 <= y < grid.shape[0] and 0 <= x < grid.shape[1]):
            continue
        if grid[y, x] and not out[y, x]:
            out[y, x] = True
            todo += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    return out


def bilinear(grid, y, x):
    """`grid` at the real position (y, x), its border repeated outside: a tent at each cell."""
    h, w = grid.shape
    y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
    total = 0.0
    for i in range(h):
        for j in range(w):
            total += max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j)) * float(grid[i, j])
    return total


def clicked_level(embedding, cells, signs, tau):
    """(h, w) level in [-1, 1] after several clicks: prior mean + K_x (K + noise)^-1 residual."""
    _, h, w = embedding.shape
    limit = -math.log(tau)

    def prior(cell):
        d2 = distance2(embedding[:, *cells[0]], embedding[:, *cell])
        return min(1.0, max(-1.0, (math.log(2 / (1 + math.exp(d2))) + limit) / limit))

    opposite = [math.dist(p, q) for p, a in zip(cells, signs, strict=True)
                for q, b in zip(cells, signs, strict=True) if a != b and p != q]  # fmt: skip
    reach = min([SHEET.reach * max(h, w), *(SHEET.apart * gap for gap in opposite)])

    def alike(p, q):
        apart2 = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2
        seen = math.exp(-distance2(embedding[:, *p], embedding[:, *q]) / SHEET.length)
        return seen * (SHEET.far + (1 - SHEET.far) * math.exp(-apart2 / reach**2))

    matrix = np.array([[alike(p, q) + 0.01 * (i == j) for j, q in enumerate(cells)]
                       for i, p in enumerate(cells)])  # fmt: skip
    gain = np.linalg.inv(matrix) @ [s - prior(c) for s, c in zip(signs, cells, strict=True)]
    level = np.empty((h, w))
    for cell in np.ndindex(h, w):
        likeness = [alike(cell, c) for c in cells]
        level[cell] = prior(cell) + sum(g * k for g, k in zip(gain, likeness, strict=True))
    return level
