import type { LogIndex } from '@raftway/raft/core';
import type { ApplyContext, StateMachine } from '@raftway/raft';

/** How long a client's session lasts without a command of its own, in milliseconds of the log clock. */
const SESSION_MS = 400;

const COMMANDS_PER_SLICE = 4;

/** Few, so that writes are soon overwritten and stale reads stand out. */
const REGISTERS = 3;

interface Contents {
  commands: { readonly id: string; readonly index: LogIndex }[];
  /** Deadlines by client. */
  sessions: [string, number][];
  fingerprint: number;
}

/**
 * The state machine of simulated servers: a list of the commands in the order of the log, and the sessions of who gave them. Simple enough that every mistake
 * shows: a command that is missing, applied twice or out of place changes the list, and a session that ends elsewhere than on another replica the fingerprint.
 *
 * Each command also writes its own id to one of a few registers, for clients that know nothing of the log.
 */
export class CommandList implements StateMachine<LogIndex> {
  /** See {@link StateMachine}; set by whoever wants another one than that of the index. */
  fingerprintResult: (index: LogIndex) => number = (index) => index;
  private contents: Contents = { commands: [], sessions: [], fingerprint: 0 };
  private sessions = new Map<string, number>();
  private readonly ids = new Map<string, LogIndex>();
  private readonly registers = new Map<string, string>();

  /** Of everything that has happened to it. */
  get fingerprint(): number {
    return this.contents.fingerprint;
  }

  /** Clients that have given a command and not been silent for long. */
  get sessionCount(): number {
    return this.sessions.size;
  }

  /** Undefined when it was never applied here. */
  indexOf(id: string): LogIndex | undefined {
    return this.ids.get(id);
  }

  /** What was written last to a register; '' when nothing was. */
  valueOf(register: string): string {
    return this.registers.get(register) ?? '';
  }

  apply(command: Uint8Array, { index, nowMs }: ApplyContext): LogIndex {
    const id = commandId(command);
    if (this.ids.has(id)) throw new Error(`command ${id} was applied twice, at ${index} too`);
    this.contents.commands.push({ id, index });
    this.ids.set(id, index);
    this.registers.set(registerOf(id), id);
    this.sessions.set(id.slice(0, id.indexOf('.')), nowMs + SESSION_MS);
    this.note(id, index);
    return index;
  }

  expire({ index, nowMs }: ApplyContext): void {
    for (const [client, deadlineMs] of this.sessions) {
      if (deadlineMs > nowMs) continue;
      this.sessions.delete(client);
      this.note(client, index);
    }
  }

  nextDeadlineMs(): number | undefined {
    return this.sessions.size === 0 ? undefined : Math.min(...this.sessions.values());
  }

  snapshot(): Uint8Array {
    return Buffer.concat([...this.snapshotSlices()]);
  }

  snapshotSlices(): Iterable<Uint8Array> {
    const { commands, fingerprint } = this.contents;
    const rest = JSON.stringify({ sessions: [...this.sessions], fingerprint });
    return slicesOf(rest, commands, commands.length);
  }

  restore(data: Uint8Array): void {
    const [rest = '', ...lines] = Buffer.from(data).toString().split('\n');
    const { sessions, fingerprint } = JSON.parse(rest) as Omit<Contents, 'commands'>;
    const commands = lines.flatMap((line) => JSON.parse(line) as Contents['commands']);
    this.contents = { commands, sessions, fingerprint };
    this.sessions = new Map(sessions);
    this.ids.clear();
    this.registers.clear();
    for (const { id, index } of commands) {
      this.ids.set(id, index);
      this.registers.set(registerOf(id), id);
    }
  }

  encodeResult(index: LogIndex): Uint8Array {
    return Buffer.from(String(index));
  }

  decodeResult(bytes: Uint8Array): LogIndex {
    return Number(Buffer.from(bytes).toString());
  }

  /** For comparing two of them. */
  describe(): string {
    return this.contents.commands.map(({ id, index }) => `${id}@${index}`).join(' ');
  }

  private note(what: string, index: LogIndex): void {
    let hash = Math.imul(this.contents.fingerprint ^ index, 0x9e3779b1);
    for (let at = 0; at < what.length; at += 1) {
      hash = Math.imul(hash ^ what.charCodeAt(at), 0x01000193);
    }
    this.contents.fingerprint = hash >>> 0;
  }
}

/** The list only grows: its length is all that has to be taken down of it. */
function* slicesOf(
  rest: string,
  commands: Contents['commands'],
  count: number,
): Generator<Uint8Array> {
  yield Buffer.from(rest);
  for (let from = 0; from < count; from += COMMANDS_PER_SLICE) {
    const slice = commands.slice(from, Math.min(from + COMMANDS_PER_SLICE, count));
    yield Buffer.from(`\n${JSON.stringify(slice)}`);
  }
}

/** The n-th register in turn, from any n. */
export function registerAt(turn: number): string {
  return `register ${turn % REGISTERS}`;
}

/** Where the command with this id, which ends in its number, writes. */
export function registerOf(id: string): string {
  return registerAt(Number(id.slice(id.lastIndexOf('.') + 1)));
}

/** A command's bytes; some are longer than others. */
export function encodeCommand(id: string, padding: number): Uint8Array {
  return Buffer.from(`${id}|${'.'.repeat(padding)}`);
}

function commandId(command: Uint8Array): string {
  const text = Buffer.from(command).toString();
  return text.slice(0, text.indexOf('|'));
}
