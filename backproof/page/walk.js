/* The drawn network by keyboard: one stop of the Tab key, and from there the arrow keys. */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function join(before, after) {
  (before.after ??= []).push(after);
  (after.before ??= []).push(before);
}

class Walk {
  /* ``ranks`` from the input to the loss; of each, the parts that can be chosen: a ``node`` of the
     drawing at ``x`` and ``y``, joined to parts of the ranks beside it. Events are heard ``around``
     the drawing: one that listens to the focus itself would take it. */
  constructor(around, ranks, tall, moved) {
    [this.tall, this.across] = tall ? [true, "x"] : [false, "y"];
    this.ranks = ranks.map((rank) => [...rank].sort((a, b) => a[this.across] - b[this.across]));
    this.parts = new Map(ranks.flat().map((part) => [part.node, part]));
    for (const node of this.parts.keys()) node.setAttribute("tabindex", -1);
    this.here = this.ranks[0][0];
    this.stop(this.here);
    around.addEventListener("keydown", (event) => this.key(event));
    around.addEventListener("focusin", ({ target }) => {
      this.stop(this.parts.get(target));
      moved();
    });
    around.addEventListener("focusout", moved);
  }

  /* The part that Tab comes to. */
  stop(part) {
    this.here.node.setAttribute("tabindex", -1);
    part.node.setAttribute("tabindex", 0);
    this.here = part;
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const chosen = event.key === "Enter" || event.key === " ", next = this.next(event.key);
    if (chosen) this.here.node.dispatchEvent(new Event("click"));
    next?.node.focus();
    if (chosen || next) event.preventDefault();
  }

  /* Where a key leads; at an end, an arrow key stays. */
  next(key) {
    if (key === "Home") return this.ranks[0][0];
    if (key === "End") return this.ranks.at(-1).at(-1);
    if (!(key in ARROWS)) return null;
    const [x, y] = ARROWS[key], [along, beside] = this.tall ? [y, x] : [x, y];
    if (beside) {
      const rank = this.ranks.find((parts) => parts.includes(this.here));
      return rank[rank.indexOf(this.here) + beside] ?? this.here;
    }
    return this.nearest((along > 0 ? this.here.after : this.here.before) ?? [this.here]);
  }

  nearest(parts) {
    const off = (part) => Math.abs(part[this.across] - this.here[this.across]);
    return parts.reduce((best, part) => (off(part) < off(best) ? part : best));
  }
}
