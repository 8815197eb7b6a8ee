import { expect, test } from "vitest";
import { linkedAbort } from "../../src/upload/concurrency/linked-abort";

test("the controller is aborted with the signal it follows, for the same reason", () => {
  const outer = new AbortController();
  const { controller } = linkedAbort(outer.signal);
  expect(controller.signal.aborted).toBe(false);
  outer.abort("enough");
  expect(controller.signal.reason).toBe("enough");
});

test("the controller is aborted at once when the signal already is", () => {
  expect(linkedAbort(AbortSignal.abort("before")).controller.signal.reason).toBe("before");
});

test("the controller can be aborted alone, and released from the signal", () => {
  const outer = new AbortController();
  const { controller, release } = linkedAbort(outer.signal);
  controller.abort("alone");
  expect(outer.signal.aborted).toBe(false);
  const released = linkedAbort(outer.signal);
  release();
  released.release();
  outer.abort("late");
  expect(released.controller.signal.aborted).toBe(false);
  expect(controller.signal.reason).toBe("alone");
});

test("without a signal it is an ordinary controller", () => {
  const { controller, release } = linkedAbort(undefined);
  release();
  expect(controller.signal.aborted).toBe(false);
});
