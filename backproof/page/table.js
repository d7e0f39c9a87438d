/* The graph for those who cannot see it, or want to copy its numbers: values and gradients. */

class GraphTable {
  constructor(app) {
    this.app = app;
    this.node = find("numbers-table");
    this.node.hidden = !app.data.graph;
    this.node.addEventListener("toggle", () => this.draw());
  }

  /* [what, value, gradient] of every node and weight. */
  *rows() {
    const { app } = this, { data, model, sample } = app;
    for (const [c, column] of data.graph.columns.entries()) {
      const value = model.arrays[c ? column.value : data.given.x].data;
      const gradient = column.gradient === null ? null : model.arrays[column.gradient].data;
      const shape = [data.samples, column.width], from = sample * column.width;
      for (let i = from; i < from + column.width; i++) {
        yield [`${column.title} ${entryText(shape, i)}`, value[i], gradient?.[i]];
      }
    }
    for (const path of data.parameters) {
      const { shape, data: value } = model.given(path), found = app.gradientOf(path);
      const gradient = found && model.arrays[found.array].data;
      for (let i = 0; i < value.length; i++) {
        yield [`${path} ${entryText(shape, i)}`, value[i], gradient?.[i]];
      }
    }
  }

  draw() {
    if (!this.node.open) return;
    const number = (v) => el("td", { class: "numbers" }, v === undefined ? "" : digits(v));
    const head = ["what", "value", "gradient of the loss"]
      .map((text) => el("th", { scope: "col" }, text));
    const rows = [...this.rows()].map(([name, value, gradient]) =>
      el("tr", {}, el("th", { scope: "row" }, name), number(value), number(gradient)));
    this.node.lastElementChild.replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)));
  }
}
