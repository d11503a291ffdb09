import { createConnection, type Socket } from 'node:net';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '@raftway/service-kit/testing';
import { BenchError } from '../bench-error';
import type { Workbench } from '../workbench';
import { ServerProcess } from './server-process';

/** Starts one Redis that syncs its append-only file before it answers. */
export async function startRedis(
  bench: Workbench,
): Promise<{ readonly pid: number; readonly port: number }> {
  const [port = 0] = await freePorts(1);
  const directory = join(bench.directory, 'redis');
  await mkdir(directory, { recursive: true });
  const server = new ServerProcess('redis', 'redis-server', [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
    ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  ]);
  bench.onStop(() => server.stop());
  await server.ready(async () => {
    const client = await RedisClient.connect(port);
    client.close();
    return true;
  });
  return { pid: server.pid, port };
}

interface Waiting {
  readonly resolve: (reply: string) => void;
  readonly reject: (error: Error) => void;
}

/** Commands over one connection, pipelined as ioredis would; replies of one line, which is all that is needed here. */
export class RedisClient {
  private readonly waiting: Waiting[] = [];
  private outgoing = '';
  private incoming = '';

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => this.receive(text));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new BenchError('redis closed the connection')));
  }

  static connect(port: number): Promise<RedisClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RedisClient(socket)));
    });
  }

  /** Resolves with the reply's line, its type character included. */
  command(...words: readonly string[]): Promise<string> {
    if (this.outgoing === '') process.nextTick(() => this.flush());
    this.outgoing += `*${words.length}\r\n`;
    for (const word of words) this.outgoing += `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  close(): void {
    this.socket.destroy();
  }

  private flush(): void {
    const text = this.outgoing;
    this.outgoing = '';
    this.socket.write(text);
  }

  private receive(text: string): void {
    const lines = (this.incoming + text).split('\r\n');
    this.incoming = lines.pop() ?? '';
    for (const line of lines) {
      const next = this.waiting.shift();
      if (line.startsWith('-')) next?.reject(new BenchError(`redis: ${line.slice(1)}`));
      else next?.resolve(line);
    }
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
