// The page of a person who is signed in: puts the Dashboard, the lists, the live updates and the messages together.
// Must not know how signing in works: the API client that it gets has a token.
import type { Api } from "../upload/api/api";
import { browserConnectivity } from "../upload/browser/connectivity";
import { workerHasher } from "../upload/browser/hasher";
import { indexedDbJournal } from "../upload/browser/indexeddb-journal";
import { browserLocks } from "../upload/browser/tab-locks";
import { browserTransport } from "../upload/browser/xhr-transport";
import type { Clock } from "../upload/clock";
import { Engine } from "../upload/engine";
import type { Listener, Preconnect } from "../upload/ports";
import { element } from "./elements";
import { MailingSwitch } from "./email/mailing-switch";
import { LeaveGuard } from "./leave-guard";
import { Live } from "./live";
import { type Attempt, attempts } from "./messages/attempt";
import { BrowserNotifications } from "./messages/browser-notifications";
import { explain } from "./messages/explain";
import { Messages } from "./messages/messages";
import type { Toasts } from "./messages/toasts";
import { UploadDashboard } from "./picker/dashboard";
import { strings } from "./strings";
import { UnfinishedUploads } from "./unfinished/unfinished-uploads";
import { SpeedMeters } from "./uploads/speed-meters";
import { UploadActions } from "./uploads/upload-actions";
import { type ListActions, UploadList } from "./uploads/upload-list";
import { UploadPages } from "./uploads/upload-pages";
import { type Change, newUpload, UploadStore } from "./uploads/upload-store";
import { WaitingLine, waitingText } from "./uploads/waiting-line";

/** Signing out waits at most this long (milliseconds) for uploads to be aborted. */
const CLOSE_TIMEOUT = 3_000;
/** Milliseconds between two updates of the progress in the rows. */
const PROGRESS_INTERVAL = 1_000;

export type WorkspaceOptions = {
  api: Api;
  clock: Clock;
  toasts: Toasts;
  /** Separates the unfinished uploads of people who share this browser. */
  owner: string;
  /** Opens connections before they are needed; undefined when S3 is local. */
  preconnect: Preconnect | undefined;
};

export class Workspace {
  readonly element = element("div", { class: "workspace" });
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #notifications = new BrowserNotifications();
  readonly #messages: Messages;
  readonly #attempt: Attempt;
  readonly #store = new UploadStore((change) => this.#show(change));
  readonly #pages: UploadPages;
  readonly #list: UploadList;
  readonly #engine: Engine;
  readonly #dashboard: UploadDashboard;
  readonly #unfinished: UnfinishedUploads;
  readonly #live: Live;
  readonly #mailing: MailingSwitch;
  readonly #speeds: SpeedMeters;
  readonly #waiting = new WaitingLine();
  readonly #leaveGuard = new LeaveGuard(() => this.isBusy);
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor({ api, clock, toasts, owner, preconnect }: WorkspaceOptions) {
    this.#api = api;
    this.#clock = clock;
    this.#messages = new Messages(toasts, this.#notifications);
    this.#attempt = attempts(this.#messages, this.#remove);
    this.#speeds = new SpeedMeters(clock);
    this.#pages = new UploadPages(api, this.#store);
    this.#mailing = new MailingSwitch(api, (error) => this.#messages.showError(error));
    this.#engine = this.#newEngine(owner, preconnect);
    const target = element("div", { class: "drop" });
    this.#dashboard = this.#newDashboard(target);
    this.#unfinished = this.#newUnfinished();
    this.#list = this.#newList();
    this.#live = this.#newLive();
    const title = element("h1", { class: "unseen" }, strings.picker.title);
    this.element.append(title, this.#waiting.element, target, this.#unfinished.element, this.#list.element);
  }

  get isBusy(): boolean {
    return this.#dashboard.isBusy;
  }

  open(): void {
    void this.#read(() => this.#pages.refresh());
    void this.#applyLimits();
    void this.#unfinished.refresh();
    this.#mailing.start();
    this.#notifications.start();
    this.#live.start();
    this.#leaveGuard.start();
    this.#timer = setInterval(() => this.#showProgress(), PROGRESS_INTERVAL);
    addEventListener("pagehide", this.#flush);
  }

  /** Stops everything, and keeps unfinished uploads for another page. */
  leave(): void {
    this.#mailing.stop();
    this.#notifications.stop();
    this.#live.stop();
    this.#leaveGuard.stop();
    this.#unfinished.stop();
    clearInterval(this.#timer);
    removeEventListener("pagehide", this.#flush);
    this.#flush();
  }

  /** Stops everything and aborts unfinished uploads. */
  async close(): Promise<void> {
    this.leave();
    await Promise.race([this.#dashboard.close(), this.#clock.wait(CLOSE_TIMEOUT)]);
    this.element.remove();
  }

  #newEngine(owner: string, preconnect: Preconnect | undefined): Engine {
    return new Engine({
      api: this.#api,
      transport: browserTransport,
      connectivity: browserConnectivity,
      journal: indexedDbJournal(owner),
      locks: browserLocks,
      preconnect,
      hasher: workerHasher(),
      clock: this.#clock,
      listener: this.#newListener(),
    });
  }

  #newListener(): Listener {
    return {
      created: (created, file) => {
        const deadline = created.strategy === "multipart" ? created.parts_expire_at : undefined;
        this.#speeds.start(created.id, file.data, deadline);
        this.#store.apply(newUpload(created, file), "response");
        this.#unfinished.refreshSoon();
      },
      completed: (upload) => this.#store.apply(upload, "response"),
      removed: this.#remove,
      restarted: ({ name, data }) => {
        this.#speeds.restart(data);
        this.#messages.notify(strings.toasts.restarted(name), "bad");
      },
      skipped: (count) => this.#messages.notify(strings.unfinished.arrived(count), "good"),
    };
  }

  #newDashboard(target: HTMLElement): UploadDashboard {
    return new UploadDashboard({
      target,
      engine: this.#engine,
      explain,
      show: (text, kind) => this.#messages.show(text, kind),
      onBusy: () => this.#leaveGuard.update(),
      onWaiting: () => this.#showProgress(),
    });
  }

  #newUnfinished(): UnfinishedUploads {
    return new UnfinishedUploads({
      engine: this.#engine,
      dashboard: this.#dashboard,
      messages: this.#messages,
      attempt: this.#attempt,
      onRemoved: this.#remove,
    });
  }

  #newList(): UploadList {
    const actions = new UploadActions({
      api: this.#api,
      clock: this.#clock,
      messages: this.#messages,
      cancel: (id) => this.#dashboard.cancel(id),
      onRemoved: this.#remove,
      frames: this.element,
    });
    const attempt = this.#attempt;
    const listActions: ListActions = {
      download: (upload) => void attempt(() => actions.download(upload), upload.id),
      delete: (upload) => void attempt(() => actions.delete(upload), upload.id),
      more: () => void this.#read(() => this.#pages.more()),
      retry: () => void this.#read(() => this.#pages.refresh()),
      filter: (state) => void this.#read(() => this.#pages.filter(state)),
    };
    return new UploadList(listActions, this.#notifications.element, this.#mailing.element);
  }

  #newLive(): Live {
    return new Live({
      connect: (signal) => this.#api.once().connect(signal), // `Live` retries by itself
      open: (url) => new WebSocket(url),
      clock: this.#clock,
      onConnected: () => {
        this.#list.showLive(true);
        void this.#read(() => this.#pages.refresh());
      },
      onDropped: () => this.#list.showLive(false),
      onUpload: (upload) => this.#store.apply(upload, "live"),
    });
  }

  /** Updates the waiting line and the progress in the rows. */
  #showProgress(): void {
    const isOnline = browserConnectivity.isOnline();
    const text = this.isBusy ? waitingText(this.#engine.waiting, isOnline) : "";
    this.#waiting.show(text);
    this.#speeds.measure(this.#dashboard.activeFiles(), text !== "", (id, progress) =>
      this.#list.showProgress(id, progress),
    );
  }

  #show(change: Change): void {
    this.#list.show(change);
    if (change.kind === "updated" && change.isOutcome) this.#messages.notifyOutcome(change.row.upload);
  }

  async #read(read: () => Promise<void>): Promise<void> {
    try {
      await read();
      this.#list.showLoaded(this.#pages.hasMore);
    } catch (error) {
      this.#list.showError(explain(error));
    }
  }

  /** Without its limits the page works too, because the API checks them again. */
  async #applyLimits(): Promise<void> {
    const limits = await this.#api.limits().catch(() => undefined);
    if (!limits) return;
    const { put_max_size: putMaxSize, origins } = limits;
    if (putMaxSize !== undefined) this.#engine.adjust({ putMaxSize });
    if (origins) this.#engine.adjust({ origins });
    this.#dashboard.limit(limits);
  }

  readonly #remove = (id: string): void => {
    this.#store.remove(id);
    this.#unfinished.refreshSoon();
  };

  readonly #flush = (): void => void this.#engine.flush();
}
