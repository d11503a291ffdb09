import type { FileSystem, OpenFile } from '../../src/storage/file-system';

/** A file system whose syncs of the log return no more, once it hangs: neither done nor failed. */
export class HangingDisk {
  isHanging = false;
  private readonly held: (() => void)[] = [];

  constructor(private readonly disk: FileSystem) {}

  get fileSystem(): FileSystem {
    const { disk } = this;
    return new Proxy(disk, {
      get: (target, name) => {
        if (name === 'open') return (file: string) => this.open(file);
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  /** Whatever waits goes on. */
  release(): void {
    this.isHanging = false;
    for (const goOn of this.held.splice(0)) goOn();
  }

  private async open(file: string): Promise<OpenFile> {
    const opened = await this.disk.open(file);
    const sync = opened.sync.bind(opened);
    opened.sync = async () => {
      if (this.isHanging) await new Promise<void>((resolve) => this.held.push(resolve));
      await sync();
    };
    return opened;
  }
}
