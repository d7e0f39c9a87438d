/* The loss after each update, the last of them. */

const LAST = 100;
const PLOT = { width: 360, height: 150, left: 46, right: 10, top: 10, bottom: 24 };

class Plot {
  constructor(app) {
    this.app = app;
    this.line = svg("polyline", { class: "curve" });
    this.dot = svg("circle", { r: 4, class: "dot" });
    const names = ["top", "bottom", "first", "last"];
    this.labels = names.map((name) => svg("text", { class: `tick ${name}` }));
    const { width, height, left, right, top, bottom } = PLOT;
    const corner = `M${left} ${top}V${height - bottom}H${width - right}`;
    const axes = svg("path", { class: "axes", d: corner });
    this.title = svg("title", {}, "The loss after each update");
    this.node = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "plot" },
      this.title, axes, this.line, this.dot, ...this.labels);
  }

  draw() {
    const { losses } = this.app.model, { width, height, left, right, top, bottom } = PLOT;
    const first = Math.max(0, losses.length - LAST), shown = losses.slice(first);
    const finite = shown.filter(Number.isFinite);
    const high = Math.max(...finite), low = Math.min(0, ...finite);
    const [across, down] = [width - left - right, height - top - bottom];
    const points = shown.map((v, i) => [
      left + across * (i / Math.max(1, shown.length - 1)),
      top + down * (1 - (v - low) / (high - low || 1)),
    ]).filter(([, y]) => Number.isFinite(y));
    const texts = points.map((point) => point.map((v) => v.toFixed(1)).join());
    this.line.setAttribute("points", texts.join(" "));
    const [cx, cy] = points.at(-1) ?? [left, top];
    filled(this.dot, { cx, cy }, []);
    const last = losses.length - 1;
    const [start, end] = [shown[0], shown.at(-1)].map((v) => digits(v, 4));
    this.label(0, left - 6, top + 8, digits(high, 3));
    this.label(1, left - 6, height - bottom, digits(low, 3));
    this.label(2, left, height - 6, shown.length < 2 ? "" : `${first}`);
    this.label(3, width - right, height - 6, `update ${last}`);
    write(this.title, `The loss: ${start} at update ${first}, ${end} at update ${last}`);
  }

  label(which, x, y, text) {
    filled(this.labels[which], { x, y }, []);
    write(this.labels[which], text);
  }
}
