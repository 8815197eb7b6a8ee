// Builds elements in one line. Adds text as text, never as markup.
// Must not know what the elements are for.

type Attributes = Record<string, string | boolean | EventListener | undefined>;
type Child = Node | string;

/** `on…` attributes are listeners. `true` sets an empty attribute; `false` and undefined set none. */
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

/** `look`: its CSS classes. */
export function button(look: string, text: string, attributes: Attributes): HTMLButtonElement {
  return element("button", { type: "button", class: look, ...attributes }, text);
}

/** An error message with a button that helps, such as "Retry". */
export function errorLine(text: string, action: string, onAction: () => void): HTMLElement {
  return element(
    "div",
    { class: "error", role: "alert", "data-testid": "error" },
    element("span", {}, text),
    button("button quiet", action, { onclick: onAction }),
  );
}
