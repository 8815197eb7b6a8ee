// What a signed-in person sees, put together: the Dashboard, the list, the live line and the toasts.
// Must not know how signing in works: the API client it gets can already call.
import type { Api } from "../upload/api/api";
import type { CreatedUpload, Upload } from "../upload/api/contract";
import { browserConnectivity } from "../upload/browser/connectivity";
import { workerHasher } from "../upload/browser/hasher";
import { indexedDbJournal } from "../upload/browser/indexeddb-journal";
import { browserLocks } from "../upload/browser/tab-locks";
import { browserTransport } from "../upload/browser/xhr-transport";
import type { Clock } from "../upload/clock";
import { Engine } from "../upload/engine";
import { ApiError } from "../upload/errors";
import type { Member, Preconnect, SourceFile } from "../upload/ports";
import type { UnfinishedDrop, UnfinishedFile } from "../upload/resume/unfinished";
import { inSlices } from "../upload/tasks";
import { element } from "./elements";
import { MailingSwitch } from "./email/mailing-switch";
import { Awake } from "./leave-guard";
import { Live } from "./live";
import { confirm } from "./messages/confirm";
import { explain } from "./messages/explain";
import { Notices } from "./messages/notices";
import type { Toasts } from "./messages/toasts";
import { UploadDashboard } from "./picker/dashboard";
import { mayRead } from "./picker/file-handles";
import { strings } from "./strings";
import { save } from "./uploads/save-file";
import { Paces } from "./uploads/speeds";
import { nameOf, UnfinishedList } from "./uploads/unfinished-list";
import { type ListActions, UploadList } from "./uploads/upload-list";
import { Listing } from "./uploads/upload-pages";
import { type Change, Uploads } from "./uploads/upload-store";
import { WaitingLine, waitingText } from "./uploads/waiting-line";

/** How long signing out waits for uploads to be aborted (milliseconds). */
const CLOSING = 3_000;
/** How often the rows say how their files go (milliseconds). */
const LOOK = 1_000;
/** What is unfinished changes with every file of a resumed drop: it is read once for all within so long (milliseconds). */
const REREAD = 300;

export class Workspace {
  readonly element = element("div", { class: "workspace" });
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #toasts: Toasts;
  readonly #uploads = new Uploads((change) => this.#show(change));
  readonly #listing: Listing;
  readonly #list: UploadList;
  readonly #unfinished: UnfinishedList;
  readonly #engine: Engine;
  readonly #dashboard: UploadDashboard;
  readonly #live: Live;
  readonly #notices = new Notices();
  readonly #mailing: MailingSwitch;
  readonly #paces: Paces;
  readonly #waiting = new WaitingLine();
  #watch: ReturnType<typeof setInterval> | undefined;
  /** How often what is unfinished was read. */
  #looks = 0;
  #rereading: ReturnType<typeof setTimeout> | undefined;
  readonly #awake = new Awake(() => this.isBusy);

  /** `owner` keeps apart what people who share this browser leave unfinished; `preconnect` where S3 is far away. */
  constructor(api: Api, clock: Clock, toasts: Toasts, owner: string, preconnect?: Preconnect) {
    this.#api = api;
    this.#clock = clock;
    this.#toasts = toasts;
    this.#paces = new Paces(clock);
    this.#listing = new Listing(api, this.#uploads);
    const actions: ListActions = {
      download: (upload) => void this.#act(upload, () => this.#download(upload)),
      remove: (upload) => void this.#act(upload, () => this.#remove(upload)),
      more: () => void this.#read(() => this.#listing.more()),
      retry: () => void this.#read(() => this.#listing.refresh()),
      filter: (state) => void this.#read(() => this.#listing.filter(state)),
    };
    this.#mailing = new MailingSwitch(api, (error) => toasts.show(explain(error), "bad"));
    this.#list = new UploadList(actions, this.#notices.element, this.#mailing.element);
    const target = element("div", { class: "drop" });
    const title = element("h1", { class: "unseen" }, strings.drop.title);
    this.#unfinished = new UnfinishedList({
      goOn: (entry) => void this.#act(entry, () => this.#goOn(entry)),
      chosen: (entry, file) => this.#goOnWith(entry, file),
      giveUp: (entry) => void this.#act(entry, () => this.#giveUp(entry)),
      chosenAgain: (drop, files) => void this.#try(() => this.#resumeDrop(drop, files)),
      giveUpDrop: (drop) => void this.#try(() => this.#giveUpDrop(drop)),
    });
    this.element.append(title, this.#waiting.element, target, this.#unfinished.element, this.#list.element);
    this.#engine = this.#newEngine(owner, preconnect);
    this.#dashboard = new UploadDashboard({
      target,
      engine: this.#engine,
      describe: explain,
      say: (text, kind) => toasts.show(text, kind),
      onBusy: () => this.#awake.look(),
      onWaiting: () => this.#look(),
    });
    this.#live = this.#newLive();
  }

  get isBusy(): boolean {
    return this.#dashboard.isBusy;
  }

  open(): void {
    void this.#read(() => this.#listing.refresh());
    void this.#limit();
    void this.#showUnfinished();
    this.#mailing.start();
    this.#notices.start();
    this.#live.start();
    this.#awake.start();
    this.#watch = setInterval(() => this.#look(), LOOK);
    addEventListener("pagehide", this.#flush);
  }

  /** The page goes away; what is under way is left for another day. */
  leave(): void {
    this.#mailing.stop();
    this.#notices.stop();
    this.#live.stop();
    this.#awake.stop();
    clearInterval(this.#watch);
    clearTimeout(this.#rereading);
    removeEventListener("pagehide", this.#flush);
    this.#flush();
  }

  async close(): Promise<void> {
    this.leave();
    await Promise.race([this.#dashboard.close(), this.#clock.wait(CLOSING)]);
    this.element.remove();
  }

  #newEngine(owner: string, preconnect?: Preconnect): Engine {
    return new Engine({
      api: this.#api,
      transport: browserTransport,
      connectivity: browserConnectivity,
      journal: indexedDbJournal(owner),
      locks: browserLocks,
      preconnect,
      hasher: workerHasher(),
      clock: this.#clock,
      listener: {
        created: (created, file) => {
          const isInParts = created.strategy === "multipart";
          this.#paces.began(created.id, file.data, isInParts ? created.parts_expire_at : undefined);
          this.#uploads.apply(asUpload(created, file), "answer");
          this.#rereadUnfinished();
        },
        completed: (upload) => this.#uploads.apply(upload, "answer"),
        removed: (id) => this.#forget(id),
        restarted: ({ name, data }) => {
          this.#paces.restarted(data);
          this.#tell(strings.toasts.restarted(name), "bad");
        },
        skipped: (count) => this.#tell(strings.unfinished.arrived(count), "good"),
      },
    });
  }

  #newLive(): Live {
    return new Live({
      connect: (signal) => this.#api.once().connect(signal), // `Live` tries again by itself
      open: (url) => new WebSocket(url),
      clock: this.#clock,
      onConnected: () => {
        this.#list.live(true);
        void this.#read(() => this.#listing.refresh());
      },
      onDropped: () => this.#list.live(false),
      onUpload: (upload) => this.#uploads.apply(upload, "live"),
    });
  }

  #look(): void {
    const isOnline = browserConnectivity.isOnline();
    const text = this.isBusy ? waitingText(this.#engine.waiting, isOnline) : "";
    this.#waiting.show(text);
    this.#paces.look(this.#dashboard.sending(), text !== "", (id, going) => this.#list.going(id, going));
  }

  #show(change: Change): void {
    this.#list.show(change);
    if (change.kind === "gone" || !change.outcome) return;
    const { filename, state, reason } = change.row.upload;
    if (state !== "accepted" && state !== "rejected" && state !== "failed") return;
    const { one, many } = strings.outcomes[state];
    const text = (count: number) => (count === 1 ? one(filename, reason ?? "") : many(count));
    this.#toasts.count(state, state === "accepted" ? "good" : "bad", text);
    this.#notices.count(state, text);
  }

  #tell(text: string, kind: "good" | "bad"): void {
    this.#toasts.show(text, kind);
    this.#notices.tell(text);
  }

  async #read(read: () => Promise<void>): Promise<void> {
    try {
      await read();
      this.#list.loaded(this.#listing.hasMore);
    } catch (error) {
      this.#list.failed(explain(error));
    }
  }

  /** Without limits the page works too: the API refuses what it must. */
  async #limit(): Promise<void> {
    const limits = await this.#api.limits().catch(() => undefined);
    if (!limits) return;
    const { put_max_size: putMaxSize, origins } = limits;
    this.#engine.adjust({ ...(putMaxSize !== undefined && { putMaxSize }), ...(origins && { origins }) });
    this.#dashboard.limit(limits);
  }

  /** An answer that comes after a newer one is not shown. */
  async #showUnfinished(): Promise<void> {
    const turn = ++this.#looks;
    const unfinished = await this.#engine.unfinished();
    if (turn === this.#looks) this.#unfinished.show(unfinished);
  }

  /** Resumed files leave it; nothing comes to it while the page is open. */
  #rereadUnfinished(): void {
    if (!this.#unfinished.isShown) return;
    this.#rereading ??= setTimeout(() => {
      this.#rereading = undefined;
      void this.#showUnfinished();
    }, REREAD);
  }

  readonly #flush = (): void => void this.#engine.flush();

  /** By the way that was kept; where there is none, or it leads nowhere any more, the person picks. */
  async #goOn(entry: UnfinishedFile): Promise<void> {
    const { handles } = this.#dashboard;
    const { handle, filename } = entry;
    if (handle && (await mayRead(handle))) {
      const kept = await handles.open(handle).catch(() => undefined);
      if (kept && isSame(entry, kept)) return this.#dashboard.add([kept]);
      this.#toasts.show(strings.unfinished.gone(filename), "bad");
    }
    const [picked] = await handles.pick(false);
    if (picked) this.#goOnWith(entry, picked);
  }

  /** The engine recognises the file; another one is better refused than sent as something new. */
  #goOnWith(entry: UnfinishedFile, file: File): void {
    if (isSame(entry, file)) this.#dashboard.add([file]);
    else this.#toasts.show(strings.unfinished.other(entry.filename), "bad");
  }

  async #giveUp(entry: UnfinishedFile): Promise<void> {
    const { title, unfinished: text, yes, no } = strings.confirm;
    if (!(await confirm({ title: title(entry.filename), text, yes, no }))) return;
    await this.#engine.discard(entry);
    this.#forget(entry.id);
  }

  /** Only what is missing is added; what else was chosen is told. */
  async #resumeDrop(drop: UnfinishedDrop, files: File[]): Promise<void> {
    const words = strings.unfinished;
    const members: Member[] = [];
    await inSlices(files, (slice) => void members.push(...slice.map(asMember)));
    const chosen = await this.#engine.resumeDrop(drop, members);
    if (!chosen) return this.#toasts.show(words.anotherTab(nameOf(drop)), "bad");
    const { missing, changed, settled, others } = chosen;
    this.#dashboard.add([...missing, ...changed].flatMap((place) => files[place] ?? []));
    this.#rereadUnfinished();
    const said = [
      missing.length > 0 && words.sending(missing.length),
      changed.length > 0 && words.changed(changed.length),
      settled > 0 && words.arrived(settled),
      others > 0 && words.others(others),
    ];
    if (missing.length + changed.length > 0) this.#tell(said.filter(Boolean).join(" "), "good");
    else this.#toasts.show(words.none(nameOf(drop)), "bad");
  }

  async #giveUpDrop(drop: UnfinishedDrop): Promise<void> {
    const words = strings.giveUpDrop;
    if (!(await confirm({ ...words, title: words.title(nameOf(drop)) }))) return;
    await this.#engine.discardDrop(drop);
    await this.#showUnfinished();
  }

  #forget(id: string): void {
    this.#uploads.remove(id);
    this.#rereadUnfinished();
  }

  async #try(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#toasts.show(explain(error), "bad");
    }
  }

  /** Does something about an upload; one that turns out to be gone leaves the list. */
  #act({ id }: { id: string }, act: () => Promise<void>): Promise<void> {
    return this.#try(async () => {
      try {
        await act();
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) this.#forget(id);
        throw error;
      }
    });
  }

  async #download({ id, filename }: Upload): Promise<void> {
    const { url } = await this.#api.download(id);
    const refused = () => this.#toasts.show(strings.toasts.notSaved(filename), "bad");
    this.element.append(save(url, this.#clock, refused));
  }

  async #remove({ id, filename, state }: Upload): Promise<void> {
    const { title, finished, unfinished, yes, no } = strings.confirm;
    const text = state === "uploading" ? unfinished : finished;
    if (!(await confirm({ title: title(filename), text, yes, no }))) return;
    if (this.#dashboard.cancel(id)) return;
    await this.#api.remove(id);
    this.#forget(id);
  }
}

function isSame({ filename, size }: UnfinishedFile, file: File): boolean {
  return file.name === filename && file.size === size;
}

function asMember({ name, webkitRelativePath, size, lastModified }: File): Member {
  return { path: webkitRelativePath || name, size, lastModified };
}

/** What is known of an upload the moment it is created; anything the API says later is newer. */
function asUpload({ id, key, state }: CreatedUpload, { name, type, data }: SourceFile): Upload {
  const created_at = new Date().toISOString();
  return { id, key, state, filename: name, size: data.size, content_type: type, created_at, updated_at: "" };
}
