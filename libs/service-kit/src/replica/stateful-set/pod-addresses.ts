import { joinHostPort, splitHostPort } from '@raftway/config';
import type { Member } from '@raftway/raft';

/** More pods than a group has members. */
const PODS_MAX = 1000;

/**
 * The server of a pod with an empty directory. The ordinal in a pod's name stays when its disk is lost, and a server id may not: the others know the old disk by it. So ids count pods in thousands, one
 * thousand a generation.
 */
export function serverIdOf(ordinal: number, generation: number): number {
  return generation * PODS_MAX + ordinal + 1;
}

/** Whose pod's server it is, in any generation. */
export function ordinalOf(serverId: number): number {
  return (serverId - 1) % PODS_MAX;
}

/**
 * Where the peer endpoints of a StatefulSet's pods are, also of pods that nobody has listed: `<name>-<ordinal>.<service>:<port>`, as the founding peers have it.
 */
export class PodAddresses {
  private constructor(
    private readonly before: string,
    private readonly after: string,
    private readonly port: number,
  ) {}

  /** Undefined when a peer's address is not that of the pod with its ordinal, or the peers differ in more than that. */
  static from(peers: ReadonlyMap<number, string>): PodAddresses | undefined {
    const [first] = peers;
    if (first === undefined) return undefined;
    const [id, address] = first;
    const parts = splitHostPort(address);
    const [, before = '', digits, after = ''] = /^(.+-)(\d+)(\..+|)$/.exec(parts?.host ?? '') ?? [];
    if (parts === undefined || digits !== String(ordinalOf(id))) return undefined;
    const found = new PodAddresses(before, after, parts.port);
    return [...peers].every(([peer, there]) => found.of(peer) === there) ? found : undefined;
  }

  /** The peer endpoint of the pod with that server. */
  of(serverId: number): string {
    const host = `${this.before}${ordinalOf(serverId)}${this.after}`;
    return joinHostPort({ host, port: this.port });
  }

  /** Whether a member is one of the StatefulSet's pods: others are no concern of its size. */
  isPod({ id, address }: Pick<Member, 'id' | 'address'>): boolean {
    return this.of(id) === address;
  }
}
