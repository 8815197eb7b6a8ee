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
  receive(data: string): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

function start() {
  const clock = new HandClock();
  const sockets: FakeSocket[] = [];
  const events: string[] = [];
  let tickets = 0;
  const live = new Live({
    connect: async () => ({ url: `wss://test/?ticket=${++tickets}` }),
    open: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    clock,
    onConnected: () => events.push("connected"),
    onDropped: () => events.push("dropped"),
    onUpload: ({ id }) => events.push(id),
  });
  live.start();
  return { live, clock, sockets, events };
}

test("uploads are reported; pongs and other data are ignored", async () => {
  const { sockets, events } = start();
  await settled();
  sockets[0]?.open();
  sockets[0]?.receive('{"type":"pong"}');
  sockets[0]?.receive("noise");
  sockets[0]?.receive('{"type":"upload","upload":{"id":"u1"}}');
  expect(events).toEqual(["connected", "u1"]);
});

test("a dropped connection reconnects with a new ticket, after a longer wait for each failure", async () => {
  const { clock, sockets, events } = start();
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
  expect(events).toEqual(["connected", "dropped", "dropped", "connected"]);
});

test("a ping is sent every four minutes while the connection is open", async () => {
  const { clock, sockets } = start();
  await settled();
  sockets[0]?.open();
  await clock.advance(4 * 60_000);
  await clock.advance(4 * 60_000);
  expect(sockets[0]?.sent).toEqual(['{"type":"ping"}', '{"type":"ping"}']);
  sockets[0]?.close();
  await clock.advance(4 * 60_000);
  expect(sockets[0]?.sent).toHaveLength(2);
});

test("stop closes the connection for good", async () => {
  const { live, clock, sockets, events } = start();
  await settled();
  sockets[0]?.open();
  live.stop();
  await clock.advance(600_000);
  expect(sockets).toHaveLength(1);
  expect(events).toEqual(["connected"]);
});
