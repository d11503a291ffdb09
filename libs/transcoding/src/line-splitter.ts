const lineFeed = 0x0a;
/** The least room that is made for what has to be kept. */
const keptBytesMin = 1024;

/**
 * Finds the lines of a stream of bytes, one at a time, when they are asked for. Blank lines are left out.
 *
 * What waits is kept in one buffer that grows by doubling: a line that comes byte by byte costs twice its bytes, and is searched once.
 */
export class LineSplitter {
  private bytes: Buffer = Buffer.alloc(0);
  private start = 0;
  private end = 0;
  /** Up to here there is no line's end. */
  private searched = 0;
  private complete = false;

  /**
   * @param bytesMax longest line.
   * @param tooLong makes the error that {@link next} throws.
   */
  constructor(
    private readonly bytesMax: number,
    private readonly tooLong: (bytes: number) => Error,
  ) {}

  /** Bytes that have not been taken. */
  get waitingBytes(): number {
    return this.end - this.start;
  }

  push(chunk: Uint8Array): void {
    if (this.bytes.length - this.end < chunk.length) this.makeRoom(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Nothing more comes: what is left is a line. */
  finish(): void {
    this.complete = true;
  }

  /**
   * The next line without its end, to be read at once or copied; undefined when there is no complete one.
   *
   * @throws what `tooLong` makes
   */
  next(): Uint8Array | undefined {
    while (this.start < this.end) {
      const found = this.bytes.subarray(0, this.end).indexOf(lineFeed, this.searched);
      if (found < 0 && !this.complete) {
        this.searched = this.end;
        this.check(this.waitingBytes);
        return undefined;
      }
      const to = found < 0 ? this.end : found;
      const line = this.bytes.subarray(this.start, to);
      this.start = Math.min(to + 1, this.end);
      this.searched = this.start;
      this.check(line.length);
      if (!line.every(isBlank)) return line;
    }
    return undefined;
  }

  private check(bytes: number): void {
    if (bytes > this.bytesMax) throw this.tooLong(bytes);
  }

  private makeRoom(moreBytes: number): void {
    const waiting = this.waitingBytes;
    const buffer = Buffer.allocUnsafe(Math.max(keptBytesMin, 2 * (waiting + moreBytes)));
    this.bytes.copy(buffer, 0, this.start, this.end);
    this.bytes = buffer;
    this.searched -= this.start;
    this.start = 0;
    this.end = waiting;
  }
}

/** JSON's whitespace. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}
