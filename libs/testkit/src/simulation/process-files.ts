import type { FileSystem, OpenFile } from '@raftway/raft';
import type { SimulatedFileSystem } from './file-system';
import type { PageFile } from './page-file';

/**
 * The file system calls of one process, in virtual time, for real storage code to run on. Once the process has ended nothing of it is done or answered any more,
 * as little as the rest of its code runs.
 */
export class ProcessFiles implements FileSystem {
  private readonly generation: number;

  constructor(private readonly disk: SimulatedFileSystem) {
    this.generation = disk.generation;
  }

  makeDirectory(): Promise<void> {
    return this.call(0, () => undefined);
  }

  list(directory: string): Promise<readonly string[]> {
    return this.call(0, () => {
      const found = new Set<string>();
      for (const name of this.disk.namesIn(directory)) {
        found.add(name.slice(directory.length + 1).split('/')[0] as string);
      }
      return [...found];
    });
  }

  read(name: string): Promise<Buffer> {
    return this.call(0, () => this.disk.file(name).read());
  }

  open(name: string): Promise<OpenFile> {
    return this.call(0, () => {
      this.disk.createIfMissing(name);
      return this.handle(this.disk.file(name));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.call(0, () => this.disk.change({ type: 'rename', name: from, to }));
  }

  remove(name: string): Promise<void> {
    return this.call(0, () => {
      if (this.disk.exists(name)) this.disk.change({ type: 'remove', name });
    });
  }

  syncDirectory(directory: string): Promise<void> {
    return this.call(this.disk.latencyMaxMs, () => this.disk.keepNames(directory, Infinity));
  }

  private handle(file: PageFile): OpenFile {
    return {
      write: (bytes, position) => this.write(file, bytes, position),
      read: (position, count) =>
        this.call(0, () => file.read().subarray(position, position + count)),
      size: () => this.call(0, () => file.size),
      sync: () => {
        const synced = this.call(this.disk.latencyMaxMs, () => this.disk.sync(file));
        if (this.isAlive()) this.disk.onSync?.();
        return synced;
      },
      truncate: (size) => this.call(0, () => file.truncate(size)),
      close: () => this.call(0, () => undefined),
    };
  }

  private write(file: PageFile, bytes: Uint8Array, position: number): Promise<void> {
    const write = { file, bytes, position };
    if (this.isAlive()) this.disk.pendingWrites.add(write);
    return this.call(0.1, () => this.disk.write(write));
  }

  private isAlive(): boolean {
    return this.generation === this.disk.generation;
  }

  /** Answers after some virtual time, unless the process has ended by then. */
  private call<Result>(delayMaxMs: number, run: () => Result): Promise<Result> {
    const { queue, random, whenRunning, settled } = this.disk.world;
    return new Promise((resolve, reject) => {
      if (!this.isAlive()) return;
      const perform = (): void => {
        if (!this.isAlive()) return;
        let answer: () => void;
        try {
          const result = run();
          answer = () => resolve(result);
        } catch (error) {
          const failure = error instanceof Error ? error : new Error(String(error));
          answer = () => reject(failure);
        }
        whenRunning(() => {
          if (!this.isAlive()) return;
          answer();
          settled();
        });
      };
      const delayMs = delayMaxMs === 0 ? 0 : 0.05 + random.next() * delayMaxMs;
      queue.after(delayMs, () => this.disk.whenAwake(perform));
    });
  }
}
