/*
 * Documents from the registry's configuration, followed.
 *
 * Each entry below a prefix is a file. A change of several entries that was made as one is one set; a registry that is away leaves the last set as it is. Of
 * entries that have not changed nothing is read again.
 */
import { type config } from '@raftway/contracts';
import { type ConfigView } from '@raftway/discovery';
import { invalidArgument } from '@raftway/errors';
import {
  type DocumentFile,
  documentSet,
  type DocumentSet,
  type ReadText,
} from '../domain/documents';
import * as refusal from '../domain/refusal';
import { byText, readTexts } from './read-texts';

/** How long a gateway waits to see what it has written itself, in milliseconds. */
const seenWithinMs = 5000;

/** An entry as it was when it was read. */
interface KnownEntry {
  readonly text: string;
  readonly texts: readonly ReadText[];
}

/** Somebody who waits for a revision to be used. */
interface Waiter {
  readonly revision: bigint;
  readonly resolve: () => void;
}

/** Follows a view until `stop`. */
export class DocumentStore {
  private known = new Map<string, KnownEntry>();
  /** What was last put together of them. */
  private set: DocumentSet | undefined;
  private isStale = false;
  private running: Promise<void> | undefined;
  private usedRevision = 0n;
  private waiters: readonly Waiter[] = [];
  private unsubscribe: () => void = () => undefined;
  private stopped = false;

  /**
   * @param view of the entries below the prefix. Not closed here.
   * @param prefix of their keys, with the slash at its end.
   * @param onSet told of the first set, and of each that differs from the one before.
   */
  constructor(
    private readonly view: ConfigView,
    private readonly prefix: string,
    private readonly onSet: (set: DocumentSet) => void,
  ) {}

  /** Uses what is known, and follows what changes from then on. */
  start(): void {
    this.unsubscribe = this.view.onChange(() => this.refresh());
    if (this.view.revision() > 0n) this.refresh();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unsubscribe();
    await this.running;
  }

  /**
   * Writes all files as one, in the place of those that are there, and waits until this gateway uses them.
   * @throws ServiceError DOCUMENTS_CHANGED when somebody else has changed them meanwhile, REGISTRY_UNAVAILABLE, and what the registry refuses.
   */
  async replace(files: readonly DocumentFile[]): Promise<void> {
    const sinceRevision = this.view.revision();
    if (sinceRevision === 0n) throw refusal.registryUnavailable();
    const operations = this.operationsFor(files);
    if (operations.length === 0) return;
    const { prefix } = this;
    const unchanged = { $case: 'prefix', value: { prefix, sinceRevision } } as const;
    const answer = await this.view.transact([{ condition: unchanged }], operations);
    if (!answer.succeeded) throw refusal.documentsChanged();
    await this.used(answer.revision);
  }

  private operationsFor(files: readonly DocumentFile[]): config.Operation[] {
    const before = this.view.entries();
    const next = new Map(files.map(({ path, text }) => [`${this.prefix}${path}`, text]));
    if (next.size < files.length)
      throw invalidArgument({ field: 'files', description: 'two files have one path' });
    const operations: config.Operation[] = [];
    for (const [key, value] of next)
      if (before.get(key) !== value)
        operations.push({ operation: { $case: 'put', value: { key, value } } });
    for (const key of before.keys())
      if (!next.has(key)) operations.push({ operation: { $case: 'delete', value: { key } } });
    return operations;
  }

  /** Resolves when the entries of a revision are used. */
  private async used(revision: bigint): Promise<void> {
    if (this.usedRevision >= revision) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.waiters = [...this.waiters, { revision, resolve }];
      timer = setTimeout(() => reject(refusal.documentsNotSeen()), seenWithinMs);
    }).finally(() => clearTimeout(timer));
  }

  /** One at a time; what changes meanwhile is looked at afterwards. */
  private refresh(): void {
    this.isStale = true;
    this.running ??= this.refreshAll().finally(() => (this.running = undefined));
  }

  private async refreshAll(): Promise<void> {
    while (this.isStale && !this.stopped) {
      this.isStale = false;
      const revision = this.view.revision();
      const next = new Map<string, KnownEntry>();
      for (const [key, text] of [...this.view.entries()].sort(byKey))
        next.set(key, await this.read(key, text));
      if (this.stopped) return;
      this.known = next;
      this.set = documentSet(
        [...next.values()].flatMap(({ texts }) => texts),
        this.set,
      );
      this.onSet(this.set);
      this.usedRevision = revision;
      for (const waiter of this.waiters) if (waiter.revision <= revision) waiter.resolve();
      this.waiters = this.waiters.filter((waiter) => waiter.revision > revision);
    }
  }

  /** The entry, which is the one of before when it has not changed. */
  private async read(key: string, text: string): Promise<KnownEntry> {
    const before = this.known.get(key);
    if (before?.text === text) return before;
    const path = key.slice(this.prefix.length);
    return { text, texts: await readTexts({ path, text }, byText(before?.texts ?? [])) };
  }
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}
