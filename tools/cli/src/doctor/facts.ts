/** One address that a process is to listen on. */
export interface PortFacts {
  readonly address: string;
  /** `taken`: somebody listens there; `free`; or why it cannot be listened on. */
  readonly state: string;
}

/** One process of a suite on this machine. */
export interface ProcessFacts {
  readonly name: string;
  /** As `raftway up` recorded it; undefined without a record. */
  readonly pid: number | undefined;
  /** A process with that id runs, or holds the data directory. */
  readonly isAlive: boolean;
  /** It answers at its HTTP port. */
  readonly answers: boolean;
  readonly ports: readonly PortFacts[];
  /** Undefined where this operating system does not say, or nothing runs. */
  readonly openFiles: { readonly used: number; readonly limit: number } | undefined;
}

/** The data directory of one replica. */
export interface DirectoryFacts {
  readonly path: string;
  /** The process that has its lock; undefined when it is not in use. */
  readonly holder: number | undefined;
  /** Why it cannot be read and written; undefined when it can. */
  readonly refused: string | undefined;
}

/** A file system that data directories are on. */
export interface DiskFacts {
  /** The first directory that is on it. */
  readonly path: string;
  /** What an unprivileged process may still write. */
  readonly freeBytes: number;
  /** Files that may still be made; undefined for file systems without a bound. */
  readonly freeFiles: number | undefined;
}

/** What this machine says about a suite that runs on it. */
export interface MachineFacts {
  readonly processes: readonly ProcessFacts[];
  readonly directories: readonly DirectoryFacts[];
  readonly disks: readonly DiskFacts[];
}
