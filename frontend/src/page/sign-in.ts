// The sign-in form, with one click for the demo account where there is one.
// Must not know Cognito: signing in is passed in.
import { element } from "./elements";
import { strings } from "./strings";

export type SignInOptions = {
  signIn: (email: string, password: string) => Promise<void>;
  explain: (error: unknown) => string;
  demo: { username: string; password: string } | undefined;
  /** Why the form is shown, when that needs saying. */
  notice: string | undefined;
};

export function signInForm(options: SignInOptions): HTMLElement {
  const email = field("email", strings.signIn.email, "email", "username");
  const password = field("password", strings.signIn.password, "password", "current-password");
  const problem = element("p", { class: "problem", role: "alert", "data-testid": "problem" });
  problem.textContent = options.notice ?? "";
  const submit = element("button", { type: "submit", class: "button primary", "data-testid": "submit" });
  submit.textContent = strings.signIn.submit;
  const form = element("form", { class: "card sign-in", "data-testid": "sign-in", novalidate: true });
  form.append(
    element("h1", {}, strings.signIn.title),
    element("p", { class: "muted" }, strings.signIn.lead),
    email.label,
    password.label,
    problem,
    submit,
  );
  const attempt = (name: string, secret: string) => send(form, problem, options, name, secret);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(email.input.value.trim(), password.input.value);
  });
  if (options.demo) form.append(demoButton(options.demo, attempt));
  return form;
}

function field(name: string, text: string, type: string, autocomplete: string) {
  const input = element("input", { name, type, autocomplete, required: true, "data-testid": name });
  return { input, label: element("label", { class: "field" }, element("span", {}, text), input) };
}

function demoButton(
  demo: { username: string; password: string },
  attempt: (name: string, secret: string) => void,
): HTMLElement {
  return element(
    "button",
    {
      type: "button",
      class: "button",
      "data-testid": "demo",
      onclick: () => attempt(demo.username, demo.password),
    },
    strings.signIn.demo,
  );
}

async function send(
  form: HTMLFormElement,
  problem: HTMLElement,
  { signIn, explain }: SignInOptions,
  email: string,
  password: string,
): Promise<void> {
  const buttons = form.querySelectorAll("button");
  problem.textContent = "";
  for (const button of buttons) button.disabled = true;
  try {
    await signIn(email, password);
  } catch (error) {
    problem.textContent = explain(error);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}
