/* What the operations of a tape do. The network itself, its derivatives and its update rule are on
   the tape, which Python wrote while the reference ran: there is no calculus in this file.

   Python reads the names here (two spaces, a name, a colon) to know what a page can compute. */

/* Numbers with numbers, entry by entry; true is 1. */
const ELEMENTWISE = {
  absolute: Math.abs,
  add: (a, b) => a + b,
  bitwise_and: (a, b) => a & b,
  bitwise_or: (a, b) => a | b,
  cos: Math.cos,
  divide: (a, b) => a / b,
  equal: (a, b) => +(a === b),
  exp: Math.exp,
  expm1: Math.expm1,
  greater: (a, b) => +(a > b),
  greater_equal: (a, b) => +(a >= b),
  invert: (a) => 1 - a,
  less: (a, b) => +(a < b),
  less_equal: (a, b) => +(a <= b),
  log: Math.log,
  log1p: Math.log1p,
  logical_and: (a, b) => +(a && b),
  logical_not: (a) => +!a,
  logical_or: (a, b) => +!!(a || b),
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  multiply: (a, b) => a * b,
  negative: (a) => -a,
  not_equal: (a, b) => +(a !== b),
  power: (a, b) => a ** b,
  reciprocal: (a) => 1 / a,
  sign: Math.sign,
  sin: Math.sin,
  sqrt: Math.sqrt,
  square: (a) => a * a,
  subtract: (a, b) => a - b,
  tanh: Math.tanh,
  where: (c, a, b) => (c ? a : b),
};

/* The numbers along some axes become one: where to start, and how the next one joins. */
const REDUCTIONS = {
  max: [-Infinity, Math.max],
  min: [Infinity, Math.min],
  sum: [0, (a, b) => a + b],
};

/* Each makes, for an array {shape, data, more} and its inputs, the function that computes it. */
const MAKERS = {
  constant: () => null,
  given: () => null,
  view: (out, [a]) => {
    const from = places(out.more);
    return () => from.forEach((at, i) => { out.data[i] = a.data[at]; });
  },
  put: (out, [a, b]) => {
    const into = places(out.more);
    return () => {
      out.data.set(a.data);
      into.forEach((at, i) => { out.data[at] = b.data[i]; });
    };
  },
  matmul: (out, [a, b]) => {
    const [n, m] = out.shape.slice(-2), k = a.shape.at(-1), batch = out.shape.slice(0, -2);
    const first = broadcast(a.shape.slice(0, -2), batch);
    const second = broadcast(b.shape.slice(0, -2), batch);
    return () => first.forEach((p, t) => {
      const q = second[t];
      for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) {
        let total = 0;
        for (let l = 0; l < k; l++) {
          total += a.data[(p * n + i) * k + l] * b.data[(q * k + l) * m + j];
        }
        out.data[(t * n + i) * m + j] = total;
      }
    });
  },
};

function elementwise(f, out, inputs) {
  const maps = inputs.map((input) => broadcast(input.shape, out.shape));
  const data = inputs.map((input) => input.data);
  if (inputs.length === 1) {
    return () => { for (let i = 0; i < out.data.length; i++) out.data[i] = f(data[0][i]); };
  }
  const [a, b, c] = data, [p, q, r] = maps;
  if (inputs.length === 2) {
    return () => { for (let i = 0; i < out.data.length; i++) out.data[i] = f(a[p[i]], b[q[i]]); };
  }
  return () => {
    for (let i = 0; i < out.data.length; i++) out.data[i] = f(a[p[i]], b[q[i]], c[r[i]]);
  };
}

function reduction([start, join], out, [a]) {
  const into = reducedPlaces(a.shape, out.more.axes);
  return () => {
    out.data.fill(start);
    into.forEach((at, i) => { out.data[at] = join(out.data[at], a.data[i]); });
  };
}

/* The function that computes an array, or null where it is given. */
function maker(name, out, inputs) {
  if (name in ELEMENTWISE) return elementwise(ELEMENTWISE[name], out, inputs);
  if (name in REDUCTIONS) return reduction(REDUCTIONS[name], out, inputs);
  return MAKERS[name](out, inputs);
}

const size = (shape) => shape.reduce((a, b) => a * b, 1);

/* Strides of an array whose numbers lie row by row. */
function stridesOf(shape) {
  const strides = new Array(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/* For each entry of a region, row by row, its place in a flat array. */
function strided(offset, strides, region) {
  const found = new Int32Array(size(region)), at = region.map(() => 0);
  for (let i = 0, place = offset; i < found.length; i++) {
    found[i] = place;
    for (let axis = region.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++at[axis] < region[axis]) break;
      place -= strides[axis] * at[axis];
      at[axis] = 0;
    }
  }
  return found;
}

function places(more) {
  return more.index ? Int32Array.from(more.index) : strided(more.offset, more.strides, more.region);
}

/* Where in an array of one shape the entries of a larger one are, by NumPy's broadcasting. */
function broadcast(shape, into) {
  const own = stridesOf(shape), missing = into.length - shape.length;
  const strides = into.map((_, i) => {
    const axis = i - missing;
    return axis < 0 || shape[axis] === 1 ? 0 : own[axis];
  });
  return strided(0, strides, into);
}

/* Into which entry of a reduced array each entry goes. */
function reducedPlaces(shape, axes) {
  const left = shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  return broadcast(left, shape);
}
