// The forms of a person who is not signed in. They sign in, create an account, confirm it with the emailed code, and
// choose a new password.
// Must not know where tokens are kept, nor how the page looks after signing in.

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
import { codeField, currentPasswordField, emailField, link, newPasswordField } from "./fields";
import { type Action, type FormOptions, focusFirst, form } from "./form";

export type SignInFormsOptions = {
  target: HTMLElement;
  cognito: Cognito;
  /** Signs in and replaces the form; rejects when Cognito refuses. */
  signIn: (email: string, password: string) => Promise<void>;
  /** Does the same for an account that an administrator created. */
  chooseFirstPassword: (required: NewPasswordRequired, password: string) => Promise<void>;
  explain: (error: unknown) => string;
  /** Only on a local system, which sends no email. */
  demo: { username: string; password: string } | undefined;
};

/** A form; its words (title, lead, submit) come from the strings of the same name. */
type Content = Omit<FormOptions, "explain">;

export class SignInForms {
  readonly #options: SignInFormsOptions;

  constructor(options: SignInFormsOptions) {
    this.#options = options;
  }

  /** Shows the first form; `notice` says why, where that is not obvious. */
  show(notice?: string): void {
    this.#show(this.#signInForm(notice));
  }

  #signInForm(notice: string | undefined, email = ""): Content {
    const words = strings.signIn;
    const { demo } = this.#options;
    const others = [
      link("to-sign-up", words.toSignUp, ({ email }) => this.#switchTo(this.#signUpForm(email))),
      link("to-forgot", words.toForgot, ({ email }) => this.#switchTo(this.#forgotForm(email))),
    ];
    if (demo) {
      const act = () => this.#signIn(demo.username, demo.password);
      others.unshift({ name: "demo", label: words.demo, act });
    }
    return {
      name: "sign-in",
      ...words,
      notice,
      fields: [emailField(email), currentPasswordField],
      onSubmit: (values) => this.#signIn(text(values.email), text(values.password)),
      others,
    };
  }

  async #signIn(email: string, password: string): Promise<void> {
    try {
      await this.#options.signIn(email, password);
    } catch (error) {
      const next = this.#formAfterRefusal(error, email, password);
      if (!next) throw error;
      this.#switchTo(next);
    }
  }

  /** The form for a step that Cognito requires before signing in; undefined when there is no such step. */
  #formAfterRefusal(error: unknown, email: string, password: string): Content | undefined {
    if (error instanceof NewPasswordRequired) return this.#firstPasswordForm(error, email);
    if (!(error instanceof CognitoError)) return undefined;
    if (error.code === "UserNotConfirmedException") return this.#confirmForm(email, password);
    // An administrator reset the password: Cognito has sent a code already.
    if (error.code === "PasswordResetRequiredException") return this.#resetForm(email);
    return undefined;
  }

  #firstPasswordForm(required: NewPasswordRequired, email: string): Content {
    const words = strings.firstPassword;
    return {
      name: "first-password",
      ...words,
      lead: words.lead(email),
      fields: [newPasswordField(words.password)],
      onSubmit: ({ password }) => this.#options.chooseFirstPassword(required, text(password)),
      others: [this.#back()],
    };
  }

  #signUpForm(email: string | undefined): Content {
    const words = strings.signUp;
    return {
      name: "sign-up",
      ...words,
      fields: [emailField(email), newPasswordField(words.password)],
      onSubmit: async ({ email, password }) => {
        const isConfirmed = await signUp(this.#options.cognito, text(email), text(password));
        if (isConfirmed) await this.#signIn(text(email), text(password));
        else this.#switchTo(this.#confirmForm(text(email), text(password)));
      },
      others: [this.#back()],
    };
  }

  #confirmForm(email: string, password: string): Content {
    const { cognito, demo } = this.#options;
    const words = strings.confirmAccount;
    const resend = link("resend", words.resend, () => resendCode(cognito, email));
    return {
      name: "confirm-account",
      ...words,
      lead: this.#codeSent(email),
      fields: [codeField],
      onSubmit: async ({ code }) => {
        await confirmSignUp(cognito, email, text(code));
        await this.#signIn(email, password);
      },
      others: demo ? [this.#back()] : [resend, this.#back()],
    };
  }

  #forgotForm(email: string | undefined): Content {
    const words = strings.forgot;
    return {
      name: "forgot",
      ...words,
      fields: [emailField(email)],
      onSubmit: async ({ email }) => {
        await forgotPassword(this.#options.cognito, text(email)).catch(ignoreUnknownUser);
        this.#switchTo(this.#resetForm(text(email)));
      },
      others: [this.#back()],
    };
  }

  #resetForm(email: string): Content {
    const { cognito } = this.#options;
    const words = strings.reset;
    return {
      name: "reset",
      ...words,
      lead: this.#codeSent(email),
      fields: [codeField, newPasswordField(words.password)],
      onSubmit: async ({ code, password }) => {
        await resetPassword(cognito, { email, code: text(code), password: text(password) });
        await this.#signIn(email, text(password));
      },
      others: [this.#back()],
    };
  }

  #codeSent(email: string): string {
    return this.#options.demo ? strings.mail.local : strings.mail.sent(email);
  }

  #back(): Action {
    return link("to-sign-in", strings.signIn.back, ({ email }) =>
      this.#switchTo(this.#signInForm(undefined, email)),
    );
  }

  /** Shows another form and focuses its first empty field. */
  #switchTo(content: Content): void {
    focusFirst(this.#show(content));
  }

  #show(content: Content): HTMLFormElement {
    const node = form({ ...content, explain: this.#options.explain });
    this.#options.target.replaceChildren(node);
    return node;
  }
}

/** The page does not reveal whether an account exists: it asks for the code in either case. */
function ignoreUnknownUser(error: unknown): void {
  if (!(error instanceof CognitoError && error.code === "UserNotFoundException")) throw error;
}

function text(value: string | undefined): string {
  return value ?? "";
}
