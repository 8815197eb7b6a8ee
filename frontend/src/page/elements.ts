// Building elements in one line. Text always goes in as text, never as markup.
// Must not know what the elements are for.

type Attributes = Record<string, string | boolean | EventListener | undefined>;
type Child = Node | string;

/** `on…` attributes are listeners; `true` sets an empty attribute, `false` and undefined none. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (typeof value === "string") node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** A line that says what is wrong, with a button that does something about it. */
export function errorLine(text: string, action: string, onAction: () => void): HTMLElement {
  return element(
    "div",
    { class: "error", role: "alert", "data-testid": "error" },
    element("span", {}, text),
    element("button", { type: "button", class: "button quiet", onclick: onAction }, action),
  );
}
