// While uploads are under way: the screen stays on, and leaving the page asks first.
// Must not know what is under way. https://developer.mozilla.org/docs/Web/API/Screen_Wake_Lock_API

export class Awake {
  readonly #isBusy: () => boolean;
  #lock: Promise<WakeLockSentinel | undefined> | undefined;

  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy;
  }

  start(): void {
    addEventListener("beforeunload", this.#ask);
    document.addEventListener("visibilitychange", this.look);
  }

  stop(): void {
    removeEventListener("beforeunload", this.#ask);
    document.removeEventListener("visibilitychange", this.look);
    this.#release();
  }

  /** Something began or ended. The browser takes the lock away when the tab is hidden: taken again when it is seen. */
  readonly look = (): void => {
    const wanted = this.#isBusy() && document.visibilityState === "visible";
    if (!wanted) this.#release();
    else this.#lock ??= navigator.wakeLock?.request("screen").catch(() => undefined);
  };

  readonly #ask = (event: BeforeUnloadEvent): void => {
    if (this.#isBusy()) event.preventDefault();
  };

  #release(): void {
    void this.#lock?.then((lock) => lock?.release());
    this.#lock = undefined;
  }
}
