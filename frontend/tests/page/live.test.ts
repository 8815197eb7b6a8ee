import { expect, test } from "vitest";
import { Live } from "../../src/page/live";
import { HandClock, settled } from "../fakes/clock";

class FakeSocket extends EventTarget {
  readonly url: string;
  readonly sent: string[] = [];
  constructor(url: string) {
    super();
    this.url = url;
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.dispatchEvent(new Event("close"));
  }
  open(): void {
    this.dispatchEvent(new Event("open"));
  }
  hear(data: string): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

function started() {
  const clock = new HandClock();
  const sockets: FakeSocket[] = [];
  const heard: string[] = [];
  let tickets = 0;
  const live = new Live({
    connect: async () => ({ url: `wss://test/?ticket=${++tickets}` }),
    open: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    clock,
    onConnected: () => heard.push("connected"),
    onDropped: () => heard.push("dropped"),
    onUpload: ({ id }) => heard.push(id),
  });
  live.start();
  return { live, clock, sockets, heard };
}

test("uploads are heard; pongs and noise are not", async () => {
  const { sockets, heard } = started();
  await settled();
  sockets[0]?.open();
  sockets[0]?.hear('{"type":"pong"}');
  sockets[0]?.hear("noise");
  sockets[0]?.hear('{"type":"upload","upload":{"id":"u1"}}');
  expect(heard).toEqual(["connected", "u1"]);
});

test("a dropped line comes back with a new ticket, and waits longer each time it does not", async () => {
  const { clock, sockets, heard } = started();
  await settled();
  sockets[0]?.open();
  sockets[0]?.close();
  await settled();
  await clock.advance(1_000);
  sockets[1]?.close();
  await settled();
  await clock.advance(1_999);
  expect(sockets).toHaveLength(2);
  await clock.advance(1);
  sockets[2]?.open();
  expect(sockets.map(({ url }) => url.at(-1))).toEqual(["1", "2", "3"]);
  expect(heard).toEqual(["connected", "dropped", "dropped", "connected"]);
});

test("a ping is sent every four minutes while the line is up, and none after", async () => {
  const { clock, sockets } = started();
  await settled();
  sockets[0]?.open();
  await clock.advance(4 * 60_000);
  await clock.advance(4 * 60_000);
  expect(sockets[0]?.sent).toEqual(['{"type":"ping"}', '{"type":"ping"}']);
  sockets[0]?.close();
  await clock.advance(4 * 60_000);
  expect(sockets[0]?.sent).toHaveLength(2);
});

test("stop closes the line for good", async () => {
  const { live, clock, sockets, heard } = started();
  await settled();
  sockets[0]?.open();
  live.stop();
  await clock.advance(600_000);
  expect(sockets).toHaveLength(1);
  expect(heard).toEqual(["connected"]);
});
