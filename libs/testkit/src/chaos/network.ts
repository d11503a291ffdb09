/** Where one replica of each service runs. */
export interface Host {
  /** 1, 2, 3 … */
  readonly ordinal: number;
  readonly ip: string;
  /** The command line that runs a program there. */
  wrap(program: string, args: readonly string[]): readonly [string, readonly string[]];
}

/** Whatever lies between the replicas, and between them and the clients. 0 names the clients' own place. */
export interface Network {
  readonly hosts: readonly Host[];
  /** Whether {@link cut} is possible here. */
  readonly canCut: boolean;
  /** How {@link slow} does it; undefined where it cannot. */
  readonly slowness: string | undefined;
  /** From now on nothing that `from` sends reaches `to`; connections are not closed. Clients are 0. */
  cut(from: number, to: number): Promise<void>;
  /** From now on packets to this host arrive late, and some not at all. */
  slow(ordinal: number): Promise<void>;
  /** Undoes every cut and all slowness. */
  heal(): Promise<void>;
}

/** All replicas on this machine's loopback interface: nothing to cut. */
export function loopbackNetwork(): Network {
  const hosts = [1, 2, 3].map((ordinal) => ({
    ordinal,
    ip: '127.0.0.1',
    wrap: (program: string, args: readonly string[]) => [program, args] as const,
  }));
  const impossible = () => Promise.reject(new Error('loopback cannot be cut'));
  return {
    hosts,
    canCut: false,
    slowness: undefined,
    cut: impossible,
    slow: impossible,
    heal: () => Promise.resolve(),
  };
}
