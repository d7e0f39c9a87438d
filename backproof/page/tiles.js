/* A larger network: every step's array as a heat map, layer by layer; each is a button. */

const DRAWN = 240; // steps that all have a tile; of more, those that leave their layer

class Tiles {
  constructor(app) {
    this.app = app;
    this.tiles = new Map(); // by step
    this.stop = 0; // the step whose tile Tab comes to
    const { steps } = app.data;
    const shown = steps.map((step, i) => [step, i])
      .filter(([step]) => steps.length <= DRAWN || step.role || step.phase === "update");
    const rows = Object.keys(PHASES).map((phase) => {
      const found = shown.filter(([step]) => step.phase === phase);
      return el("section", { class: "strip", "data-phase": phase },
        el("h3", {}, PHASES[phase].name), el("div", { class: "layers" }, ...this.layers(found)));
    });
    const label = "Every step's numbers";
    this.node = el("div", { class: "tiles", role: "group", "aria-label": label }, ...rows);
  }

  layers(found) {
    const layers = [];
    for (const [step, i] of found) {
      const title = `${step.path} ${step.layer}`.trim();
      if (layers.at(-1)?.title !== title) layers.push({ title, tiles: [] });
      layers.at(-1).tiles.push(this.tile(step, i));
    }
    const about = (title) => ({ class: "layer", role: "group", "aria-label": title });
    return layers.map(({ title, tiles }) => el("div", about(title),
      el("span", { class: "title" }, title), el("div", { class: "row" }, ...tiles)));
  }

  tile(step, i) {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const { shape } = this.app.model.arrays[step.array];
    const label = `step ${i + 1}, ${step.name}, ${shapeText(shape)}`;
    const button = el("button", { type: "button", class: "tile", title: label, "aria-label": label,
      onclick: () => this.app.go(i) }, canvas, el("span", {}, step.name));
    this.tiles.set(i, { button, canvas, array: step.array });
    return button;
  }

  /* The arrow keys go from step to step, and from tile to tile where that is where one is. */
  follow() {
    const { button } = this.tiles.get(this.stop), now = document.activeElement;
    if (now !== button && this.node.contains(now)) button.focus();
  }

  draw() {
    const { app } = this;
    if (this.tiles.has(app.at)) this.stop = app.at;
    for (const [i, { button, canvas, array }] of this.tiles) {
      const { data, shape } = app.model.arrays[array];
      const seen = sampleOf(shape, app.data.samples, app.sample);
      paint(canvas, data, seen.shape, seen.start);
      if (i === app.at) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
      button.classList.toggle("later", i > app.at);
      button.tabIndex = i === this.stop ? 0 : -1;
    }
    this.follow();
  }
}
