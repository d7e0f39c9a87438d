/* The step itself: its equation, the numbers plugged in, and the code of each framework. */

const CHOICES = 1024; // entries of an array that can be chosen from a list

class Panel {
  constructor(app) {
    this.app = app;
    this.formula = new Formula(app.model.arrays, new Set(app.data.steps.map((step) => step.array)));
    this.numbers = find("numbers");
    this.entry = find("entry");
    this.entry.addEventListener("change", () => app.look(+this.entry.value));
    this.built = null; // the step that the panel was last made for
  }

  draw() {
    const { app } = this, { step } = app;
    if (this.built !== step || this.sample !== app.sample) this.build(step);
    const { data, shape } = app.model.arrays[step.array];
    const text = this.formula.text(step.array, app.entry);
    const left = `${this.left(step)}${entryText(shape, app.entry)}`;
    write(find("plugged"), [left, text, digits(data[app.entry], 9)].filter(Boolean).join(" = "));
    if (this.matrix) this.matrix.fill(data, app.entry);
    else this.map(data);
    this.entry.value = app.entry;
  }

  /* A heat map, as large as there is room. */
  map(data) {
    paint(this.canvas, data, this.seen.shape, this.seen.start);
    const { width, height } = this.canvas, scale = Math.min(400 / width, 300 / height, 40);
    this.canvas.style.width = `${Math.round(scale * width)}px`;
  }

  left(step) { return step.phase === "update" ? `new ${step.name}` : step.name; }

  build(step) {
    const { app } = this, { shape } = app.model.arrays[step.array];
    [this.built, this.sample] = [step, app.sample];
    find("explorer").dataset.phase = step.phase;
    write(find("phase"), `${PHASES[step.phase].symbol} ${PHASES[step.phase].name}`);
    write(find("layer"), `${step.path === "loss" ? "" : step.path} ${step.layer}`.trim());
    const what = step.phase === "update" ? `the parameter ${step.name}` : step.headline;
    write(find("headline"), what);
    write(find("equation"), step.equation);
    const remarks = [step.fork ? "a value was used more than once: its cotangents add up" : "",
      step.same ? `nothing is computed here: ${step.same}` : ""].filter(Boolean);
    write(find("remark"), remarks.join("; "));
    find("remark").hidden = !remarks.length;
    this.show(step, shape);
    this.entries(shape);
    this.code(step);
  }

  /* All numbers of a small array; of a larger one a sample, in numbers or as a heat map. */
  show(step, shape) {
    const { app } = this, caption = `${this.left(step)}, ${shapeText(shape)}`;
    const one = sampleOf(shape, app.data.samples, app.sample);
    this.seen = isSmall(shape) ? { shape, start: 0 } : one;
    const of = this.seen.shape === shape ? "" : `, sample ${app.sample + 1}`;
    this.matrix = isSmall(this.seen.shape)
      ? new Matrix(caption + of, shape, this.seen, (entry) => app.look(entry)) : null;
    this.canvas = el("canvas", { role: "img", "aria-label": `heat map of ${caption}`,
      onclick: (event) => this.pick(event) });
    const legend = `${caption}${of}; a negative number is in the other colour`;
    const map = el("figure", { class: "map" }, this.canvas, el("figcaption", {}, legend));
    this.numbers.replaceChildren(this.matrix ? this.matrix.node : map);
  }

  /* The entry of a heat map that was clicked. */
  pick(event) {
    const { shape, start } = this.seen, { rows, columns, blocks } = picture(shape);
    if (blocks !== 1) return;
    const box = this.canvas.getBoundingClientRect();
    const j = Math.floor(columns * (event.clientX - box.left) / box.width);
    const i = Math.floor(rows * (event.clientY - box.top) / box.height);
    this.app.look(start + Math.min(i, rows - 1) * columns + Math.min(j, columns - 1));
  }

  entries(shape) {
    const { numbers } = this.app.model.arrays[this.built.array].more; // where it is recorded
    const count = Math.min(numbers?.length ?? size(shape), CHOICES);
    const option = (_, i) => el("option", { value: i }, entryText(shape, i) || "the number");
    this.entry.replaceChildren(...Array.from({ length: count }, option));
    this.entry.disabled = count < 2;
  }

  code(step) {
    const { app } = this;
    const framework = app.data.frameworks.find(({ id }) => id === app.framework);
    const [text, list] = framework.id === "numpy" ? this.ours(step)
      : framework.missing ? [`${framework.name} was skipped: ${framework.missing}`, null]
      : this.theirs(step, framework.id);
    write(find("found"), text);
    find("listing").replaceChildren(...(list ? [list] : []));
    find("listing").hidden = !list;
    const now = find("listing").querySelector(".now, .around");
    if (now) {
      const box = find("listing");
      box.scrollTop = now.offsetTop - box.offsetTop - box.clientHeight / 2 + now.offsetHeight / 2;
    }
  }

  ours(step) {
    if (step.source === null) return [`${step.where}: ${step.code}`, null];
    const source = this.app.data.sources[step.source];
    const lines = source.lines.map((line, i) => {
      const now = source.first + i >= step.first && source.first + i <= step.last;
      return codeLine(source.first + i, line, now);
    });
    return [`The reference, ${step.where}`, el("ol", { class: "lines" }, ...lines)];
  }

  theirs(step, id) {
    const found = step.found[id] ?? { at: null, text: "no counterpart" };
    const program = this.app.data.programs[id];
    const from = program.findIndex(([phase]) => phase === step.phase);
    const lines = program.map(([phase, line], i) => phase === step.phase
      ? codeLine(i - from + 1, line, i === found.at, i === found.inside) : null).filter(Boolean);
    const text = [found.text, found.more].filter(Boolean).join("; ");
    return [text, el("ol", { class: "lines" }, ...lines)];
  }
}

function codeLine(number, text, now, around = false) {
  const kind = now ? "now" : around ? "around" : null;
  return el("li", { class: kind, "aria-current": now ? "true" : null },
    el("span", { class: "line-number", "aria-hidden": "true" }, `${number}`),
    el("code", {}, text || " "));
}
