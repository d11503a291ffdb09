import { RawPeer } from '@raftway/http2/testing';
import type { HostileInstance } from './hostile-instance';
import type { Target } from './target';

/** Where one attack takes place. */
export interface Stage {
  /** host:port of the gateway. */
  readonly gateway: string;
  /** An instance that takes whatever gets through. */
  readonly target: Target;
  readonly isOver: () => boolean;
  /** Aborted when the attack is over. */
  readonly signal: AbortSignal;
  /** Notes how a connection of the attacker ended. */
  readonly note: (peer: RawPeer) => void;
}

/** One class of attack. */
export interface Attack {
  /** For `--only`; those from instances begin with `instance-`. */
  readonly name: string;
  /** What is done, and under which number it became known. */
  readonly what: string;
  /** Who attacks, when it is an instance: it has to be registered before. */
  readonly instance?: HostileInstance;
  /** Attacks until the stage is over. Rejects when the gateway cannot be reached, or did what it must not do. */
  readonly run: (stage: Stage) => Promise<void>;
}

/** An attacker that was closed comes back after this long: some hundred connections a second are another attack, by packets. */
const RETURN_MS = 20;

/** Waits, and less when the stage is over. */
export async function pause(stage: Stage, durationMs: number): Promise<void> {
  if (stage.isOver()) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stage.signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    stage.signal.addEventListener('abort', end);
  });
}

/** Gives a connection of `open` to `use`, again and again, until the stage is over. */
export async function again(
  stage: Stage,
  open: () => Promise<RawPeer>,
  use: (peer: RawPeer, turn: number) => Promise<void>,
): Promise<void> {
  for (let turn = 0; !stage.isOver(); turn += 1) {
    const peer = await open().catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') throw error;
      return undefined;
    });
    if (peer !== undefined) {
      await use(peer, turn);
      stage.note(peer);
      peer.destroy();
    }
    await pause(stage, RETURN_MS);
  }
}

/** The newest frames that a client's connection keeps. */
export const KEPT = { framesMax: 8 };

/** An attack by clients, one after the other: each has said hello when `use` gets it, with what it announces in its SETTINGS. */
export function byClient(
  name: string,
  what: string,
  use: (stage: Stage, peer: RawPeer, turn: number) => Promise<void>,
  settings: Uint8Array = Buffer.alloc(0),
): Attack {
  const options = { ...KEPT, settings };
  return {
    name,
    what,
    run: (stage) =>
      again(
        stage,
        () => RawPeer.connect(stage.gateway, options),
        (peer, turn) => use(stage, peer, turn),
      ),
  };
}

/** Sends batches as fast as they are taken, until the connection is closed or the stage is over. */
export async function pour(
  stage: Stage,
  peer: RawPeer,
  batch: (round: number) => Uint8Array,
  roundsMax = Number.POSITIVE_INFINITY,
): Promise<void> {
  for (let round = 0; round < roundsMax && !peer.closed && !stage.isOver(); round += 1) {
    peer.send(batch(round));
    await peer.drained(200);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Keeps a connection open, idle, until it is closed or so much time has passed. */
export async function hold(stage: Stage, peer: RawPeer, durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs;
  while (!peer.closed && !stage.isOver() && performance.now() < endMs) await pause(stage, 20);
}

/** So many of something, as one buffer. */
export function many(count: number, make: (index: number) => Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_unused, index) => make(index)));
}
