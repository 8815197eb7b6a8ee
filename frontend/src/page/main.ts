// The entry point of the page: reads the settings and starts the app with the browser's fetch, clock and storage.
import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";
import "./style.css";
import "./account/form.css";
import "./messages/messages.css";
import "./email/mailing.css";
import "./unfinished/unfinished.css";
import "./uploads/uploads.css";
import "./picker/dashboard.css";
import type { Fetch } from "../upload/api/api";
import { systemClock } from "../upload/clock";
import { App } from "./app";
import { loadConfig } from "./config";
import { errorLine } from "./elements";
import { strings } from "./strings";

const main = document.querySelector<HTMLElement>("main") ?? document.body;
const header = document.querySelector<HTMLElement>("header") ?? document.body;
document.querySelector("footer small")?.append(strings.version(__HOIST_VERSION__));
const browserFetch: Fetch = (url, options) => fetch(url, options);

try {
  const config = await loadConfig(browserFetch);
  const app = new App({
    main,
    header,
    config,
    fetch: browserFetch,
    clock: systemClock,
    store: sessionStorage,
  });
  await app.start();
} catch (error) {
  console.error(error);
  main.replaceChildren(errorLine(strings.errors.config, strings.errors.reload, () => location.reload()));
}
