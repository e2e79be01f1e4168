// Questions to the person at the page. <dialog> keeps the focus inside, closes
// with Escape and gives the focus back.

import { h } from "./dom.js";

function show(content, wide = false) {
  const dialog = h("dialog", { class: wide ? "dialog wide" : "dialog" },
    content);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return dialog;
}

/**
 * Asks for the values of `fields` before something is done.
 * @param fields [{name, label, type, value, required, hint, options, min, max,
 * step, maxlength, whole}]; `whole` ones take a line of a wide dialog
 * @returns Promise of the values, or of null if it was left
 */
export function askFor({
  title, text, fields = [], action, danger = false, wide = false,
}) {
  return new Promise((resolve) => {
    const inputs = fields.map((field) => {
      const props = {
        name: field.name, required: field.required, id: `ask-${field.name}`,
        maxlength: field.maxlength ?? 1000, autocomplete: "off",
      };
      if (field.options)
        return h("select", props, field.options.map(([value, label]) =>
          h("option", { value, selected: value === field.value }, label)));
      const value = field.value;
      if (field.type === "lines")
        return h("textarea", { ...props, rows: 3, value });
      const { min, max, step } = field;
      return h("input", {
        ...props, type: field.type ?? "text", min, max, step, value,
      });
    });
    const form = h("form", { method: "dialog" },
      h("h2", {}, title),
      text && h("p", { class: "muted" }, text),
      fields.map((field, i) => h("label", {
        for: `ask-${field.name}`, class: field.whole ? "whole" : null,
      },
        h("span", {}, field.label), inputs[i],
        field.hint && h("small", {}, field.hint))),
      h("div", { class: "dialog-actions" },
        h("button", {
          type: "button", class: "button", on: { click: () => dialog.close() },
        }, "Back"),
        h("button", {
          type: "submit", class: `button ${danger ? "danger" : "primary"}`,
        }, action)));
    let values = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault(); // CSP allows no form to go anywhere
      values = Object.fromEntries(inputs.map((x) => [x.name, x.value.trim()]));
      dialog.close();
    });
    const dialog = show(form, wide);
    dialog.addEventListener("close", () => resolve(values));
  });
}

/** Asks for a token until there is one: without, there is nothing to see. */
export function askToken(problem) {
  return new Promise((resolve) => {
    const input = h("input", {
      type: "password", id: "token", name: "token", required: true,
      autocomplete: "off", spellcheck: "false", "aria-describedby": "token-why",
      pattern: "[\\x21-\\x7e]+",
    });
    const form = h("form", { method: "dialog", class: "token-form" },
      h("h2", {}, "Who is there?"),
      h("p", { class: "muted", id: "token-why" },
        "This tunerd wants a token. It is kept until this tab is closed and " +
        "sent as a header, never in an address."),
      problem && h("p", { class: "problem", role: "alert" }, problem),
      h("label", { for: "token" }, h("span", {}, "Token"), input),
      h("div", { class: "dialog-actions" },
        h("button", { type: "submit", class: "button primary" }, "Go on")));
    const dialog = show(form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      resolve(input.value.trim());
      dialog.close();
    });
    // Escape closes at the second time, whatever one says to the first.
    dialog.addEventListener("close", () => resolve(input.value.trim() || "-"));
  });
}

const shortcuts = [
  ["1 – 8", "go to a view"],
  ["/", "search"],
  ["j  k", "next, previous row"],
  ["Enter", "open the row"],
  ["w", "why does it wait?"],
  ["l", "follow its log"],
  ["t", "its trace"],
  ["a  x  e", "approve, reject, extend"],
  ["c", "cancel the open job"],
  ["n", "a new rule"],
  ["r", "read again now"],
  ["Esc", "close"],
  ["?", "this list"],
];

export function showShortcuts() {
  if (document.querySelector("dialog") !== null) return;
  const dialog = show(h("div", {},
    h("h2", {}, "Keyboard"),
    h("dl", { class: "keys" }, shortcuts.map(([keys, what]) => [
      h("dt", {}, keys.split("  ").map((key) => h("kbd", {}, key))),
      h("dd", {}, what)])),
    h("div", { class: "dialog-actions" },
      h("button", {
        type: "button", class: "button primary", autofocus: true,
        on: { click: () => dialog.close() },
      }, "Close"))));
}
