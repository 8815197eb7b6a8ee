// The ways in: sign in, make an account, confirm it with the mailed code, choose a new password, or one's own
// instead of an operator's.
// Must not know where tokens are kept, nor what being signed in looks like.

import { strings } from "../strings";
import {
  type Cognito,
  CognitoError,
  confirmSignUp,
  forgotPassword,
  NewPasswordRequired,
  resendCode,
  resetPassword,
  signUp,
} from "./cognito";
import { type Action, type Field, type FormOptions, focusFirst, form } from "./form";

export type EntranceOptions = {
  target: HTMLElement;
  cognito: Cognito;
  /** Signs in and leaves the entrance; rejects where Cognito refuses. */
  signIn: (email: string, password: string) => Promise<void>;
  /** The same, for an account that an operator made. */
  chooseFirstPassword: (required: NewPasswordRequired, password: string) => Promise<void>;
  explain: (error: unknown) => string;
  /** Only on a local system, which sends no mail. */
  demo: { username: string; password: string } | undefined;
};

type Face = Omit<FormOptions, "explain">;

export class Entrance {
  readonly #options: EntranceOptions;

  constructor(options: EntranceOptions) {
    this.#options = options;
  }

  signIn(notice?: string): void {
    this.#show(this.#signInFace(notice));
  }

  #signInFace(notice: string | undefined, email = ""): Face {
    const words = strings.signIn;
    const { demo } = this.#options;
    const face: Face = {
      ...{ name: "sign-in", title: words.title, lead: words.lead, submit: words.submit, notice },
      fields: [emailField(email), currentPassword],
      onSubmit: (values) => this.#signIn(text(values.email), text(values.password)),
      others: [
        way("to-sign-up", words.toSignUp, ({ email }) => this.#lead(this.#signUp(email))),
        way("to-forgot", words.toForgot, ({ email }) => this.#lead(this.#forgot(email))),
      ],
    };
    if (demo)
      face.others.unshift({
        name: "demo",
        label: words.demo,
        act: () => this.#signIn(demo.username, demo.password),
      });
    return face;
  }

  async #signIn(email: string, password: string): Promise<void> {
    try {
      await this.#options.signIn(email, password);
    } catch (error) {
      const next = this.#afterRefusal(error, email, password);
      if (!next) throw error;
      this.#lead(next);
    }
  }

  /** What an account asks for before it lets its owner in. */
  #afterRefusal(error: unknown, email: string, password: string): Face | undefined {
    if (error instanceof NewPasswordRequired) return this.#firstPassword(error, email);
    if (!(error instanceof CognitoError)) return undefined;
    if (error.code === "UserNotConfirmedException") return this.#confirm(email, password);
    // An operator reset the password: Cognito has mailed a code already.
    if (error.code === "PasswordResetRequiredException") return this.#reset(email);
    return undefined;
  }

  #firstPassword(required: NewPasswordRequired, email: string): Face {
    const words = strings.firstPassword;
    return {
      ...{ name: "first-password", title: words.title, lead: words.lead(email), submit: words.submit },
      fields: [newPassword(words.password)],
      onSubmit: ({ password }) => this.#options.chooseFirstPassword(required, text(password)),
      others: [this.#back()],
    };
  }

  #signUp(email: string | undefined): Face {
    const words = strings.signUp;
    return {
      ...{ name: "sign-up", title: words.title, lead: words.lead, submit: words.submit },
      fields: [emailField(email), newPassword(words.password)],
      onSubmit: async ({ email, password }) => {
        const confirmed = await signUp(this.#options.cognito, text(email), text(password));
        if (confirmed) await this.#signIn(text(email), text(password));
        else this.#lead(this.#confirm(text(email), text(password)));
      },
      others: [this.#back()],
    };
  }

  #confirm(email: string, password: string): Face {
    const { cognito, demo } = this.#options;
    const words = strings.confirmAccount;
    const resend = way("resend", words.resend, () => resendCode(cognito, email));
    return {
      ...{ name: "confirm-account", title: words.title, submit: words.submit },
      lead: this.#mailed(email),
      fields: [codeField],
      onSubmit: async ({ code }) => {
        await confirmSignUp(cognito, email, text(code));
        await this.#signIn(email, password);
      },
      others: demo ? [this.#back()] : [resend, this.#back()],
    };
  }

  #forgot(email: string | undefined): Face {
    const words = strings.forgot;
    return {
      ...{ name: "forgot", title: words.title, lead: words.lead, submit: words.submit },
      fields: [emailField(email)],
      onSubmit: async ({ email }) => {
        await forgotPassword(this.#options.cognito, text(email)).catch(unlessUnknown);
        this.#lead(this.#reset(text(email)));
      },
      others: [this.#back()],
    };
  }

  #reset(email: string): Face {
    const { cognito } = this.#options;
    const words = strings.reset;
    return {
      ...{ name: "reset", title: words.title, lead: this.#mailed(email), submit: words.submit },
      fields: [codeField, newPassword(words.password)],
      onSubmit: async ({ code, password }) => {
        await resetPassword(cognito, { email, code: text(code), password: text(password) });
        await this.#signIn(email, text(password));
      },
      others: [this.#back()],
    };
  }

  #mailed(email: string): string {
    return this.#options.demo ? strings.mail.local : strings.mail.sent(email);
  }

  #back(): Action {
    return way("to-sign-in", strings.signIn.back, ({ email }) =>
      this.#lead(this.#signInFace(undefined, email)),
    );
  }

  /** Another face, by the person's own wish: its first empty field has the focus. */
  #lead(face: Face): void {
    focusFirst(this.#show(face));
  }

  #show(face: Face): HTMLFormElement {
    const shown = form({ ...face, explain: this.#options.explain });
    this.#options.target.replaceChildren(shown);
    return shown;
  }
}

const currentPassword: Field = {
  name: "password",
  label: strings.signIn.password,
  type: "password",
  autocomplete: "current-password",
};

const codeField: Field = {
  name: "code",
  label: strings.mail.code,
  type: "text",
  autocomplete: "one-time-code",
};

function emailField(value = ""): Field {
  return { name: "email", label: strings.signIn.email, type: "email", autocomplete: "username", value };
}

function newPassword(label: string): Field {
  const field: Field = { name: "password", label, type: "password", autocomplete: "new-password" };
  return { ...field, hint: strings.signUp.rule };
}

function way(name: string, label: string, act: Action["act"]): Action {
  return { name, label, act, quiet: true };
}

/** Whether an account exists is nobody's business: unknown or not, the code is asked for. */
function unlessUnknown(error: unknown): void {
  if (!(error instanceof CognitoError && error.code === "UserNotFoundException")) throw error;
}

function text(value: string | undefined): string {
  return value ?? "";
}
