// The addresses that the page uses. They come from /config.json, so that one build works on every stage.
// Must not know what the addresses are used for.
import type { Fetch } from "../upload/api/api";

export type Config = {
  api_url: string;
  region: string;
  user_pool_id: string;
  user_pool_client_id: string;
  cognito_endpoint: string;
  /** Only on a local system: an account that anyone may use. */
  demo?: { username: string; password: string };
};

export async function loadConfig(fetch: Fetch): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache" });
  if (!response.ok) throw new Error(`/config.json: ${response.status}`);
  return (await response.json()) as Config;
}
