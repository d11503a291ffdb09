/** Something that has gathered work for the end of the turn. */
export interface Flushable {
  flush(): void;
}

/**
 * Writes what all connections have gathered, once per turn of the event loop.
 *
 * In one turn several clients' sockets are read, and what they ask for goes to few instances: written at once, one system
 * call carries the frames of many calls. The check phase follows the reads directly, so that a lone call waits for nothing.
 */
export class FlushScheduler {
  private dirty: Flushable[] = [];
  private flushing: Flushable[] = [];
  private scheduled = false;

  /**
   * @param defer when a turn is over. The default is the check phase, for a proxy; a server whose answers are made in promises' reactions
   * takes {@link afterReactions}, which does not wait for the next turn of the event loop.
   */
  constructor(private readonly defer: (run: () => void) => void = setImmediate) {}

  /** Has it flushed at the end of this turn. The caller sees to it that it is not in the list twice. */
  schedule(one: Flushable): void {
    this.dirty.push(one);
    if (this.scheduled) return;
    this.scheduled = true;
    this.defer(this.run);
  }

  private readonly run = (): void => {
    // What becomes dirty meanwhile waits for the next turn: nobody can keep this loop busy.
    const list = this.dirty;
    this.dirty = this.flushing;
    this.flushing = list;
    this.scheduled = false;
    for (const one of list) one.flush();
    list.length = 0;
  };
}
