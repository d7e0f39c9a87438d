/* Arrays to look at: a table of numbers where they are few, a heat map where they are many. */

const CELLS = 64; // numbers that are shown as a table

/* An array as a picture: rows and columns of it, its leading axes side by side. */
function picture(shape) {
  if (shape.length < 2) return { rows: 1, columns: size(shape), blocks: 1 };
  const [rows, columns] = shape.slice(-2);
  return { rows, columns, blocks: size(shape.slice(0, -2)) };
}

/* Of an array with an axis of samples, one sample of it. */
function sampleOf(shape, samples, sample) {
  if (shape.length < 3 || shape[0] !== samples) return { shape, start: 0 };
  return { shape: shape.slice(1), start: sample * size(shape.slice(1)) };
}

function largest(data) {
  let most = 0;
  for (const v of data) if (Math.abs(v) > most && Number.isFinite(v)) most = Math.abs(v);
  return most;
}

/* The colours of the theme that is on: positive in the phase's colour, negative in another. */
function inks(node) {
  const style = getComputedStyle(node);
  return [style.getPropertyValue("color"), getComputedStyle(find("negative")).color]
    .map((text) => text.match(/[\d.]+/g).slice(0, 3).map(Number));
}

/* Paint an array on a canvas, one pixel a number; the style makes it larger. */
function paint(canvas, data, shape, start = 0) {
  const { rows, columns, blocks } = picture(shape);
  const across = Math.ceil(Math.sqrt(blocks)), down = Math.ceil(blocks / across);
  const gap = blocks > 1 ? 1 : 0;
  canvas.width = across * (columns + gap) - gap;
  canvas.height = down * (rows + gap) - gap;
  const image = new ImageData(canvas.width, canvas.height), most = largest(data) || 1;
  const [positive, negative] = inks(canvas);
  for (let i = 0; i < blocks * rows * columns && start + i < data.length; i++) {
    const block = Math.floor(i / (rows * columns)), inside = i % (rows * columns);
    const x = (block % across) * (columns + gap) + (inside % columns);
    const y = Math.floor(block / across) * (rows + gap) + Math.floor(inside / columns);
    const value = data[start + i], [r, g, b] = value < 0 ? negative : positive;
    const opacity = Math.min(255, 20 + 235 * Math.abs(value) / most);
    image.data.set([r, g, b, opacity], 4 * (y * canvas.width + x));
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/* Whether an array has few numbers, in rows and columns (axes of one entry do not count). */
function isSmall(shape) {
  const axes = shape.filter((n) => n > 1);
  return axes.length <= 2 && size(shape) <= CELLS && (axes.at(-1) ?? 1) <= 8;
}

/* A table of numbers whose cells choose the entry to look at; ``fill`` writes it anew. It may show
   one sample of an array, which starts at some entry. */
class Matrix {
  constructor(caption, shape, seen, choose) {
    const columns = seen.shape.filter((n) => n > 1).at(-1) ?? 1;
    const rows = size(seen.shape) / columns;
    this.start = seen.start;
    this.cells = [];
    const body = Array.from({ length: rows }, (_, i) => el("tr", {},
      ...Array.from({ length: columns }, (_, j) => this.cell(i * columns + j, shape, choose))));
    this.node = el("table", { class: "matrix" },
      el("caption", {}, caption), el("tbody", {}, ...body));
  }

  cell(entry, shape, choose) {
    const place = this.start + entry, label = `entry ${entryText(shape, place)}`;
    const button = el("button", { type: "button", title: label, onclick: () => choose(place) });
    this.cells.push(button);
    return el("td", {}, button);
  }

  fill(data, chosen) {
    const most = largest(data) || 1;
    this.cells.forEach((cell, i) => {
      const value = data[this.start + i];
      write(cell, digits(value, 5));
      cell.setAttribute("aria-pressed", this.start + i === chosen);
      cell.style.setProperty("--part", Math.abs(value) / most);
      cell.classList.toggle("below", value < 0);
    });
  }
}
