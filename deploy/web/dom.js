// The only way into the document. Values become text nodes and attributes:
// there is no function here that parses markup, so no value can be any.

const SVG = "http://www.w3.org/2000/svg";

function add(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

function assign(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [type, listener] of Object.entries(value))
        node.addEventListener(type, listener);
    } else if (name === "data") {
      Object.assign(node.dataset, value);
    } else if (name === "value") {
      node.value = value;
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
}

/** Makes an element: h("a", {href, class, on: {click}, data: {id}}, ...). */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  assign(node, props);
  add(node, children);
  return node;
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  assign(node, props);
  add(node, children);
  return node;
}

/** Sets the text of `node` if it differs: a selection in it survives. */
export function put(node, text) {
  const value = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== value) node.textContent = value;
}

/** Replaces the children of `node`. */
export function fill(node, ...children) {
  node.replaceChildren();
  add(node, children);
}

/** The same, unless it was done for the same `key`: the focus stays then. */
export function refill(node, key, make) {
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  fill(node, make());
}

/** Sets or removes an attribute if that changes something. */
export function attr(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, String(value));
  }
}

/**
 * Makes the children of `parent` show `items`, reusing the element of each
 * key: nothing that stays is touched, loses its focus or moves without need.
 * @param make (item) => element
 * @param update (element, item), also called right after `make`
 */
export function keyed(parent, items, keyOf, make, update) {
  const before = parent.byKey ?? new Map();
  const after = new Map();
  for (const item of items) after.set(String(keyOf(item)), item);
  for (const [key, node] of before) if (!after.has(key)) node.remove();
  const focused = document.activeElement;
  let next = parent.firstElementChild;
  for (const [key, item] of after) {
    const node = before.get(key) ?? make(item);
    update(node, item);
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
    after.set(key, node);
  }
  parent.byKey = after;
  if (focused !== document.activeElement && parent.contains(focused))
    focused.focus({ preventScroll: true });
}

/** Calls `act` once after `ms` without a further call. */
export function debounce(ms, act) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(act, ms, ...args);
  };
}
