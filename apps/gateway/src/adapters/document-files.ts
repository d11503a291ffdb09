/*
 * Documents from a file or from the files of a directory, followed.
 *
 * A change is noticed by the file system's notification, and where there is none (network file systems) by looking every ten seconds. Of thousands of
 * files only those that are notified are looked at, and of a file only the documents that changed are validated again.
 */
import { type FSWatcher, type Stats, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { type Logger } from '@raftway/observability';
import {
  type DocumentProblem,
  documentSet,
  type DocumentSet,
  type ReadText,
} from '../domain/documents';
import { byText, readTexts } from './read-texts';

/** A notification waits so long for its neighbours, in milliseconds: whoever writes a file in place empties it first. */
const settleMs = 5;
/** How often everything is looked at without a notification, in milliseconds. */
const lookMs = 10_000;
const filesMax = 20_000;
/** Files that are looked at at once. A look waits for the disk and a turn: thousands one after the other would keep a change waiting for seconds. */
const looksMax = 64;
const fileBytesMax = 64 * 1024 * 1024;
const extensions: readonly string[] = ['.yaml', '.yml', '.json'];

/** A file as it was when it was read. */
interface KnownFile {
  readonly stamp: string;
  readonly texts: readonly ReadText[];
  /** Why it could not be read. */
  readonly problem?: DocumentProblem;
}

/** Follows `path` until `stop`. */
export class DocumentFiles {
  private known = new Map<string, KnownFile>();
  /** What was last put together of them. */
  private set: DocumentSet | undefined;
  /** Why the names of files could not be read. */
  private listProblem: DocumentProblem | undefined;
  private readonly changed = new Set<string>();
  private lookAtAll = true;
  private lookAtLinks = false;
  private running: Promise<void> | undefined;
  private watcher: FSWatcher | undefined;
  private settle: NodeJS.Timeout | undefined;
  private look: NodeJS.Timeout | undefined;
  private stopped = false;
  private isDirectory = false;
  private isFirst = true;

  /** @param onSet told of the first set, and of each that differs from the one before. */
  constructor(
    private readonly path: string,
    private readonly onSet: (set: DocumentSet) => void,
    private readonly logger: Logger,
  ) {}

  /** Reads everything once, and follows what changes from then on. */
  async start(): Promise<void> {
    this.isDirectory = await stat(this.path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    this.startWatching();
    await this.refresh();
    if (this.stopped) return;
    this.look = setInterval(() => {
      this.lookAtAll = true;
      void this.refresh();
    }, lookMs);
    this.look.unref();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.settle);
    clearInterval(this.look);
    this.watcher?.close();
    await this.running;
  }

  private startWatching(): void {
    // A file that is replaced is another file: its directory says so.
    const directory = this.isDirectory ? this.path : dirname(this.path);
    try {
      this.watcher = watch(directory, (_event, name) => this.onNotified(name));
      this.watcher.on('error', (error) => this.warnUnwatched(error));
    } catch (error) {
      this.warnUnwatched(error);
    }
  }

  private warnUnwatched(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.logger.warn('documents are not watched, and looked at every ten seconds', {
      path: this.path,
      why,
    });
  }

  private onNotified(name: string | null): void {
    if (this.stopped) return;
    if (!this.isDirectory || name === null) this.lookAtAll = true;
    else if (isDocumentFile(name)) this.changed.add(name);
    // Files that are links may lead through it, as through `..data` of a mounted ConfigMap. To others it is nothing: mostly a file that is written
    // before it takes its name, and with thousands of files a look at all of them would be most of the time that a change takes.
    else this.lookAtLinks = true;
    this.settle ??= setTimeout(() => {
      this.settle = undefined;
      void this.refresh();
    }, settleMs);
  }

  /** One at a time; what is notified meanwhile is looked at afterwards. */
  private refresh(): Promise<void> {
    this.running ??= this.refreshAll().finally(() => (this.running = undefined));
    return this.running;
  }

  private async refreshAll(): Promise<void> {
    while (!this.stopped && (this.lookAtAll || this.lookAtLinks || this.changed.size > 0)) {
      const changed = new Set(this.changed);
      const all = this.lookAtAll;
      const links = this.lookAtLinks;
      this.lookAtAll = false;
      this.lookAtLinks = false;
      this.changed.clear();
      const before = this.listProblem;
      const some = new Set([...changed, ...(links ? await this.links() : [])]);
      const names = all ? await this.list() : [...some];
      const differs = await this.readChanged(names, all, changed);
      if (differs || this.listProblem?.message !== before?.message) this.publish();
    }
  }

  /** The files that there are; those of before when nobody can tell. */
  private async list(): Promise<readonly string[]> {
    try {
      this.isDirectory = (await stat(this.path)).isDirectory();
      if (!this.isDirectory) return [basename(this.path)];
      const names = (await readdir(this.path)).filter(isDocumentFile).sort();
      if (names.length > filesMax) throw new Error(`${names.length} files; at most ${filesMax}`);
      this.listProblem = undefined;
      return names;
    } catch (error) {
      this.listProblem = { where: this.path, message: messageOf(error) };
      return [...this.known.keys()];
    }
  }

  /** The files of the directory that are links; none when nobody can tell: everything is looked at every ten seconds. */
  private async links(): Promise<readonly string[]> {
    const found = await readdir(this.path, { withFileTypes: true }).catch(() => []);
    return found
      .filter((entry) => entry.isSymbolicLink() && isDocumentFile(entry.name))
      .map(({ name }) => name);
  }

  /** Returns whether anything differs from before. */
  private async readChanged(
    names: readonly string[],
    all: boolean,
    changed: ReadonlySet<string>,
  ): Promise<boolean> {
    let next = new Map(all ? [] : this.known);
    let differs = this.isFirst;
    this.isFirst = false;
    for (let at = 0; at < names.length; at += looksMax) {
      const some = names.slice(at, at + looksMax);
      const same = await Promise.all(
        some.map(async (name) => !changed.has(name) && (await this.isSame(name))),
      );
      for (const [index, name] of some.entries()) {
        const before = this.known.get(name);
        const after = same[index] === true ? before : await this.readFile(name, before);
        if (after === undefined) next.delete(name);
        else next.set(name, after);
        differs ||= after?.texts !== before?.texts || after?.problem !== before?.problem;
      }
    }
    differs ||= next.size !== this.known.size;
    // The order of names, whenever files came.
    if (!all && names.some((name) => !this.known.has(name))) next = new Map([...next].sort(byName));
    this.known = next;
    return differs;
  }

  /** Whether a file is as it was when it was read, as far as a look at it tells. */
  private async isSame(name: string): Promise<boolean> {
    const known = this.known.get(name);
    if (known === undefined) return false;
    const now = await stat(this.pathOf(name)).catch(() => undefined);
    return now !== undefined && stampOf(now) === known.stamp;
  }

  /** The file as it is now, with the texts of before when those have not changed; undefined when it is gone. */
  private async readFile(
    name: string,
    before: KnownFile | undefined,
  ): Promise<KnownFile | undefined> {
    const path = this.pathOf(name);
    try {
      const found = await stat(path);
      const { size } = found;
      if (size > fileBytesMax) throw new Error(`it is longer than ${fileBytesMax} bytes`);
      const text = await readFile(path, 'utf8');
      const known = before?.texts ?? [];
      const texts = await readTexts({ path, text }, byText(known));
      // Notifications of one change may come before and behind the look at it.
      const isSame = texts.length === known.length && texts.every((one, at) => one === known[at]);
      return { stamp: stampOf(found), texts: isSame ? known : texts };
    } catch (error) {
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (gone && this.isDirectory) return undefined;
      const message = messageOf(error);
      if (before?.problem?.message === message) return before;
      return { stamp: '', texts: [], problem: { where: path, message } };
    }
  }

  private publish(): void {
    if (this.stopped) return;
    const files = [...this.known.values()];
    const unread = [this.listProblem, ...files.map(({ problem }) => problem)];
    this.set = documentSet(
      files.flatMap(({ texts }) => texts),
      this.set,
    );
    const { documents, problems } = this.set;
    this.onSet({
      documents,
      problems: [...unread.filter((problem) => problem !== undefined), ...problems],
    });
  }

  private pathOf(name: string): string {
    return this.isDirectory ? join(this.path, name) : this.path;
  }
}

function stampOf({ size, mtimeMs, ino }: Stats): string {
  return `${size} ${mtimeMs} ${ino}`;
}

function isDocumentFile(name: string): boolean {
  return !name.startsWith('.') && extensions.includes(extname(name));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function messageOf(error: unknown): string {
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
