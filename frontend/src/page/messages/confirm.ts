// A question with two answers, in a modal dialog. Must not know what the question is about.
import { button, element } from "../elements";

export type Question = { title: string; text: string; yes: string; no: string };

/** Resolves true for yes; false for no, Escape or a click beside the dialog. */
export function confirm({ title, text, yes, no }: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const answer = (value: string) => () => dialog.close(value);
    const dialog = element(
      "dialog",
      { class: "confirm", "aria-labelledby": "confirm-title", "data-testid": "confirm" },
      element("h2", { id: "confirm-title" }, title),
      element("p", {}, text),
      element(
        "div",
        { class: "buttons" },
        button("button", no, { "data-testid": "no", onclick: answer("no") }),
        button("button danger", yes, { "data-testid": "yes", onclick: answer("yes") }),
      ),
    );
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close("no"));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
