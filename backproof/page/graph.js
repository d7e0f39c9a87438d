/* A chain of narrow layers, node by node: values in the nodes, weights on the edges. */

const WIDTH = 72, HEIGHT = 38, LINE = 13; // of a node, and of each line more in it
const WIDE = { across: 26, along: { weight: 122, each: 30 }, margin: 40 };
const TALL = { across: 14, along: { weight: 92, each: 24 }, margin: 26 };
const LABELLED = 6; // edges of a layer that all have their weight written on them
const EXTRA = { b: "bias", t: "target" }; // lines above a value

class Graph {
  constructor(app) {
    this.app = app;
    this.node = el("div", { class: "graph" });
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
    return this.lines(c).map((kind) => `; ${kind} is its ${EXTRA[kind]}`).join("");
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
    const text = svg("desc", {}, "The arrow keys go along the network and across it, Home to the "
      + "input, End to the loss; Enter looks closer. A table of all numbers is below.");
    this.edges = this.links.map((link, c) => this.edgesOf(link, c));
    this.nodes = this.columns.map((column, c) => this.nodesOf(column, c));
    this.last = this.edgesTo();
    this.loss = this.box(this.lossAt, "loss", this.app.data.labels ? ["loss", "class"] : ["loss"],
      () => this.app.jump((step) => step.array === this.app.data.loss));
    this.headings = this.columns.map((column, c) => this.heading(column, c));
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "application",
      class: "network" }, title, text, ...this.last,
      ...this.edges.flat().map((edge) => edge.node), ...this.nodes.flat().map((node) => node.node),
      this.loss.node, ...this.headings.filter(Boolean),
      ...this.edges.flat().map((edge) => edge.label));
    drawing.style.minWidth = `${0.78 * width}px`; // any smaller, and it could not be read
    drawing.style.width = `${width * (this.tall ? 1 : 1.35)}px`;
    const left = this.node.contains(document.activeElement) && this.walk.here.says;
    const around = el("div", { class: "scroll" }, drawing);
    this.walk = new Walk(around, this.ranks(), this.tall, () => this.app.changed());
    this.node.replaceChildren(around);
    if (left) [...this.walk.parts.values()].find(({ says }) => says === left).node.focus();
  }

  /* What can be chosen, from the input to the loss, each part joined to what it leads to. */
  ranks() {
    this.links.forEach(({ weight }, c) => this.edges[c].forEach((edge) => {
      const [from, to] = [this.nodes[c][edge.i], this.nodes[c + 1][edge.j]];
      if (!weight) return join(from, to);
      join(from, edge);
      return join(edge, to);
    }));
    this.nodes.at(-1).forEach((node) => join(node, this.loss));
    const between = (c) => (this.links[c]?.weight ? [this.edges[c]] : []);
    return [...this.nodes.flatMap((nodes, c) => [nodes, ...between(c)]), [this.loss]];
  }

  heading(column, c) {
    const { x, y, height } = this.at[c][0];
    if (this.tall && x - WIDTH / 2 <= 72) return null; // no room
    const place = this.tall ? { x: 4, y: y + 4 }
      : { x, y: y - height / 2 - 9, "text-anchor": "middle" };
    return svg("text", { class: "heading", "aria-hidden": "true", ...place }, column.title);
  }

  box({ x, y, height }, name, lines, onclick) {
    const top = y - height / 2;
    const frame = svg("rect", { x: x - WIDTH / 2, y: top, width: WIDTH, height, rx: 9 });
    const ring = svg("rect", { x: x - WIDTH / 2 - 5, y: top - 5, width: WIDTH + 10,
      height: height + 10, rx: 13, class: "ring" });
    const extra = lines.map((_, i) => svg("text", { x, y: top + 13 + i * LINE, class: "extra" }));
    const bottom = y + height / 2, up = name === "loss" ? 9 : 22;
    const value = svg("text", { x, y: bottom - up, class: "value" });
    const gradient = svg("text", { x, y: bottom - 7, class: "gradient" });
    const node = svg("g", { class: "node", role: "button", onclick },
      svg("title", {}, name), frame, ring, ...extra, value, gradient);
    return { node, says: name, x, y, value, gradient, extra };
  }

  nodesOf(column, c) {
    return this.at[c].map((place, i) => {
      const unit = `${column.title}, unit ${i + 1}`, says = c ? unit : `input ${unit}`;
      const choose = () => this.app.choose(c, i);
      return { ...this.box(place, `${unit}${this.meanings(c)}`, this.lines(c), choose), says };
    });
  }

  edge(from, to, title, onclick) {
    const [dx, dy] = this.tall ? [0, 1] : [1, 0];
    const [x1, y1] = [from.x + dx * WIDTH / 2, from.y + dy * from.height / 2];
    const [x2, y2] = [to.x - dx * WIDTH / 2, to.y - dy * to.height / 2];
    const line = svg("line", { x1, y1, x2, y2, class: "line" });
    const wide = svg("line", { x1, y1, x2, y2, class: "touch" });
    const says = onclick ? { role: "button", onclick } : { "aria-hidden": "true" };
    const node = svg("g", { class: "edge", ...says }, svg("title", {}, title), wide, line);
    return { node, line, point: (t) => [x1 + t * (x2 - x1), y1 + t * (y2 - y1)] };
  }

  edgesOf(link, c) {
    const pairs = link.weight ? this.allPairs(c) : link.pairs;
    const width = this.columns[c + 1].width;
    return pairs.map(([i, j]) => {
      const entry = i * width + j;
      const name = link.weight ? `${link.weight}[${i}, ${j}]` : link.headline;
      const edge = this.edge(this.at[c][i], this.at[c + 1][j], name,
        link.weight && (() => this.app.chooseWeight(link, entry)));
      const crossing = this.tall && (i + j) % 2; // its label further on, beside the others
      const [x, y] = edge.point(pairs.length === 1 ? 0.5 : crossing ? 0.78 : 0.27);
      const value = svg("text", { x, y: y - 1, class: "value" });
      const gradient = svg("text", { x, y: y + 10, class: "gradient" });
      const label = svg("g", { class: "label", "aria-hidden": "true" }, value, gradient);
      const says = `weight ${name} from unit ${i + 1} to unit ${j + 1}`;
      const few = pairs.length <= LABELLED;
      return { ...edge, i, j, entry, x, y, says, label, value, gradient, few };
    });
  }

  allPairs(c) {
    const [n, m] = [this.columns[c].width, this.columns[c + 1].width];
    return Array.from({ length: n * m }, (_, k) => [Math.floor(k / m), k % m]);
  }

  edgesTo() {
    return this.at.at(-1).map((place) => this.edge(place, this.lossAt, "", null).node);
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
    this.tell(this.loss, digits(app.model.loss, 6), label?.textContent);
    this.mark(this.loss, step.path === "loss" && step.phase === "forward", lossStep);
  }

  mark(part, now, made) {
    part.node.classList.toggle("now", now);
    part.node.classList.toggle("later", made > this.app.at);
    if (now) part.node.dataset.phase = this.app.step.phase;
  }

  /* To a screen reader: the name, the value and what else there is. */
  tell(part, value, ...facts) {
    const all = [value, ...facts].filter(Boolean).join(", ");
    attribute(part.node, "aria-label", `${part.says}: ${all}`);
  }

  /* What is looked at is marked, and what a slider moves: a weight bold, an input underlined. */
  choose(part, chosen, held = false) {
    part.node.classList.toggle("chosen", chosen);
    part.value.classList.toggle("held", held);
    attribute(part.node, "aria-current", chosen || held ? "true" : null);
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
      const value = brief(values[from + i], 4);
      const gradient = gradients ? brief(gradients[from + i], 3) : "";
      const extras = this.lines(c).map((kind) => [kind, this.extra(kind, link, i)]);
      write(node.value, value);
      write(node.gradient, gradient && `∂ ${gradient}`);
      extras.forEach(([kind, text], k) => write(node.extra[k], `${kind} ${text}`));
      this.mark(node, now, made);
      const held = !c && app.knobs?.input?.holds("x", from + i);
      this.choose(node, now && app.entry === from + i, held);
      node.gradient.classList.toggle("later", back > app.at);
      this.tell(node, value, ...extras.map(([kind, text]) => `${EXTRA[kind]} ${text}`),
        gradient && back <= app.at && `gradient ${gradient}`);
    });
  }

  /* The bias of a node, or its target. */
  extra(kind, link, i) {
    const { model, data, sample } = this.app;
    const bias = link?.fixed ?? model.given(link?.bias)?.data;
    if (kind === "b") return brief(bias[i], 4);
    const target = model.arrays[data.given.target];
    return brief(target.data[sample * target.shape[1] + i], 3);
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
      const held = app.knobs?.weight.holds(link.weight, edge.entry);
      this.choose(edge, now && chosen, held);
      const focused = edge.node === document.activeElement;
      edge.label.classList.toggle("hidden", !(edge.few || (now && chosen) || focused));
      if (focused) edge.label.parentNode.append(edge.label); // above all others
      const [sign, number] = this.below(link, edge.entry, updating, gradient);
      write(edge.value, brief(value, 3));
      write(edge.gradient, number && `${sign} ${number}`);
      edge.gradient.classList.toggle("update", updating);
      this.tell(edge, brief(value, 3), number && `${updating ? "becomes" : "gradient"} ${number}`);
    }
  }

  /* What stands below a weight: its gradient once there is one, and what it is updated to. */
  below(link, entry, updating, gradient) {
    const { app } = this, { arrays } = app.model;
    if (updating) return ["→", brief(arrays[app.data.updated[link.weight]].data[entry], 3)];
    if (!gradient || gradient.step > app.at) return ["", ""];
    return ["∂", brief(arrays[gradient.array].data[entry], this.tall ? 2 : 3)];
  }
}
