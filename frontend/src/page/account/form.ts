// A form in a card: a title, fields, a submit button, other actions, and a line for errors.
// Must not know what its values are used for.
import { button, element } from "../elements";

export type Field = {
  name: string;
  label: string;
  type: "email" | "password" | "text";
  /** Says what the browser and password managers may fill in. */
  autocomplete: AutoFill;
  value?: string;
  hint?: string;
};

export type Action = {
  name: string;
  label: string;
  act: (values: Values) => void | Promise<void>;
  /** Looks like a link. */
  quiet?: boolean;
};

export type Values = Record<string, string>;

export type FormOptions = {
  name: string;
  title: string;
  lead: string;
  /** Why the form is shown, where that is not obvious. */
  notice?: string | undefined;
  fields: Field[];
  submit: string;
  onSubmit: (values: Values) => Promise<void>;
  others: Action[];
  explain: (error: unknown) => string;
};

export function form(options: FormOptions): HTMLFormElement {
  const { name, title, lead, fields, others } = options;
  const problem = element("p", { class: "problem", role: "alert", "data-testid": "problem" });
  problem.textContent = options.notice ?? "";
  const submit = element("button", { type: "submit", class: "button primary", "data-testid": "submit" });
  submit.textContent = options.submit;
  const node = element("form", { class: "card form", "data-testid": name });
  const attempt = (act: Action["act"]) => run(act, node, problem, options.explain);
  const buttons = others.filter(({ quiet }) => !quiet).map((action) => actionButton(action, attempt));
  const links = others.filter(({ quiet }) => quiet).map((action) => actionButton(action, attempt));
  node.append(
    element("h1", {}, title),
    element("p", { class: "muted" }, lead),
    ...fields.map(labelled),
    problem,
    submit,
    ...buttons,
    element("div", { class: "links" }, ...links),
  );
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(options.onSubmit);
  });
  return node;
}

/** Focuses the first empty field. */
export function focusFirst(node: HTMLFormElement): void {
  const inputs = [...node.querySelectorAll("input")];
  (inputs.find((input) => input.value === "") ?? inputs[0])?.focus();
}

function actionButton(
  { name, label, act, quiet }: Action,
  attempt: (act: Action["act"]) => void,
): HTMLElement {
  const look = quiet ? "button quiet" : "button";
  return button(look, label, { "data-testid": name, onclick: () => attempt(act) });
}

function labelled({ name, label, type, autocomplete, value = "", hint }: Field): HTMLElement {
  const input = element("input", { name, type, autocomplete, value, required: true, "data-testid": name });
  const field = element("label", { class: "field" }, element("span", {}, label), input);
  if (hint === undefined) return field;
  input.setAttribute("aria-describedby", `${name}-hint`);
  return element("div", {}, field, element("p", { class: "hint", id: `${name}-hint` }, hint));
}

/** Runs an action with the form's values, one at a time, and shows why it failed. */
async function run(
  act: Action["act"],
  node: HTMLFormElement,
  problem: HTMLElement,
  explain: FormOptions["explain"],
): Promise<void> {
  if (node.ariaBusy === "true") return;
  const values: Values = {};
  for (const { name, type, value } of node.querySelectorAll("input"))
    values[name] = type === "password" ? value : value.trim();
  problem.textContent = "";
  node.ariaBusy = "true";
  try {
    await act(values);
  } catch (error) {
    problem.textContent = explain(error);
  } finally {
    node.ariaBusy = "false";
  }
}
