/* The page: one step at a time, and everything that follows from it. */

class App {
  constructor(data) {
    this.data = data;
    this.model = new Model(data);
    this.at = 0;
    this.entry = 0;
    this.sample = 0;
    this.framework = "numpy";
    this.first = new Map(); // the step that makes an array
    data.steps.forEach(({ array }, i) => {
      if (!this.first.has(array)) this.first.set(array, i);
    });
    this.picture = data.graph ? new Graph(this) : new Tiles(this);
    this.knobs = this.model.live ? new Knobs(this) : null;
    this.plot = new Plot(this);
    this.panel = new Panel(this);
    this.table = new GraphTable(this);
    this.parts = [this.picture, this.panel, this.knobs, this.plot, this.table].filter(Boolean);
    this.layOut();
    this.go(0, { quiet: true });
    this.draw();
  }

  get step() { return this.data.steps[this.at]; }

  stepOf(array) { return array === null ? Infinity : this.first.get(array) ?? Infinity; }

  /* The array that holds a parameter's gradient, and the step that makes it. */
  gradientOf(path) {
    const step = this.data.steps.findIndex((s) => s.phase === "backward" && s.leaf === `d${path}`);
    return step < 0 ? null : { array: this.data.steps[step].array, step };
  }

  /* Once a frame, however often something has changed. */
  changed() {
    this.waiting ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.waiting = null;
    for (const part of this.parts) part.draw();
    this.controls();
  }

  controls() {
    const { steps } = this.data, { model } = this;
    write(find("count"), `Step ${this.at + 1} of ${steps.length}`);
    find("position").value = this.at + 1;
    find("position").setAttribute("aria-valuetext", this.summary());
    find("back").disabled = this.at === 0 && !model.past.length;
    write(find("next"), this.at === steps.length - 1 && model.live ? "Update" : "Next");
    find("next").disabled = this.at === steps.length - 1 && !model.live;
    write(find("loss"), digits(model.loss, 9));
    write(find("updates"), `${model.past.length} update${model.past.length === 1 ? "" : "s"}`);
    for (const button of document.querySelectorAll("[data-to]")) {
      button.setAttribute("aria-pressed", button.dataset.to === this.step.phase);
    }
  }

  summary() {
    const { step } = this;
    const place = `Step ${this.at + 1} of ${this.data.steps.length}`;
    return `${place}, ${step.phase}, ${step.layer}: ${step.equation}`;
  }

  go(at, { quiet = false, entry = null } = {}) {
    this.at = at;
    const { shape, data } = this.model.arrays[this.step.array];
    const { phase, leaf } = this.step, ofParameter = phase === "update" || /[^x]$/.test(leaf);
    const batched = shape.length > 1 && shape[0] === this.data.samples && !ofParameter;
    this.entry = entry ?? (batched ? this.sample * size(shape.slice(1)) : 0);
    const value = digits(data[this.entry]);
    const name = `${this.step.name}${entryText(shape, this.entry)}`;
    if (!quiet) this.say(`${this.summary()}; ${name} is ${value}`);
    this.changed();
  }

  /* Forward; after the last step the update is made, and a new pass begins. */
  next() {
    if (this.at < this.data.steps.length - 1) this.go(this.at + 1);
    else if (this.model.live) { this.model.update(); this.go(0); }
  }

  back() {
    if (this.at > 0) this.go(this.at - 1);
    else if (this.model.past.length) { this.model.undo(); this.go(this.data.steps.length - 1); }
  }

  updates(count) {
    for (let i = 0; i < count; i++) this.model.update();
    this.say(`${this.model.past.length} updates, loss ${digits(this.model.loss, 6)}`);
    this.changed();
  }

  restart() {
    this.model.restart();
    this.go(0);
  }

  set(name, entry, value) {
    this.model.set(name, entry, value);
    this.sayLater(`loss ${digits(this.model.loss, 6)}`);
    this.changed();
  }

  look(entry) {
    this.entry = entry;
    this.changed();
  }

  jump(wanted) {
    const at = this.data.steps.findIndex(wanted);
    if (at >= 0) this.go(at);
  }

  /* A node was chosen: its value, or in the backward pass its gradient. */
  choose(c, i) {
    const column = this.data.graph.columns[c], entry = this.sample * column.width + i;
    const backward = this.step.phase === "backward" && column.gradient !== null;
    if (!c && !backward) this.hold(this.knobs?.input, "x", entry);
    else this.go(this.first.get(backward ? column.gradient : column.value), { entry });
  }

  /* An edge was chosen: its weight goes to the slider, and in the backward pass its gradient is
     looked at. */
  chooseWeight(link, entry) {
    const gradient = this.gradientOf(link.weight);
    const back = this.step.phase === "backward" && gradient;
    if (back) this.go(gradient.step, { entry });
    else if (this.step.leaf === link.weight) this.look(entry);
    this.hold(this.knobs?.weight, link.weight, entry, back ? `${this.summary()}; ` : "");
  }

  hold(knob, name, entry, before = "") {
    if (!knob) return;
    knob.select(name, entry);
    this.say(`${before}${knob.held}`);
  }

  say(text) { write(find("said"), text); }

  /* While a slider moves, only its rest is told. */
  sayLater(text) {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.say(text), 600);
  }

  layOut() {
    find("picture").prepend(this.picture.node);
    find("plot").append(this.plot.node);
    if (this.knobs) find("knobs").append(this.knobs.node);
    else find("knobs").append(el("p", { class: "why" }, this.data.why));
    for (const id of ["once", "ten", "restart"]) find(id).disabled = !this.model.live;
    find("position").max = this.data.steps.length;
    this.tabs();
    this.samples();
    listen(this);
  }

  tabs() {
    find("frameworks").append(...this.data.frameworks.map(({ id, name, missing }) => {
      const onchange = () => { this.framework = id; this.panel.built = null; this.changed(); };
      const input = el("input", { type: "radio", name: "framework", value: id,
        checked: id === "numpy", onchange });
      return el("label", {}, input, el("span", {}, missing ? `${name} (skipped)` : name));
    }));
  }

  samples() {
    const { samples } = this.data;
    find("sample").append(...Array.from({ length: samples },
      (_, i) => el("option", { value: i }, `${i + 1} of ${samples}`)));
    find("sample").closest("label").hidden = samples < 2;
    find("sample").addEventListener("change", (event) => {
      this.sample = +event.target.value;
      this.go(this.at, { quiet: true });
    });
  }
}

// Where arrow keys do something else.
const TYPED = "input, select, summary, [tabindex]:not(button)";

function listen(app) {
  find("next").addEventListener("click", () => app.next());
  find("back").addEventListener("click", () => app.back());
  find("once").addEventListener("click", () => app.updates(1));
  find("ten").addEventListener("click", () => app.updates(10));
  find("restart").addEventListener("click", () => app.restart());
  find("position").addEventListener("input", (event) => app.go(event.target.value - 1));
  for (const button of document.querySelectorAll("[data-to]")) {
    button.addEventListener("click", () => app.jump((step) => step.phase === button.dataset.to));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest(TYPED)) return;
    const does = { ArrowRight: () => app.next(), ArrowLeft: () => app.back() }[event.key];
    if (does) { event.preventDefault(); does(); }
  });
}

function themes(app) {
  const button = find("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
  const { style } = document.documentElement;
  const isDark = () => (style.colorScheme ? style.colorScheme === "dark" : dark.matches);
  const show = () => { button.setAttribute("aria-pressed", isDark()); app.changed(); };
  button.addEventListener("click", () => {
    style.colorScheme = isDark() ? "light" : "dark";
    show();
  });
  dark.addEventListener("change", show);
  show();
}

/* JSON, or where it would be long, compressed JSON in base64. */
async function given(text) {
  if (text.startsWith("{")) return JSON.parse(text);
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

given(find("data").textContent).then((data) => {
  find("explorer").hidden = false;
  globalThis.backproof = new App(data); // to be looked at in the browser's console
  themes(globalThis.backproof);
});
