import { initialWindowBytes } from './protocol';

/** What both sides' connections are bounded by; parts of `ServerLimits` and `ClientLimits`. */
export interface ConnectionLimits {
  readonly headerListBytesMax: number;
  readonly headerCountMax: number;
  readonly streamBufferBytesMax: number;
  readonly streamWindowStartBytes?: number | undefined;
  readonly connectionMemoryBytesMax: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** How the memory of one connection is divided. */
export interface MemoryShares {
  /** The window of the whole connection: what may arrive before we have said anything. */
  readonly windowBytes: number;
  /** Received from a client and not passed on: above it no more window is given, which stops the client. */
  readonly heldBytesMax: number;
  /** Waiting for the windows of a client that does not read: above it the stream that gets more is reset. */
  readonly queuedBytesMax: number;
  /** Frames not taken by the system: above it the connection is closed. */
  readonly outputBytesMax: number;
  /** … above this, it is not read any more, so that it asks for no further frames. */
  readonly readingStopsBytes: number;
  /** … and above this, no DATA is added. */
  readonly dataStopsBytes: number;
}

const windowBytesWanted = 4 * 1024 * 1024;
const readingStopsWanted = 512 * 1024;
const dataStopsWanted = 256 * 1024;

/**
 * Half of a connection's memory is for what waits to be sent, a quarter for what has been received, and a quarter for frames on their way out. Beside these
 * a connection costs one header block (twice the header list limit at the most), one incomplete frame (16 KiB) and two header tables (4 KiB each).
 */
export function memoryShares(connectionMemoryBytesMax: number): MemoryShares {
  const quarter = Math.floor(connectionMemoryBytesMax / 4);
  const windowBytes = Math.max(initialWindowBytes, Math.min(windowBytesWanted, quarter / 2));
  return {
    windowBytes: Math.floor(windowBytes),
    heldBytesMax: Math.max(quarter, 2 * initialWindowBytes),
    queuedBytesMax: 2 * quarter,
    outputBytesMax: quarter,
    readingStopsBytes: Math.min(readingStopsWanted, quarter / 2),
    dataStopsBytes: Math.min(dataStopsWanted, quarter / 4),
  };
}
