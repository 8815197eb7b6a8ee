import { expect, test } from "vitest";
import { Api } from "../../src/upload/api/api";
import { ApiError, NetworkError } from "../../src/upload/errors";
import { RushingClock } from "../fakes/clock";
import { json, problem } from "../fakes/cloud";

type ApiRequest = { url: string; options: RequestInit };

/** An API that gives these responses, one after the other, and then repeats the last. */
function apiWith(...answers: (() => Response)[]) {
  const requests: ApiRequest[] = [];
  const renewals: boolean[] = [];
  const clock = new RushingClock();
  const fetch = async (url: string, options: RequestInit) => {
    requests.push({ url, options });
    return (answers[Math.min(requests.length, answers.length) - 1] as () => Response)();
  };
  const idToken = async (renew: boolean) => {
    renewals.push(renew);
    return renew ? "new" : "old";
  };
  return {
    api: new Api({ url: "https://api.test/stage/", fetch, clock, idToken }),
    requests,
    renewals,
    clock,
  };
}

const ok = () => json(200, {});
const silence = () => {
  throw new TypeError("Failed to fetch");
};
const authorization = ({ options }: ApiRequest) => (options.headers as Record<string, string>).Authorization;

test.each([
  ["limits", (api: Api) => api.limits(), "GET", "/limits", undefined],
  [
    "create",
    (api: Api) => api.create({ filename: "a", size: 1 }),
    "POST",
    "/uploads",
    '{"filename":"a","size":1}',
  ],
  ["sheet", (api: Api) => api.sheet("i", { first: 3 }), "POST", "/uploads/i/sheet", '{"first":3}'],
  ["listParts", (api: Api) => api.listParts("i"), "GET", "/uploads/i/parts", undefined],
  [
    "complete",
    (api: Api) => api.complete("i", { crc64nvme: "c" }),
    "POST",
    "/uploads/i/complete",
    '{"crc64nvme":"c"}',
  ],
  ["remove", (api: Api) => api.remove("i"), "DELETE", "/uploads/i", undefined],
  ["list", (api: Api) => api.list({ cursor: "a b" }), "GET", "/uploads?cursor=a+b", undefined],
  ["get", (api: Api) => api.get("a/b"), "GET", "/uploads/a%2Fb", undefined],
  ["download", (api: Api) => api.download("i"), "GET", "/uploads/i/download", undefined],
  ["connect", (api: Api) => api.connect(), "POST", "/connections", undefined],
])("%s asks for its route", async (_, call, method, path, body) => {
  const { api, requests } = apiWith(ok);
  await call(api);
  expect(requests[0]).toMatchObject({ url: `https://api.test/stage${path}`, options: { method } });
  expect(requests[0]?.options.body).toBe(body);
});

test("every call but limits carries the ID token", async () => {
  const { api, requests } = apiWith(ok);
  await api.limits();
  await api.get("i");
  expect(requests.map(authorization)).toEqual([undefined, "Bearer old"]);
});

test("a problem becomes an error with its code, status and detail", async () => {
  const { api } = apiWith(() => problem(409, "parts_missing", { missing: [2, 7] }));
  const error = await api.complete("i", {}).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    status: 409,
    code: "parts_missing",
    message: "Detail of parts_missing",
    problem: { missing: [2, 7] },
  });
});

test.each([
  ["API Gateway's own body", () => json(403, { message: "Forbidden" }), "http_403", "Forbidden"],
  ["Chalice's own body", () => json(400, { Code: "BadRequestError", Message: "Bad" }), "http_400", "Bad"],
  ["no JSON at all", () => new Response("<html>", { status: 404 }), "http_404", "The API answered 404"],
])("an error with %s is understood", async (_, answer, code, message) => {
  const { api } = apiWith(answer);
  await expect(api.get("i")).rejects.toMatchObject({ code, message });
});

test.each([
  ["silence", silence],
  ["429", () => problem(429, "slow_down")],
  ["500", () => problem(500, "internal")],
  ["503", () => problem(503, "unavailable")],
])("%s is tried again, with growing waits", async (_, answer) => {
  const { api, requests, clock } = apiWith(answer, answer, ok);
  await api.get("i");
  expect(requests).toHaveLength(3);
  expect(clock.waits).toEqual([300, 600]);
});

test("an API that never responds fails with a network error after five attempts", async () => {
  const { api, requests } = apiWith(silence);
  await expect(api.get("i")).rejects.toBeInstanceOf(NetworkError);
  expect(requests).toHaveLength(5);
});

test.each([400, 403, 404, 409, 422])("a %i is not retried", async (status) => {
  const { api, requests } = apiWith(() => problem(status, "no"));
  await expect(api.get("i")).rejects.toBeInstanceOf(ApiError);
  expect(requests).toHaveLength(1);
});

test("a 401 renews the ID token, once", async () => {
  const refused = apiWith(() => json(401, { message: "Unauthorized" }));
  await expect(refused.api.get("i")).rejects.toMatchObject({ status: 401 });
  expect(refused.renewals).toEqual([false, true]);
  const expired = apiWith(() => json(401, {}), ok);
  await expired.api.get("i");
  expect(expired.requests.map(authorization)).toEqual(["Bearer old", "Bearer new"]);
});

test("an aborted call is not retried", async () => {
  const stop = new AbortController();
  const { api, requests } = apiWith(() => {
    stop.abort(new Error("stopped"));
    return silence();
  });
  await expect(api.get("i", stop.signal)).rejects.toThrow("stopped");
  expect(requests).toHaveLength(1);
});
