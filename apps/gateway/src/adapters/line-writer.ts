import { close, fstatSync, open, openSync, stat, type Stats, write } from 'node:fs';
import { promisify } from 'node:util';

/** Lines are gathered for so long, in milliseconds. */
const gatherMs = 100;
/** Bytes of one write to a file. */
const fileBytesMax = 65_536;
/** … and to a pipe: so much is written as a whole or not at all, so that no line of another writer comes between (POSIX, PIPE_BUF). */
const pipeBytesMax = 4096;
/** How long a pipe that is full is left alone, in milliseconds. */
const fullPipeMs = 20;
/** How often it is looked whether a file was moved away, in milliseconds. */
const lookMs = 5000;
/** How long {@link LineWriter.close} waits for what has not been written, in milliseconds. */
const closeMs = 1000;
const stdoutFd = 1;

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(stat);

/** What a {@link LineWriter} is made with. */
export interface LineWriterSettings<Item> {
  /** `stdout`, or the path of a file, which is appended to. */
  readonly target: string;
  /** Items that may wait. */
  readonly itemsMax: number;
  /** Makes a line, without its newline. Called when it is written. */
  readonly lineOf: (item: Item) => string;
  readonly nowMs: () => number;
  /** So many lines were written, or lost because too many waited or nothing could be written. */
  readonly onLines: (result: 'written' | 'dropped', count: number) => void;
  /** Writing does not work, for the first time since it did. */
  readonly onFailure: (error: Error) => void;
}

/**
 * Writes lines in batches, aside from what makes them: an item that waits is kept as it is, and becomes a line when there is something to write it. What does not fit is
 * dropped and counted; nobody waits for a disk or a reader. A file that was moved away, as logrotate does, is opened anew within five seconds.
 */
export class LineWriter<Item> {
  private items: Item[] = [];
  private fd: number;
  private isFile: boolean;
  private timer: NodeJS.Timeout | undefined;
  private isWriting = false;
  private isFailing = false;
  private isClosed = false;
  private lookedMs: number;
  private onIdle: (() => void) | undefined;

  /** @throws the system's error when the file cannot be opened */
  constructor(private readonly settings: LineWriterSettings<Item>) {
    const { target, nowMs } = settings;
    this.fd = target === 'stdout' ? stdoutFd : openSync(target, 'a', 0o640);
    this.isFile = fstatSync(this.fd).isFile();
    this.lookedMs = nowMs();
  }

  /** Takes an item, to be written soon. */
  offer(item: Item): void {
    const { itemsMax, onLines } = this.settings;
    if (this.items.length >= itemsMax) return onLines('dropped', 1);
    this.items.push(item);
    if (this.isWriting || this.timer !== undefined) return;
    this.timer = setTimeout(() => this.begin(), gatherMs);
    this.timer.unref();
  }

  /** Writes what waits, for at most a second. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    const idle = new Promise<void>((resolve) => (this.onIdle = resolve));
    if (!this.isWriting) this.begin();
    let giveUp: NodeJS.Timeout | undefined;
    await Promise.race([idle, new Promise((resolve) => (giveUp = setTimeout(resolve, closeMs)))]);
    clearTimeout(giveUp);
    this.isClosed = true;
    const lost = this.items.length;
    this.items = [];
    if (lost > 0) this.settings.onLines('dropped', lost);
    if (this.fd !== stdoutFd && !this.isWriting) await closeFile(this.fd);
  }

  private begin(): void {
    this.timer = undefined;
    this.isWriting = true;
    void this.writeAll().finally(() => {
      this.isWriting = false;
      this.onIdle?.();
    });
  }

  private async writeAll(): Promise<void> {
    while (this.items.length > 0) {
      await this.followFile();
      const { text, count } = this.nextBatch();
      try {
        await this.writeWhole(Buffer.from(text));
        this.isFailing = false;
        this.settings.onLines('written', count);
      } catch (error) {
        this.settings.onLines('dropped', count);
        if (!this.isFailing && !this.isClosed) this.settings.onFailure(error as Error);
        this.isFailing = true;
      }
    }
  }

  /** As many lines as fit into one write, and one at least. */
  private nextBatch(): { text: string; count: number } {
    const bytesMax = this.isFile ? fileBytesMax : pipeBytesMax;
    let text = '';
    let count = 0;
    for (const item of this.items) {
      const line = this.settings.lineOf(item);
      // Three bytes are the most that a UTF-16 unit becomes.
      if (count > 0 && 3 * (text.length + line.length + 1) > bytesMax) {
        const bytes = Buffer.byteLength(text) + Buffer.byteLength(line) + 1;
        if (bytes > bytesMax) break;
      }
      text += `${line}\n`;
      count += 1;
    }
    this.items.splice(0, count);
    return { text, count };
  }

  private async writeWhole(bytes: Buffer): Promise<void> {
    let from = 0;
    while (from < bytes.length) {
      if (this.isClosed) throw new Error('closed before everything was written');
      const written = await this.writeSome(bytes, from);
      if (written === 'full') await new Promise((resolve) => setTimeout(resolve, fullPipeMs));
      else from += written;
    }
  }

  private writeSome(bytes: Buffer, from: number): Promise<number | 'full'> {
    return new Promise((resolve, reject) => {
      write(this.fd, bytes, from, bytes.length - from, null, (error, count) => {
        if (error === null) resolve(count);
        else if (error.code === 'EAGAIN') resolve('full');
        else reject(error);
      });
    });
  }

  /** Opens the file anew when there is another one, or none, under its name. */
  private async followFile(): Promise<void> {
    const { target, nowMs } = this.settings;
    if (this.fd === stdoutFd || nowMs() - this.lookedMs < lookMs) return;
    this.lookedMs = nowMs();
    const there = await statFile(target).catch(() => undefined);
    if (there !== undefined && isSame(there, fstatSync(this.fd))) return;
    try {
      const before = this.fd;
      this.fd = await openFile(target, 'a', 0o640);
      this.isFile = fstatSync(this.fd).isFile();
      await closeFile(before);
    } catch (error) {
      // The old one is still there to be written to.
      this.settings.onFailure(error as Error);
    }
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}
