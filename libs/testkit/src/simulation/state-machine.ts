import type { Entry, LogIndex } from '@raftway/raft/core';

/**
 * What the simulated servers replicate: the list of commands, in the order of the log. Simple enough that every mistake shows: a command that is missing,
 * applied twice or out of place changes the list.
 */
export class CommandList {
  private commands: { readonly id: string; readonly index: LogIndex }[] = [];
  private readonly ids = new Map<string, LogIndex>();

  get size(): number {
    return this.commands.length;
  }

  /** Undefined when it was never applied here. */
  indexOf(id: string): LogIndex | undefined {
    return this.ids.get(id);
  }

  apply(entry: Entry): void {
    const id = commandId(entry);
    if (this.ids.has(id)) throw new Error(`command ${id} was applied twice, at ${entry.index} too`);
    this.commands.push({ id, index: entry.index });
    this.ids.set(id, entry.index);
  }

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify(this.commands));
  }

  restore(data: Uint8Array): void {
    this.commands = JSON.parse(Buffer.from(data).toString()) as typeof this.commands;
    this.ids.clear();
    for (const { id, index } of this.commands) this.ids.set(id, index);
  }

  /** For comparing two of them. */
  describe(): string {
    return this.commands.map(({ id, index }) => `${id}@${index}`).join(' ');
  }
}

/** Which client's which command an entry is. */
export function commandId(entry: Entry): string {
  return `${entry.clientId}.${entry.sequence}`;
}
