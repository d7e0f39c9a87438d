/* Elements, made from text and never from markup: names and labels come from users' files. */

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

const find = (id) => document.getElementById(id);

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/* The same for an attribute; null takes it away. */
function attribute(node, name, value) {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

const PHASES = {
  forward: { name: "Forward", symbol: "→" },
  backward: { name: "Backward", symbol: "←" },
  update: { name: "Update", symbol: "↻" },
};
