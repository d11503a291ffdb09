import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What all suites share: where files go, and what is to be undone. */
export class Workbench {
  private readonly undo: (() => Promise<void>)[] = [];
  private stopping: Promise<void> | undefined;

  private constructor(
    /** The workspace's root folder. */
    readonly root: string,
    /** For data directories of all contenders, so that they share a disk; removed at the end. */
    readonly directory: string,
    /** Our servers write CPU profiles below this; undefined = they do not. */
    readonly profileDirectory: string | undefined,
    /** Says what goes on. */
    readonly say: (text: string) => void,
  ) {}

  static async open(
    root: string,
    profileDirectory: string | undefined,
    say: (text: string) => void,
  ): Promise<Workbench> {
    // Not the system's temporary folder: it is in memory on many machines, where a sync costs nothing.
    const directory = join(root, '.raftway', `bench-${process.pid}`);
    await mkdir(directory, { recursive: true });
    return new Workbench(root, directory, profileDirectory, say);
  }

  /** Done at the end, the last one first. */
  onStop(action: () => Promise<void>): void {
    this.undo.push(action);
  }

  /** Stops everything that was started and removes the files; the second call waits for the first. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    await Promise.allSettled(this.undo.reverse().map((action) => action()));
    await rm(this.directory, { recursive: true, force: true });
  }
}
