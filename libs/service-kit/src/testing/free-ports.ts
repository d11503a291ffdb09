import { createServer } from 'node:net';

/** Below what systems give to outgoing connections, which could take a port before a server does. */
const firstPort = 24_000;
const portCount = 7000;

/** Ports of the loopback interface that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const candidate = firstPort + Math.floor(Math.random() * portCount);
    if (await isFree(candidate)) ports.add(candidate);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
