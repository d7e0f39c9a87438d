"""What attention layers share: softmax weights over the keys that may be seen, and back.

q is (..., L, D), k (..., S, D) and v (..., S, E), for L queries and S keys. A mask broadcasts to
(..., L, S): boolean, True where a query may see a key; or of floats, added to the scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .protocols import Array, Draw, Residuals, Tree, expect

LOW = -1e30  # below every score: a row's largest is searched among the keys that are kept


def causal(L: int, S: int) -> Array:
    """True where key j is no later than query i; the last query is at the last key."""
    return np.tri(L, S, S - L, dtype=bool)


def attend(
    q: Array, k: Array, v: Array, scale: Any, mask: Array | None = None,
    order: Array | None = None, empty: str = "zero",
) -> tuple[Array, Residuals]:  # fmt: skip
    """y = p v, with the weights p = softmax(scale q kᵀ) under ``mask`` and a boolean ``order``."""
    scaled_q = q * scale
    scores, keep = scaled_q @ k.swapaxes(-1, -2), order  # (..., L, S)
    added = None  # the shape of an added mask
    if mask is not None and mask.dtype.kind != "b":
        scores, added = scores + mask, mask.shape
    elif mask is not None:
        keep = mask if order is None else mask & order
    p = _weights(scores, keep, empty)
    return p @ v, (scaled_q, k, v, scale, added, keep, p)


def _weights(scores: Array, keep: Array | None, empty: str) -> Any:
    if keep is None:
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)
    none = ~keep.any(axis=-1, keepdims=True)
    top = np.where(keep, scores, LOW).max(axis=-1, keepdims=True)
    e = np.exp(np.where(keep, scores - top, 0)) * (keep | none if empty == "mean" else keep)
    total = e.sum(axis=-1, keepdims=True)
    return e / (total if empty == "mean" else total + none)  # no 0 / 0


def attend_backward(residuals: Residuals, dy: Array) -> tuple[Array, Array, Array, Array | None]:
    """The cotangents of q, k, v and of an added mask.

    With dp = dy vᵀ, a row of the softmax gives ds_j = p_j (dp_j - Σ_m p_m dp_m). The scale is
    at q, on both ways.
    """
    scaled_q, k, v, scale, added, keep, p = residuals
    dp = dy @ v.swapaxes(-1, -2)
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))
    if keep is not None:
        ds = ds * keep  # a row without any key is a constant
    dmask = None if added is None else _summed_to(ds, added)
    dq = (ds @ k) * scale
    return dq, ds.swapaxes(-1, -2) @ scaled_q, p.swapaxes(-1, -2) @ dy, dmask


def _summed_to(d: Array, shape: tuple[int, ...]) -> Array:
    """The cotangent of an array of that shape, which was broadcast to d's."""
    lead = d.ndim - len(shape)
    axes = (*range(lead), *(lead + i for i, n in enumerate(shape) if n < d.shape[lead + i]))
    return (d.sum(axis=axes) if axes else d).reshape(shape)


def sources_and_keep(spec: Any, x: Any) -> tuple[list[Array], Array | None]:
    """The query and the memory, if x has one; and which keys may be seen, None where all are.

    A mask is of booleans and the last of x. Raises ValueError where it does not broadcast.
    """
    parts = x if isinstance(x, tuple) else (x,)
    *sources, mask = parts if parts[-1].dtype == bool else (*parts, None)
    if not 1 <= len(sources) <= 2:
        raise ValueError(f"{spec} takes a query, or a query and a memory, and a mask")
    for part in sources:
        expect(part.ndim == 3, spec, "x of shape (N, L, n)", part)
    L, S = sources[0].shape[1], sources[-1].shape[1]
    order = causal(L, S) if spec.causal else None
    if mask is None:
        return sources, order
    shape = sources[0].shape[0], spec.heads, L, S
    fits = all(m in (1, n) for m, n in zip(mask.shape[::-1], shape[::-1], strict=False))
    expect(fits and mask.ndim <= 4, spec, f"a mask that broadcasts to {shape}", mask)
    return sources, np.broadcast_to(mask if order is None else mask & order, shape)


def split_heads(x: Array, heads: int) -> Array:
    """(N, T, H D) to (N, H, T, D)."""
    N, T, width = x.shape
    return x.reshape(N, T, heads, width // heads).swapaxes(1, 2)


def merge_heads(x: Array) -> Array:
    """What ``split_heads`` was given."""
    N, H, T, D = x.shape
    return x.swapaxes(1, 2).reshape(N, T, H * D)


def attend_projected(
    parts: dict[str, Any], params: Tree, query: Array, memory: Array, order: Array | None,
    heads: int, shared: int,
) -> tuple[Array, Residuals]:  # fmt: skip
    """Project, attend and project again; ``shared`` heads of the query use each key and value."""
    kept, sources = {}, {"q": query, "k": memory, "v": memory}
    for name, source in sources.items():
        projected, kept[name] = parts[name].forward(params[name], source)
        sources[name] = split_heads(projected, heads if name == "q" else heads // shared)
    q, k, v = sources.values()
    grouped = q.reshape(q.shape[0], heads // shared, shared, *q.shape[2:])
    if order is not None and order.ndim == 4:
        order = order.reshape(*grouped.shape[:3], *order.shape[2:])
    y, core = attend(grouped, k[:, :, None], v[:, :, None], q.shape[3] ** -0.5, order=order)
    y, kept["o"] = parts["o"].forward(params["o"], merge_heads(y.reshape(q.shape)))
    return y, (parts, kept, core, heads)


def attend_projected_backward(residuals: Residuals, dy: Array) -> tuple[Array, Array, Tree]:
    """The cotangents of query, memory and params; what is used twice gets the sum of both."""
    parts, kept, core, heads = residuals
    dparams: Tree = {}
    dy, dparams["o"] = parts["o"].backward(kept["o"], dy)
    dq, dk, dv, _ = attend_backward(core, split_heads(dy, heads).reshape(core[0].shape))
    dheads = {"q": dq.reshape(dq.shape[0], heads, *dq.shape[3:])}
    dheads |= {"k": dk.sum(axis=2), "v": dv.sum(axis=2)}
    d = {}
    for name, dhead in dheads.items():
        d[name], dparams[name] = parts[name].backward(kept[name], merge_heads(dhead))
    return d["q"], d["k"] + d["v"], {name: dparams[name] for name in parts}


def angles(positions: int, n: int, base: float, first: int = 0) -> Array:
    """t / base^(2i/n) at the positions t from ``first`` on, (T, n/2), before any rounding."""
    t = np.arange(first, first + positions, dtype=np.longdouble)
    return t[:, None] * np.longdouble(base) ** (np.arange(0, n, 2) / np.longdouble(-n))


def expect_heads(spec: Any, x: Any, most: int = 3) -> None:
    """Raise ValueError unless x is (q, k, v) with heads that fit each other, or with a mask."""
    if not isinstance(x, tuple) or not 3 <= len(x) <= most:
        raise ValueError(f"{spec} takes a tuple of 3 to {most} arrays: q, k, v")
    q, k, v = x[:3]
    expect(q.ndim == 4, spec, "q of shape (N, H, L, D)", q)
    wanted = *q.shape[:2], k.shape[-2], q.shape[3]
    expect(k.shape == wanted, spec, f"k of shape {wanted[:2]} + (S, {q.shape[3]})", k)
    expect(v.shape[:-1] == k.shape[:-1], spec, f"v of shape {k.shape[:-1]} + (E,)", v)


def with_mask(draw: Draw, *shape: int, added: bool = False, empty: bool = True) -> Draw:
    """The draw and a mask: of normal numbers, or booleans; if ``empty``, one row is all False.

    Else the first key is seen by all, also by those who see no later one.
    """

    def drawn(rng: np.random.Generator) -> tuple[Array, ...]:
        mask: Array = rng.standard_normal(shape)
        if not added:
            mask = mask > -0.8
            mask[..., 0] |= ~mask.any(axis=-1) if empty else True
            if empty:
                mask[(0,) * (len(shape) - 2)][1] = False
        return *draw(rng), mask

    return drawn
