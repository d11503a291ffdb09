import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP link whose connections can go silent: they stay open, and nothing comes any more. New connections work. */
export class SilentLink {
  private readonly pairs = new Set<readonly [Socket, Socket]>();

  private constructor(
    private readonly server: Server,
    targetPort: number,
  ) {
    server.on('connection', (near) => {
      const far = connect(targetPort, '127.0.0.1');
      this.pairs.add([near, far]);
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far).pipe(near);
    });
  }

  static async to(targetPort: number): Promise<SilentLink> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SilentLink(server, targetPort);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  silenceAll(): void {
    for (const [near, far] of this.pairs) {
      near.unpipe();
      far.unpipe();
      near.pause();
      far.pause();
    }
  }

  close(): void {
    for (const [near, far] of this.pairs) {
      near.destroy();
      far.destroy();
    }
    this.server.close();
  }
}
