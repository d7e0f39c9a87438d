/* A chain of narrow layers, node by node: values in the nodes, weights on the edges. */

const WIDTH = 72, HEIGHT = 38, LINE = 13; // of a node, and of each line more in it
const WIDE = { across: 26, along: { weight: 122, each: 30 }, margin: 40 };
const TALL = { across: 14, along: { weight: 92, each: 24 }, margin: 26 };
const LABELLED = 6; // edges of a layer that all have their weight written on them

class Graph {
  constructor(app) {
    this.app = app;
    this.node = el("div", { class: "graph", role: "group", "aria-label": "The network" });
    this.narrow = matchMedia("(max-width: 46rem)");
    this.narrow.addEventListener("change", () => { this.build(); this.draw(); });
    this.build();
  }

  get columns() { return this.app.data.graph.columns; }
  get links() { return this.app.data.graph.links; }

  /* Lines above a node's value: its bias, its target. */
  lines(c) {
    const link = this.links[c - 1], last = c === this.columns.length - 1;
    return [link?.weight && (link.bias || link.fixed) ? "b" : "", last && this.target ? "t" : ""]
      .filter(Boolean);
  }

  meanings(c) {
    const words = { b: "; b is its bias", t: "; t is its target" };
    return this.lines(c).map((kind) => words[kind]).join("");
  }

  get target() {
    const target = this.app.data.given.target;
    return target !== undefined && this.app.model.arrays[target].shape.length === 2;
  }

  /* Where everything is: columns from left to right, or in a narrow window from top to bottom. */
  build() {
    this.tall = this.narrow.matches;
    const style = this.tall ? TALL : WIDE;
    const heights = this.columns.map((_, c) => HEIGHT + LINE * this.lines(c).length);
    const unit = this.tall ? WIDTH : Math.max(...heights);
    const widest = Math.max(...this.columns.map((column) => column.width));
    const across = widest < 3 ? 42 : style.across; // labels of edges need room
    const pitch = unit + across, span = widest * pitch - across;
    const middle = Math.max(style.margin + span / 2, this.tall ? 166 : 0);
    let along = style.margin;
    const step = (thick) => { along += thick; return along - thick / 2; };
    this.at = this.columns.map((column, c) => {
      if (c) along += style.along[this.links[c - 1].weight ? "weight" : "each"];
      const centre = step(this.tall ? heights[c] : WIDTH);
      return Array.from({ length: column.width }, (_, i) => {
        const place = middle + (i - (column.width - 1) / 2) * pitch;
        const [x, y] = this.tall ? [place, centre] : [centre, place];
        return { x, y, height: heights[c] };
      });
    });
    along += style.along.each + 8;
    const height = HEIGHT + (this.app.data.labels ? LINE : 0);
    const centre = step(this.tall ? height : WIDTH);
    const [x, y] = this.tall ? [middle, centre] : [centre, middle];
    this.lossAt = { x, y, height };
    const size = [along + style.margin, 2 * middle];
    this.size = this.tall ? size.reverse() : size;
    this.parts();
  }

  parts() {
    const [width, height] = this.size;
    const title = svg("title", {}, `${this.app.data.name} as a graph`);
    const text = svg("desc", {}, "The numbers are also in the table below the graph.");
    this.edges = this.links.map((link, c) => this.edgesOf(link, c));
    this.nodes = this.columns.map((column, c) => this.nodesOf(column, c));
    this.last = this.edgesTo();
    this.loss = this.box(this.lossAt, "loss", this.app.data.labels ? ["loss", "class"] : ["loss"],
      () => this.app.jump((step) => step.array === this.app.data.loss));
    this.headings = this.columns.map((column, c) => this.heading(column, c));
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "network" },
      title, text, ...this.last,
      ...this.edges.flat().map((edge) => edge.node), ...this.nodes.flat().map((node) => node.node),
      this.loss.node, ...this.headings.filter(Boolean),
      ...this.edges.flat().map((edge) => edge.label));
    drawing.style.minWidth = `${0.78 * width}px`; // any smaller, and it could not be read
    drawing.style.width = `${width * (this.tall ? 1 : 1.35)}px`;
    this.node.replaceChildren(el("div", { class: "scroll", tabindex: 0, role: "region",
      "aria-label": "The network, drawn" }, drawing));
  }

  heading(column, c) {
    const { x, y, height } = this.at[c][0];
    if (this.tall && x - WIDTH / 2 <= 72) return null; // no room
    const place = this.tall ? { x: 4, y: y + 4 }
      : { x, y: y - height / 2 - 9, "text-anchor": "middle" };
    return svg("text", { class: "heading", ...place }, column.title);
  }

  box({ x, y, height }, name, lines, onclick) {
    const top = y - height / 2;
    const frame = svg("rect", { x: x - WIDTH / 2, y: top, width: WIDTH, height, rx: 9 });
    const extra = lines.map((_, i) => svg("text", { x, y: top + 13 + i * LINE, class: "extra" }));
    const bottom = y + height / 2, up = name === "loss" ? 9 : 22;
    const value = svg("text", { x, y: bottom - up, class: "value" });
    const gradient = svg("text", { x, y: bottom - 7, class: "gradient" });
    const node = svg("g", { class: "node", onclick },
      svg("title", {}, name), frame, ...extra, value, gradient);
    return { node, value, gradient, extra };
  }

  nodesOf(column, c) {
    return this.at[c].map((place, i) => {
      const name = `${column.title}, unit ${i + 1}${this.meanings(c)}`;
      return this.box(place, name, this.lines(c), () => this.app.choose(c, i));
    });
  }

  edge(from, to, title, onclick) {
    const [dx, dy] = this.tall ? [0, 1] : [1, 0];
    const [x1, y1] = [from.x + dx * WIDTH / 2, from.y + dy * from.height / 2];
    const [x2, y2] = [to.x - dx * WIDTH / 2, to.y - dy * to.height / 2];
    const line = svg("line", { x1, y1, x2, y2, class: "line" });
    const wide = svg("line", { x1, y1, x2, y2, class: "touch" });
    const node = svg("g", { class: "edge", onclick }, svg("title", {}, title), line, wide);
    return { node, line, point: (t) => [x1 + t * (x2 - x1), y1 + t * (y2 - y1)] };
  }

  edgesOf(link, c) {
    const pairs = link.weight ? this.allPairs(c) : link.pairs;
    const width = this.columns[c + 1].width;
    return pairs.map(([i, j]) => {
      const entry = i * width + j;
      const name = link.weight ? `${link.weight}[${i}, ${j}]` : link.headline;
      const edge = this.edge(this.at[c][i], this.at[c + 1][j], name,
        () => this.app.chooseWeight(link, entry));
      const crossing = this.tall && (i + j) % 2; // its label further on, beside the others
      const [x, y] = edge.point(pairs.length === 1 ? 0.5 : crossing ? 0.78 : 0.27);
      const weight = svg("text", { x, y: y - 1, class: "value" });
      const gradient = svg("text", { x, y: y + 10, class: "gradient" });
      const label = svg("g", { class: "label" }, weight, gradient);
      return { ...edge, i, j, entry, label, weight, gradient, few: pairs.length <= LABELLED };
    });
  }

  allPairs(c) {
    const [n, m] = [this.columns[c].width, this.columns[c + 1].width];
    return Array.from({ length: n * m }, (_, k) => [Math.floor(k / m), k % m]);
  }

  edgesTo() {
    return this.at.at(-1).map((place) => this.edge(place, this.lossAt, "", () => {}).node);
  }

  /* The numbers and the marks, at this step. */
  draw() {
    this.columns.forEach((column, c) => this.drawColumn(column, c));
    this.links.forEach((link, c) => { if (link.weight) this.drawWeights(link, c); });
    const { app } = this, step = app.step, lossStep = app.stepOf(app.data.loss);
    write(this.loss.value, brief(app.model.loss, 4));
    const [name, label] = this.loss.extra;
    write(name, "loss");
    if (label) write(label, `class ${app.data.labels[app.sample]}`);
    this.mark(this.loss, step.path === "loss" && step.phase === "forward", lossStep);
  }

  mark(part, now, made) {
    part.node.classList.toggle("now", now);
    part.node.classList.toggle("later", made > this.app.at);
    if (now) part.node.dataset.phase = this.app.step.phase;
  }

  drawColumn(column, c) {
    const { app } = this, { arrays } = app.model, { step } = app, link = this.links[c - 1];
    const values = arrays[c ? column.value : app.data.given.x].data;
    const from = app.sample * column.width;
    const gradients = column.gradient === null ? null : arrays[column.gradient].data;
    const made = c ? app.stepOf(column.value) : -1, back = app.stepOf(column.gradient);
    const onTheWay = link && link.path === step.path && step.phase === "forward"
      && arrays[step.array].shape.at(-1) === column.width;
    const now = step.array === column.value || onTheWay || step.array === column.gradient;
    this.nodes[c].forEach((node, i) => {
      write(node.value, brief(values[from + i], 4));
      write(node.gradient, gradients ? `∂ ${brief(gradients[from + i], 3)}` : "");
      this.lines(c).forEach((kind, k) => write(node.extra[k], this.extra(kind, link, i)));
      this.mark(node, now, made);
      node.node.classList.toggle("chosen", now && app.entry === from + i);
      node.gradient.classList.toggle("later", back > app.at);
    });
  }

  /* "b 0.35", the bias of a node, or "t 0.01", its target. */
  extra(kind, link, i) {
    const { model, data, sample } = this.app;
    const bias = link?.fixed ?? model.given(link?.bias)?.data;
    if (kind === "b") return `b ${brief(bias[i], 4)}`;
    const target = model.arrays[data.given.target];
    return `t ${brief(target.data[sample * target.shape[1] + i], 3)}`;
  }

  drawWeights(link, c) {
    const { app } = this, { step } = app, weight = app.model.given(link.weight).data;
    const gradient = app.gradientOf(link.weight), width = this.columns[c + 1].width;
    const updating = step.phase === "update" && step.leaf === link.weight;
    const ofWeight = updating || step.array === gradient?.array;
    const now = ofWeight || (step.phase === "forward" && step.path === link.path);
    const most = largest(weight) || 1;
    for (const edge of this.edges[c]) {
      const value = weight[edge.entry];
      const chosen = ofWeight ? app.entry === edge.entry : edge.j === app.entry % width;
      edge.line.style.strokeWidth = 0.8 + 3.2 * Math.abs(value) / most;
      edge.node.classList.toggle("below", value < 0);
      this.mark(edge, now, -1);
      edge.node.classList.toggle("chosen", now && chosen);
      edge.label.classList.toggle("hidden", !edge.few && !(now && chosen));
      write(edge.weight, brief(value, 3));
      write(edge.gradient, this.below(link, edge.entry, updating, gradient));
      edge.gradient.classList.toggle("update", updating);
    }
  }

  /* What stands below a weight: its gradient once there is one, and what it is updated to. */
  below(link, entry, updating, gradient) {
    const { app } = this, { arrays } = app.model;
    if (updating) return `→ ${brief(arrays[app.data.updated[link.weight]].data[entry], 3)}`;
    if (!gradient || gradient.step > app.at) return "";
    return `∂ ${brief(arrays[gradient.array].data[entry], this.tall ? 2 : 3)}`;
  }
}
