/* Sliders: a weight, an input and the learning rate; whatever they are set to is recomputed. */

/* A slider's two ends: a round number beyond the largest value there is. */
function reach(value) {
  const least = Math.max(Math.abs(value) * 2, 1), power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((step) => step * power).find((end) => end >= least);
}

/* A slider with a number beside it, for one number. */
class Slider {
  constructor(label, changed) {
    const id = `slider-${label.replace(/\W+/g, "-")}`;
    this.range = el("input", { type: "range", id, step: "any",
      oninput: () => this.moved(+this.range.value) });
    this.number = el("input", { type: "number", step: "any", "aria-label": `${label}, as a number`,
      onchange: () => { if (this.number.value !== "") changed(+this.number.value); } });
    this.label = el("label", { for: id }, label);
    this.changed = changed;
    this.node = el("div", { class: "slider" }, this.label, this.range, this.number);
  }

  /* A hand on a slider wants round numbers. */
  moved(value) {
    const grain = 10 ** Math.floor(Math.log10((this.range.max - this.range.min) / 400));
    this.changed(+(Math.round(value / grain) * grain).toPrecision(6));
  }

  limits(low, high) { this.range.min = low; this.range.max = high; }

  show(value) {
    if (+this.range.value !== value) this.range.value = value;
    if (document.activeElement !== this.number) this.number.value = +value.toPrecision(6);
    this.range.setAttribute("aria-valuetext", digits(value, 4));
  }
}

const LISTED = 512; // places along an axis that can be chosen

/* A slider for any entry of some arrays. */
class Chooser {
  constructor(app, label, names) {
    this.app = app;
    this.names = names;
    this.name = names[0];
    this.entry = 0;
    this.array = el("select", { "aria-label": `${label}: which array`,
      onchange: () => this.select(this.array.value, 0) },
      ...names.map((name) => el("option", { value: name }, name)));
    this.axes = el("span", { class: "axes" });
    this.slider = new Slider(label, (value) => app.set(this.name, this.entry, value));
    this.node = el("div", { class: "knob" },
      el("div", { class: "which" }, this.array, this.axes), this.slider.node);
    this.label = label;
    this.select(this.name, 0);
  }

  select(name, entry) {
    const { shape, data } = this.app.model.given(name);
    [this.name, this.entry] = [name, entry];
    this.array.value = name;
    const at = placeOf(shape, entry);
    this.selects = shape.map((n, axis) => {
      const options = Array.from({ length: Math.min(n, LISTED) },
        (_, i) => el("option", { value: i, selected: i === at[axis] }, `${i}`));
      const label = `${this.label}: place along axis ${axis}`;
      return el("select", { "aria-label": label, disabled: n < 2, onchange: () => this.placed() },
        ...options);
    });
    this.axes.replaceChildren("[", ...this.selects.flatMap((s, i) => (i ? [", ", s] : [s])), "]");
    const end = reach(largest(data));
    this.slider.limits(-end, end);
    this.app.changed();
  }

  holds(name, entry) { return this.name === name && this.entry === entry; }

  /* What the slider moves, in words. */
  get held() {
    const { shape, data } = this.app.model.given(this.name);
    const number = `${this.name}${entryText(shape, this.entry)}`;
    return `the ${this.label} slider moves ${number}, which is ${digits(data[this.entry])}`;
  }

  placed() {
    const strides = stridesOf(this.app.model.given(this.name).shape);
    this.entry = this.selects.reduce((sum, s, axis) => sum + s.value * strides[axis], 0);
    this.app.changed();
  }

  draw() { this.slider.show(this.app.model.given(this.name).data[this.entry]); }
}

class Knobs {
  constructor(app) {
    const { data, model } = app, { rate } = data;
    const others = [rate, ...data.parameters];
    const inputs = Object.keys(data.given).filter((name) => !others.includes(name));
    this.weight = data.parameters.length ? new Chooser(app, "weight", data.parameters) : null;
    this.input = inputs.length ? new Chooser(app, "input", inputs) : null;
    this.rate = new Slider("learning rate", (value) => app.set(rate, 0, value));
    this.rate.limits(0, reach(2 * model.given(rate).data[0]));
    this.app = app;
    const knobs = [this.weight, this.input, this.rate].filter(Boolean);
    this.node = el("div", { class: "knobs" }, ...knobs.map((knob) => knob.node));
  }

  draw() {
    this.weight?.draw();
    this.input?.draw();
    this.rate.show(this.app.model.given(this.app.data.rate).data[0]);
  }
}
