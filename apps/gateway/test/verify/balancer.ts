import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What stands in front of several gateways: each new connection goes to one of them, in turn, and stays with it. */
export class Balancer {
  /** Where new connections go; those that are open stay where they are. */
  targets: readonly string[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private turn = 0;

  constructor() {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.forward(client),
    );
  }

  /** Starts to listen, and yields host:port. */
  async listen(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private forward(client: Socket): void {
    const [host = '', port] = (this.targets[this.turn++ % this.targets.length] ?? '').split(':');
    const target = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
    this.join(client, target);
    this.join(target, client);
  }

  /** One way. What breaks on one side breaks on the other. */
  private join(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    from.once('close', () => {
      this.sockets.delete(from);
      if (!from.readableEnded) to.resetAndDestroy();
    });
  }
}
