import { connect, type Socket } from 'node:net';

/** A socket to the gateway, for what no HTTP client would send. */
export class RawHttp1 {
  readonly socket: Socket;
  receivedBytes = 0;
  private readonly received: Buffer[] = [];
  private wake: () => void = () => undefined;
  private ended = false;

  constructor(address: string) {
    const colon = address.lastIndexOf(':');
    this.socket = connect(Number(address.slice(colon + 1)), address.slice(0, colon));
    this.socket.on('data', (chunk) => {
      this.received.push(chunk);
      this.receivedBytes += chunk.length;
      this.wake();
    });
    this.socket.on('error', () => undefined);
    this.socket.once('close', () => {
      this.ended = true;
      this.wake();
    });
  }

  get text(): string {
    return Buffer.concat(this.received).toString('latin1');
  }

  get isClosed(): boolean {
    return this.ended;
  }

  send(...parts: readonly (string | Buffer)[]): this {
    for (const part of parts)
      this.socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
    return this;
  }

  /** Waits until the text holds this, and yields all of it. */
  async until(part: string | RegExp): Promise<string> {
    for (;;) {
      const { text } = this;
      if (typeof part === 'string' ? text.includes(part) : part.test(text)) return text;
      if (this.ended) throw new Error(`closed after ${JSON.stringify(text)}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Waits for the end of the connection, and yields all that came. */
  async closed(): Promise<string> {
    while (!this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.text;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A request's head. */
export function head(path: string, ...headers: readonly string[]): string {
  return [`POST ${path} HTTP/1.1`, 'Host: gateway', ...headers, '', ''].join('\r\n');
}

/** One chunk of a chunked body. */
export function chunk(bytes: string | Buffer): Buffer {
  const body = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
}
