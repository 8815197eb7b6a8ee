import { expect, test } from "vitest";
import { MailingSetting } from "../../src/page/email/mailing-setting";
import type { Mailing } from "../../src/upload/api/contract";
import { settled } from "../fakes/clock";

const address = "ada@example.com";

type Request = { method: string; answer: (state: Mailing["state"]) => void; fail: (error: unknown) => void };

/** A setting whose API waits until a test answers each request. */
function start() {
  const requests: Request[] = [];
  const states: string[] = [];
  const failed: unknown[] = [];
  const request = (method: string) => () =>
    new Promise<Mailing>((resolve, reject) => {
      requests.push({ method, answer: (state) => resolve({ address, state }), fail: reject });
    });
  const setting = new MailingSetting({
    api: { mailing: request("GET"), mail: request("PUT"), unmail: request("DELETE") },
    onChange: ({ state }) => states.push(state),
    onFailed: (error) => failed.push(error),
  });
  return { setting, requests, states, failed, methods: () => requests.map(({ method }) => method) };
}

test("while the setting is pending, its email can be resent and the setting switched off", async () => {
  const { setting, requests, states, methods } = start();
  const steps = [
    [() => setting.refresh(), "off"],
    [() => setting.toggle(), "pending"],
    [() => setting.resend(), "pending"],
    [() => setting.toggle(), "off"],
  ] as const;
  for (const [step, state] of steps) {
    const done = step();
    requests.at(-1)?.answer(state);
    await done;
  }
  expect(methods()).toEqual(["GET", "PUT", "PUT", "DELETE"]);
  expect(states).toEqual(["off", "pending", "pending", "off"]);
});

test("emails that a link has stopped are switched on again, or left off", async () => {
  const { setting, requests, states, methods } = start();
  const steps = [
    [() => setting.refresh(), "stopped"],
    [() => setting.toggle(), "pending"],
    [() => setting.refresh(), "stopped"],
    [() => setting.leaveOff(), "off"],
  ] as const;
  for (const [step, state] of steps) {
    const done = step();
    requests.at(-1)?.answer(state);
    await done;
  }
  expect(methods()).toEqual(["GET", "PUT", "GET", "DELETE"]);
  expect(states).toEqual(["stopped", "pending", "stopped", "off"]);
});

test("a second click during a change does nothing", async () => {
  const { setting, requests, methods } = start();
  void setting.refresh();
  requests[0]?.answer("off");
  await settled();
  void setting.toggle();
  void setting.toggle();
  void setting.refresh();
  expect(methods()).toEqual(["GET", "PUT"]);
});

test("an answer that is older than a change is not shown", async () => {
  const { setting, requests, states } = start();
  void setting.refresh();
  requests[0]?.answer("off");
  await settled();
  void setting.refresh();
  void setting.toggle();
  requests[2]?.answer("pending");
  requests[1]?.answer("off");
  await settled();
  expect(states).toEqual(["off", "pending"]);
});

test("a change that fails is reported, and can be tried again", async () => {
  const { setting, requests, states, failed, methods } = start();
  void setting.refresh();
  requests[0]?.answer("off");
  await settled();
  void setting.toggle();
  requests[1]?.fail("no");
  await settled();
  expect(failed).toEqual(["no"]);
  void setting.toggle();
  expect(methods()).toEqual(["GET", "PUT", "PUT"]);
  expect(states).toEqual(["off"]);
});

test("a failed refresh reports nothing, and the next one works", async () => {
  const { setting, requests, states, failed } = start();
  void setting.refresh();
  requests[0]?.fail("offline");
  await settled();
  void setting.refresh();
  requests[1]?.answer("on");
  await settled();
  expect([failed, states]).toEqual([[], ["on"]]);
});
