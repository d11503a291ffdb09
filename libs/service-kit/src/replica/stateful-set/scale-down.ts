import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@raftway/observability';
import { type RaftNode, Role } from '@raftway/raft';
import { nextRemoval } from './next-removal';
import type { PodAddresses } from './pod-addresses';
import { SteadySize, type SetSize } from './set-size';

export interface ScaleDownSettings {
  readonly node: Pick<RaftNode<unknown>, 'id' | 'status' | 'removeServer'>;
  readonly pods: Pick<PodAddresses, 'isPod'>;
  readonly readSize: (signal: AbortSignal) => Promise<SetSize>;
  readonly logger: Logger;
  readonly onRemoved: () => void;
  readonly onReadFailed: () => void;
  readonly timing?: Partial<ScaleDownTiming> | undefined;
}

/** In milliseconds. */
export interface ScaleDownTiming {
  /** Between two questions to the Kubernetes API. */
  readonly intervalMs: number;
  /** How long a size has to stay before it is believed. */
  readonly steadyMs: number;
  /** A voter that has answered in that time is there. */
  readonly contactMaxMs: number;
}

/** Steady for more than ten seconds: three readings. */
const TIMING: ScaleDownTiming = { intervalMs: 5_000, steadyMs: 10_000, contactMaxMs: 2_000 };
const SAY_AGAIN_MS = 60_000;

/**
 * Removes members whose pods the StatefulSet has no more. A pod that is told to end cannot know whether it comes back; the leader asks the Kubernetes API, and only while it leads. What the API does not say, or
 * says of a moment only, changes nothing: a pod that is drained, has crashed or cannot be scheduled stays a member.
 */
export class ScaleDown {
  private readonly timing: ScaleDownTiming;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private readonly steady: SteadySize;
  private readonly saidMs = new Map<string, number>();

  constructor(private readonly settings: ScaleDownSettings) {
    this.timing = { ...TIMING, ...settings.timing };
    this.steady = new SteadySize(this.timing.steadyMs, 4 * this.timing.intervalMs);
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.step();
      await delay(this.timing.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async step(): Promise<void> {
    if (!this.leads()) {
      this.steady.forget();
      return;
    }
    const { readSize, onReadFailed } = this.settings;
    const { signal } = this.stopping;
    let size: SetSize;
    try {
      size = await readSize(signal);
    } catch (error) {
      if (signal.aborted) return;
      onReadFailed();
      this.say('the size of the StatefulSet is not known: nobody is removed', { error });
      return;
    }
    const believed = this.steady.read(size, performance.now());
    if (believed !== undefined) await this.removeAll(believed);
  }

  /** One after the other, as long as nothing is in the way. */
  private async removeAll(size: SetSize): Promise<void> {
    const { node, logger, onRemoved } = this.settings;
    while (!this.stopping.signal.aborted && this.leads()) {
      const next = this.next(size);
      if (next === undefined) return;
      const { replicas } = size;
      if ('wait' in next) {
        this.say('members without a pod stay for now', { replicas, waitsFor: next.wait });
        return;
      }
      try {
        await node.removeServer(next.remove, { signal: this.stopping.signal });
      } catch (error) {
        this.say('a member without a pod could not be removed', { id: next.remove, error });
        return;
      }
      onRemoved();
      logger.info('removed a member: its StatefulSet has no such pod any more', {
        id: next.remove,
        replicas,
      });
    }
  }

  private next(size: SetSize): ReturnType<typeof nextRemoval> {
    const { node, pods } = this.settings;
    const { id, members, joint, configurationIndex, commitIndex } = node.status();
    return nextRemoval({
      id,
      members,
      isChanging: joint || configurationIndex > commitIndex,
      size,
      isPod: (member) => pods.isPod(member),
      contactMaxMs: this.timing.contactMaxMs,
    });
  }

  private leads(): boolean {
    return this.settings.node.status().role === Role.leader;
  }

  /** A state of affairs that lasts is said once a minute. */
  private say(message: string, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = performance.now();
    if (nowMs - (this.saidMs.get(message) ?? -Infinity) < SAY_AGAIN_MS) return;
    this.saidMs.set(message, nowMs);
    this.settings.logger.warn(message, fields);
  }
}
