import * as http2 from 'node:http2';
import { flag, headers, type RawPeer, RawServer, type } from '@raftway/http2/testing';
import { type Attack, pause, type Stage } from './attack';

/** Clients that call the hostile instance at the same time. */
const CALLERS = 4;
const BETWEEN_CALLS_MS = 5;
const CALL_MS = 2_000;
const POLL_MS = 5;

/** What a hostile instance does with one call: its stream has just been opened. */
export type Script = (peer: RawPeer, streamId: number, stage: Stage) => Promise<void>;

/** An instance that speaks in raw frames, of a service of its own. */
export class HostileInstance {
  private stage: Stage | undefined;
  private readonly server: RawServer;

  /** @param service the gRPC service under which it is registered */
  constructor(
    readonly service: string,
    private readonly script: Script,
  ) {
    this.server = new RawServer((peer) => void this.follow(peer), true, { framesMax: 64 });
  }

  get address(): string {
    return this.server.address;
  }

  async start(): Promise<this> {
    await this.server.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }

  /** Attacks until the stage is over: callers make calls, the script answers them. */
  async attack(stage: Stage): Promise<void> {
    this.stage = stage;
    const path = `/${this.service}/Call`;
    await Promise.all(Array.from({ length: CALLERS }, () => callOverAndOver(stage, path)));
    this.stage = undefined;
    for (const peer of this.server.peers.splice(0)) peer.destroy();
  }

  private async follow(peer: RawPeer): Promise<void> {
    let last = 0;
    while (!peer.closed) {
      for (const { kind, flags, streamId } of peer.frames.splice(0)) {
        if (kind === type.settings && (flags & flag.ack) === 0) continue;
        if (kind !== type.headers || streamId <= last) continue;
        last = streamId;
        this.answer(peer, streamId);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  private answer(peer: RawPeer, streamId: number): void {
    const { stage } = this;
    if (stage !== undefined) {
      void this.script(peer, streamId, stage).finally(() => stage.note(peer));
      return;
    }
    // Between attacks the gateway asks for its files.
    peer.send(headers(streamId, [':status', '200', 'grpc-status', '12'], flag.endStream));
  }
}

/** Calls, one after the other, with whatever result. */
async function callOverAndOver(stage: Stage, path: string): Promise<void> {
  let session = connect(stage.gateway);
  while (!stage.isOver()) {
    if (session.closed || session.destroyed) session = connect(stage.gateway);
    await callOnce(stage, session, path);
    await pause(stage, BETWEEN_CALLS_MS);
  }
  session.destroy();
}

function connect(gateway: string): http2.ClientHttp2Session {
  const session = http2.connect(`http://${gateway}`);
  session.on('error', () => undefined);
  return session;
}

async function callOnce(
  stage: Stage,
  session: http2.ClientHttp2Session,
  path: string,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const timer = setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), CALL_MS);
    const onOver = (): void => stream.close(http2.constants.NGHTTP2_CANCEL);
    stage.signal.addEventListener('abort', onOver, { once: true });
    stream.on('error', () => undefined);
    stream.once('close', () => {
      clearTimeout(timer);
      stage.signal.removeEventListener('abort', onOver);
      resolve();
    });
    stream.resume();
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
  });
}

/** An attack by an instance. */
export function byInstance(name: string, what: string, script: Script): Attack {
  const instance = new HostileInstance(`attack.Hostile_${name.replaceAll('-', '_')}`, script);
  return {
    name: `instance-${name}`,
    what,
    instance,
    run: (stage) => instance.attack(stage),
  };
}
