// A card with a title, fields, one button that sends and others that lead elsewhere; says what went wrong.
// Must not know what is sent, nor to whom.
import { element } from "../elements";

export type Field = {
  name: string;
  label: string;
  type: "email" | "password" | "text";
  /** What the browser and password managers may fill in. */
  autocomplete: AutoFill;
  value?: string;
  hint?: string;
};

export type Action = {
  name: string;
  label: string;
  act: (values: Values) => void | Promise<void>;
  /** Leads elsewhere, and looks like it. */
  quiet?: boolean;
};

export type Values = Record<string, string>;

export type FormOptions = {
  name: string;
  title: string;
  lead: string;
  /** Why the form is shown, when that needs saying. */
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
  const built = element("form", { class: "card form", "data-testid": name });
  const attempt = (act: Action["act"]) => send(built, problem, act, options.explain);
  built.append(element("h1", {}, title), element("p", { class: "muted" }, lead));
  built.append(...fields.map(labelled), problem, submit);
  built.append(...others.filter(({ quiet }) => !quiet).map((action) => button(action, attempt)));
  const ways = others.filter(({ quiet }) => quiet).map((action) => button(action, attempt));
  built.append(element("div", { class: "ways" }, ...ways));
  built.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(options.onSubmit);
  });
  return built;
}

function button({ name, label, act, quiet }: Action, attempt: (act: Action["act"]) => void): HTMLElement {
  const look = quiet ? "button quiet" : "button";
  const onclick = () => attempt(act);
  return element("button", { type: "button", class: look, "data-testid": name, onclick }, label);
}

/** The first field that is still to be filled in has the focus. */
export function focusFirst(shown: HTMLFormElement): void {
  const inputs = [...shown.querySelectorAll("input")];
  (inputs.find((input) => input.value === "") ?? inputs[0])?.focus();
}

function labelled({ name, label, type, autocomplete, value = "", hint }: Field): HTMLElement {
  const input = element("input", { name, type, autocomplete, value, required: true, "data-testid": name });
  const field = element("label", { class: "field" }, element("span", {}, label), input);
  if (hint === undefined) return field;
  input.setAttribute("aria-describedby", `${name}-hint`);
  return element("div", {}, field, element("p", { class: "hint", id: `${name}-hint` }, hint));
}

async function send(
  shown: HTMLFormElement,
  problem: HTMLElement,
  act: Action["act"],
  explain: FormOptions["explain"],
): Promise<void> {
  if (shown.ariaBusy === "true") return;
  const values: Values = {};
  for (const { name, type, value } of shown.querySelectorAll("input"))
    values[name] = type === "password" ? value : value.trim();
  problem.textContent = "";
  shown.ariaBusy = "true";
  try {
    await act(values);
  } catch (error) {
    problem.textContent = explain(error);
  } finally {
    shown.ariaBusy = "false";
  }
}
