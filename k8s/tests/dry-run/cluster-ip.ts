import { connect, createServer, type Server, type Socket } from 'node:net';

/** Where a Service's ports lead. */
export interface ClusterIpPort {
  readonly port: number;
  /** Of the pods. */
  readonly targetPort: number;
}

/**
 * A Service's cluster IP, as kube-proxy keeps it: each new connection goes to a pod that is ready, in turn, and stays with it. Without one
 * it is refused; here it is reset, as what listens cannot refuse.
 */
export class ClusterIp {
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private turn = 0;

  /** @param endpoints addresses of the pods that are ready, asked for each connection. */
  constructor(
    readonly ip: string,
    private readonly ports: readonly ClusterIpPort[],
    private readonly endpoints: () => readonly string[],
  ) {}

  async listen(): Promise<void> {
    await Promise.all(this.ports.map((port) => this.listenOn(port)));
  }

  async close(): Promise<void> {
    const closed = this.servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(closed);
  }

  private listenOn({ port, targetPort }: ClusterIpPort): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.forward(client, targetPort),
    );
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: this.ip, port }, () => resolve());
    });
  }

  private forward(client: Socket, port: number): void {
    const endpoints = this.endpoints();
    const host = endpoints[this.turn++ % endpoints.length];
    client.on('error', () => client.destroy());
    if (host === undefined) {
      client.resetAndDestroy();
      return;
    }
    const pod = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.join(client, pod);
    this.join(pod, client);
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
