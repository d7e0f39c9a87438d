/* The network as the tape that Python wrote, and its state: what was changed, what was trained. */

const WORDS = { inf: Infinity, "-inf": -Infinity, nan: NaN };

class Model {
  constructor(data) {
    this.data = data;
    this.arrays = [];
    this.programs = [];
    for (const [name, shape, inputs, more = {}] of data.tape) {
      const out = { name, shape, inputs, more, data: new Float64Array(size(shape)) };
      if (more.numbers) this.fill(out.data, more.numbers);
      const run = maker(name, out, inputs.map((i) => this.arrays[i]));
      this.arrays.push(out);
      if (run) this.programs.push(run);
    }
    this.first = this.snapshot();
    this.restart();
  }

  /* What was not recorded is not a number. */
  fill(data, numbers) {
    data.fill(NaN);
    numbers.forEach((v, i) => { data[i] = typeof v === "string" ? WORDS[v] : v; });
  }

  get live() { return !this.data.why; }

  /* The numbers of a parameter, an input, the target or the learning rate. */
  given(name) { return this.arrays[this.data.given[name]]; }

  snapshot() {
    const names = Object.keys(this.data.given);
    return Object.fromEntries(names.map((name) => [name, this.given(name).data.slice()]));
  }

  restore(snapshot) {
    for (const [name, numbers] of Object.entries(snapshot)) this.given(name).data.set(numbers);
    this.run();
  }

  run() {
    for (const program of this.programs) program();
    if (this.past) this.losses[this.past.length] = this.loss;
  }

  /* The loss, summed where there is one for each sample. */
  get loss() {
    if (this.data.loss === null) return NaN;
    return this.arrays[this.data.loss].data.reduce((a, b) => a + b, 0);
  }

  set(name, index, value) {
    this.given(name).data[index] = value;
    this.run();
  }

  /* The parameters become the updated ones; the old ones can come back. */
  update() {
    if (!this.live) return;
    const { updated } = this.data, old = {};
    for (const path in updated) old[path] = this.given(path).data.slice();
    this.past.push(old);
    for (const path in updated) this.given(path).data.set(this.arrays[updated[path]].data);
    this.run();
  }

  undo() {
    if (!this.past.length) return;
    this.losses.length = this.past.length;
    this.restore(this.past.pop());
  }

  restart() {
    this.past = [];
    this.losses = [];
    this.restore(this.first);
  }
}
