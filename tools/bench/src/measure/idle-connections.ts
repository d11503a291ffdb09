import { connect, type Socket } from 'node:net';
import { BenchError } from '../bench-error';

/** What every HTTP/2 connection begins with (RFC 9113 §3.4), and an empty SETTINGS frame. */
const hello = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
const settingsAcknowledged = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
/** Connections that are being opened at a time. */
const openingMax = 200;
const openTimeoutMs = 10_000;

/** Connections of HTTP/2 on which nothing happens. */
export class IdleConnections {
  private readonly sockets: Socket[] = [];

  /** Opens them, each until the server's SETTINGS have come and are acknowledged. @throws BenchError */
  async open(address: string, count: number): Promise<void> {
    const worker = async (): Promise<void> => {
      while (this.sockets.length < count) await this.openOne(address);
    };
    await Promise.all(Array.from({ length: openingMax }, worker));
    const gone = this.sockets.filter(({ destroyed }) => destroyed).length;
    if (gone > 0) throw new BenchError(`${address} closed ${gone} of ${count} idle connections`);
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private openOne(address: string): Promise<void> {
    const colon = address.lastIndexOf(':');
    const port = Number(address.slice(colon + 1));
    const socket = connect({ port, host: address.slice(0, colon), noDelay: true });
    this.sockets.push(socket);
    socket.write(hello);
    return new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new BenchError(`an idle connection to ${address}: ${why}`));
      const timer = setTimeout(() => fail(`nothing within ${openTimeoutMs} ms`), openTimeoutMs);
      socket.on('error', ({ message }) => fail(message));
      socket.on('close', () => {
        clearTimeout(timer);
        fail('closed');
      });
      socket.once('data', () => {
        clearTimeout(timer);
        socket.write(settingsAcknowledged, () => resolve());
      });
      // What comes later is read and dropped.
      socket.resume();
    });
  }
}
