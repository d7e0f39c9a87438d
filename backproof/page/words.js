/* Numbers and formulas in words. */

/* A number as people write it, to so many significant digits; a small one with its exponent. */
function digits(value, count = 6, least = 1e-4) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  let text = value.toPrecision(count);
  if (value !== 0 && Math.abs(value) < least) text = value.toExponential(count - 1);
  text = text.replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "");
  return text.replace(/^-/, "−").replace("e-", "e−").replace("e+", "e");
}

/* The same where there is little room. */
const brief = (value, count) => digits(value, count, 1e-3);

const shapeText = (shape) => shape.join(" × ") || "one number";

/* The place of a flat entry along each axis. */
function placeOf(shape, entry) {
  return stridesOf(shape).map((stride, axis) => Math.floor(entry / stride) % shape[axis]);
}

function entryText(shape, entry) {
  return shape.length ? `[${placeOf(shape, entry).join(", ")}]` : "";
}

/* How an operation is written, and how tightly it binds: sum 1, product 2, sign 3, name 4. */
const WRITTEN = {
  absolute: [4, (a) => `|${a}|`],
  add: [1, (a, b) => `${a} + ${b}`],
  divide: [2, (a, b) => `${a} / ${b}`],
  equal: [4, (a, b) => `[${a} = ${b}]`],
  greater: [4, (a, b) => `[${a} > ${b}]`],
  greater_equal: [4, (a, b) => `[${a} ≥ ${b}]`],
  invert: [4, (a) => `not ${a}`],
  less: [4, (a, b) => `[${a} < ${b}]`],
  less_equal: [4, (a, b) => `[${a} ≤ ${b}]`],
  maximum: [4, (a, b) => `max(${a}, ${b})`],
  minimum: [4, (a, b) => `min(${a}, ${b})`],
  multiply: [2, (a, b) => `${a} × ${b}`],
  negative: [3, (a) => `−${a}`],
  not_equal: [4, (a, b) => `[${a} ≠ ${b}]`],
  power: [4, (a, b) => `(${a})^${b}`],
  reciprocal: [2, (a) => `1 / ${a}`],
  sqrt: [4, (a) => `√(${a})`],
  square: [4, (a) => `(${a})²`],
  subtract: [1, (a, b) => `${a} − ${b}`],
};
const TERMS = 6; // of a sum that are written out
const DEPTH = 12; // of operations inside operations

/* One entry of an array with the numbers that it is made from plugged in. ``known`` are the arrays
   that have a step of their own: their numbers are not taken apart. */
class Formula {
  constructor(arrays, known) {
    this.arrays = arrays;
    this.known = known;
  }

  /* "0.05 × 0.15 + 0.1 × 0.2", or "" where nothing is computed. */
  text(array, entry) {
    const { name } = this.arrays[array];
    if (name === "given" || name === "constant") return "";
    const text = this.made(array, entry, 0)[1];
    return text === digits(this.arrays[array].data[entry]) ? "" : text;
  }

  /* [how tightly it binds, text] */
  entry(array, entry, depth) {
    const { name, data } = this.arrays[array];
    const ends = this.known.has(array) || name === "given" || name === "constant" || depth > DEPTH;
    if (!ends) return this.made(array, entry, depth);
    const text = digits(data[entry]);
    return [text.startsWith("−") ? 3 : 4, text];
  }

  made(array, entry, depth) {
    const { name, inputs, shape, more, data } = this.arrays[array];
    const from = inputs.map((i) => this.arrays[i]);
    if (name === "view") return this.entry(inputs[0], places(more)[entry], depth);
    if (name === "put") {
      const at = places(more).lastIndexOf(entry);
      return at < 0 ? this.entry(inputs[0], entry, depth) : this.entry(inputs[1], at, depth);
    }
    if (name === "matmul") return this.sum(this.products(array, entry, depth));
    if (name in REDUCTIONS) {
      const into = reducedPlaces(from[0].shape, more.axes), parts = [];
      into.forEach((at, i) => { if (at === entry) parts.push(i); });
      const terms = parts.map((i) => () => this.entry(inputs[0], i, depth + 1));
      if (name === "sum") return this.sum(terms);
      const few = terms.slice(0, TERMS).map((term) => term()[1]);
      return [4, `${name}(${few.join(", ")}${parts.length > TERMS ? ", …" : ""})`];
    }
    const at = from.map((input) => broadcast(input.shape, shape)[entry]);
    if (name === "where") {
      const chosen = from[0].data[at[0]] ? 1 : 2;
      return this.entry(inputs[chosen], at[chosen], depth);
    }
    const [binds, write] = WRITTEN[name] ?? [4, (...parts) => `${name}(${parts.join(", ")})`];
    const parts = inputs.map((input, i) => this.entry(input, at[i], depth + 1));
    if (binds === 4) return [4, write(...parts.map(([, text]) => text))];
    const right = binds + (name === "subtract" || name === "divide" ? 1 : 0);
    const texts = parts.map((part, i) => (i ? later(part, right) : bracketed(part, binds)));
    return [binds, write(...texts)];
  }

  products(array, entry, depth) {
    const { inputs, shape } = this.arrays[array], [a, b] = inputs.map((i) => this.arrays[i]);
    const [n, m] = shape.slice(-2), k = a.shape.at(-1), batch = Math.floor(entry / (n * m));
    const p = broadcast(a.shape.slice(0, -2), shape.slice(0, -2))[batch];
    const q = broadcast(b.shape.slice(0, -2), shape.slice(0, -2))[batch];
    const [i, j] = [Math.floor(entry / m) % n, entry % m];
    return Array.from({ length: k }, (_, l) => () => {
      const left = this.entry(inputs[0], (p * n + i) * k + l, depth + 1);
      const right = this.entry(inputs[1], (q * k + l) * m + j, depth + 1);
      return [2, `${bracketed(left, 2)} × ${later(right, 2)}`];
    });
  }

  sum(terms) {
    const few = terms.slice(0, TERMS).map((term, i) => (i ? later(term(), 1) : term()[1]));
    const more = terms.length > TERMS ? ` + … (${terms.length} terms)` : "";
    return [terms.length > 1 ? 1 : terms[0]()[0], few.join(" + ") + more];
  }
}

function bracketed([binds, text], least) {
  return binds < least ? `(${text})` : text;
}

/* The same for what comes after a sign of its own: a minus there is in brackets too. */
function later([binds, text], least) {
  return bracketed([text.startsWith("−") ? 0 : binds, text], least);
}
