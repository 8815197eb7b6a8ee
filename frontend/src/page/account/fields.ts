// The fields and links that the sign-in forms share. Must not know what a form does with their values.
import { strings } from "../strings";
import type { Action, Field } from "./form";

export const currentPasswordField: Field = {
  name: "password",
  label: strings.signIn.password,
  type: "password",
  autocomplete: "current-password",
};

export const codeField: Field = {
  name: "code",
  label: strings.mail.code,
  type: "text",
  autocomplete: "one-time-code",
};

export function emailField(value = ""): Field {
  return { name: "email", label: strings.signIn.email, type: "email", autocomplete: "username", value };
}

export function newPasswordField(label: string): Field {
  return {
    name: "password",
    label,
    type: "password",
    autocomplete: "new-password",
    hint: strings.signUp.rule,
  };
}

/** A button that looks like a link. */
export function link(name: string, label: string, act: Action["act"]): Action {
  return { name, label, act, quiet: true };
}
