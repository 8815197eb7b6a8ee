// The engine: takes files, gives uploads. All files share its connections and places.
// Knows neither DOM nor Uppy; everything it touches comes in as Tools, so that tests need no browser.
import { FileUpload } from "./file-upload";
import { defaultSettings, type Settings, type SourceFile, type Tools } from "./settings";
import { HostPool, Slots } from "./slots";

export class Engine {
  readonly #tools: Tools;
  readonly #settings: Settings;
  readonly #pool: HostPool;
  readonly #files: Slots;

  constructor(tools: Tools) {
    this.#tools = tools;
    this.#settings = { ...defaultSettings, ...tools.settings };
    this.#pool = new HostPool(this.#settings.connectionsPerHost);
    this.#files = new Slots(this.#settings.filesAtOnce);
  }

  /** Changes settings for files that are yet to come. */
  adjust(settings: Pick<Partial<Settings>, "putMaxSize">): void {
    Object.assign(this.#settings, settings);
  }

  /** An upload of this file, not yet running. `onProgress` hears the bytes of the file that are in S3. */
  upload(file: SourceFile, onProgress: (sent: number) => void = () => undefined): FileUpload {
    return new FileUpload({
      ...this.#tools,
      settings: this.#settings,
      file,
      pool: this.#pool,
      files: this.#files,
      onProgress,
    });
  }
}
