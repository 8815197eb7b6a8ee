// While uploads are in progress, keeps the screen on and lets the browser ask before the page is left.
// Must not know how uploads work. https://developer.mozilla.org/docs/Web/API/Screen_Wake_Lock_API

export class LeaveGuard {
  readonly #isBusy: () => boolean;
  #lock: Promise<WakeLockSentinel | undefined> | undefined;

  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy;
  }

  start(): void {
    addEventListener("beforeunload", this.#ask);
    document.addEventListener("visibilitychange", this.update);
  }

  stop(): void {
    removeEventListener("beforeunload", this.#ask);
    document.removeEventListener("visibilitychange", this.update);
    this.#release();
  }

  /**
   * To be called when uploads start or end. The browser releases the lock when the tab is hidden, so this requests it
   * again when the tab is visible.
   */
  readonly update = (): void => {
    const isNeeded = this.#isBusy() && document.visibilityState === "visible";
    if (!isNeeded) this.#release();
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
