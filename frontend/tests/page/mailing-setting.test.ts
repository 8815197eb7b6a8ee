import { expect, test } from "vitest";
import { Mailing } from "../../src/page/email/mailing";
import type { Mailing as State } from "../../src/upload/api/contract";
import { settled } from "../fakes/clock";

const address = "ada@example.com";

/** The API, each of whose answers a test gives when it likes. */
function started() {
  const asked: { what: string; answer: (state: State["state"]) => void; fail: (error: unknown) => void }[] =
    [];
  const shown: string[] = [];
  const failed: unknown[] = [];
  const ask = (what: string) => () =>
    new Promise<State>((resolve, reject) => {
      asked.push({ what, answer: (state) => resolve({ address, state }), fail: reject });
    });
  const mailing = new Mailing({
    api: { mailing: ask("GET"), mail: ask("PUT"), unmail: ask("DELETE") },
    onChange: ({ state }) => shown.push(state),
    onFailed: (error) => failed.push(error),
  });
  return { mailing, asked, shown, failed, said: () => asked.map(({ what }) => what) };
}

test("it is switched on, asked again, and switched off while it waits", async () => {
  const { mailing, asked, shown, said } = started();
  const steps = [
    [() => mailing.look(), "off"],
    [() => mailing.toggle(), "pending"],
    [() => mailing.askAgain(), "pending"],
    [() => mailing.toggle(), "off"],
  ] as const;
  for (const [step, state] of steps) {
    const done = step();
    asked.at(-1)?.answer(state);
    await done;
  }
  expect(said()).toEqual(["GET", "PUT", "PUT", "DELETE"]);
  expect(shown).toEqual(["off", "pending", "pending", "off"]);
});

test("mail that a link stopped is switched on again, or left off", async () => {
  const { mailing, asked, shown, said } = started();
  const steps = [
    [() => mailing.look(), "stopped"],
    [() => mailing.toggle(), "pending"],
    [() => mailing.look(), "stopped"],
    [() => mailing.leaveOff(), "off"],
  ] as const;
  for (const [step, state] of steps) {
    const done = step();
    asked.at(-1)?.answer(state);
    await done;
  }
  expect(said()).toEqual(["GET", "PUT", "GET", "DELETE"]);
  expect(shown).toEqual(["stopped", "pending", "stopped", "off"]);
});

test("who presses twice means it once", async () => {
  const { mailing, asked, said } = started();
  void mailing.look();
  asked[0]?.answer("off");
  await settled();
  void mailing.toggle();
  void mailing.toggle();
  void mailing.look();
  expect(said()).toEqual(["GET", "PUT"]);
});

test("an answer that is older than what the person asked for is not shown", async () => {
  const { mailing, asked, shown } = started();
  void mailing.look();
  asked[0]?.answer("off");
  await settled();
  void mailing.look();
  void mailing.toggle();
  asked[2]?.answer("pending");
  asked[1]?.answer("off");
  await settled();
  expect(shown).toEqual(["off", "pending"]);
});

test("what was asked for and failed is told, and can be asked for again", async () => {
  const { mailing, asked, shown, failed, said } = started();
  void mailing.look();
  asked[0]?.answer("off");
  await settled();
  void mailing.toggle();
  asked[1]?.fail("no");
  await settled();
  expect(failed).toEqual(["no"]);
  void mailing.toggle();
  expect(said()).toEqual(["GET", "PUT", "PUT"]);
  expect(shown).toEqual(["off"]);
});

test("a look that fails says nothing; the next one does", async () => {
  const { mailing, asked, shown, failed } = started();
  void mailing.look();
  asked[0]?.fail("offline");
  await settled();
  void mailing.look();
  asked[1]?.answer("on");
  await settled();
  expect([failed, shown]).toEqual([[], ["on"]]);
});
