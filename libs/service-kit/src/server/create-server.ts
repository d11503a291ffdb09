import type { RaftwayServer, ServerOptions } from './server-types';

/** Makes a server; nothing happens before start(). */
export function createServer(options: ServerOptions): RaftwayServer {
  throw new Error(`${options.name} is being written`);
}
