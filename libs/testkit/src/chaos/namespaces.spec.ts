import { spawn } from 'node:child_process';
import {
  createNamespaces,
  namespacedNetwork,
  namespacesMissing,
  removeLeftovers,
  removeNamespaces,
} from './namespaces';
import type { Network } from './network';

const ID = String(process.pid);
/** Larger than any process id of Linux: a run that is over. */
const DEAD_ID = '4194999';
const PORT = 24_999;

describe('a network of namespaces', () => {
  let missing: string | undefined;
  let network: Network;

  beforeAll(async () => {
    missing = await namespacesMissing();
    if (missing !== undefined) return;
    await createNamespaces(ID);
    network = await namespacedNetwork(ID);
  });

  afterAll(async () => {
    if (missing === undefined) await removeNamespaces(ID);
  });

  it('carries packets between hosts, and after a cut in the other direction only', async () => {
    if (missing !== undefined) return skipped(missing);
    expect(await arrives(network, 1, 2)).toBe(true);

    await network.cut(1, 2);

    expect(await arrives(network, 1, 2)).toBe(false);
    expect(await arrives(network, 2, 1)).toBe(true);
    expect(await arrives(network, 1, 3)).toBe(true);

    await network.heal();

    expect(await arrives(network, 1, 2)).toBe(true);
  });

  it('is removed by the next run when its own has died', async () => {
    if (missing !== undefined) return skipped(missing);
    await createNamespaces(DEAD_ID);
    const dead = await namespacedNetwork(DEAD_ID);

    await removeLeftovers();

    await expect(arrives(dead, 1, 2)).rejects.toThrow();
    expect(await arrives(network, 1, 2)).toBe(true);
  });
});

function skipped(reason: string): void {
  process.stderr.write(`skipped: ${reason}\n`);
}

/** Whether a datagram from one host reaches another within half a second. */
async function arrives(network: Network, from: number, to: number): Promise<boolean> {
  const receive =
    "const s=require('dgram').createSocket('udp4');" +
    "s.on('message',()=>{console.log('got it');process.exit()});" +
    `s.bind(${PORT},()=>console.log('listening'));setTimeout(()=>process.exit(),1500)`;
  const send =
    "const s=require('dgram').createSocket('udp4');" +
    `s.send('x',${PORT},'${network.hosts[to - 1]?.ip ?? ''}',()=>s.close())`;
  let output = '';
  const receiver = start(network, to, receive);
  const ended = new Promise<void>((resolve) => receiver.once('close', () => resolve()));
  receiver.stderr.resume();
  await new Promise<void>((resolve, reject) => {
    receiver.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('listening')) resolve();
    });
    receiver.once('close', () => reject(new Error('the receiver did not start')));
  });
  start(network, from, send);
  await ended;
  return output.includes('got it');
}

function start(network: Network, ordinal: number, script: string) {
  const host = network.hosts[ordinal - 1];
  if (host === undefined) throw new Error(`there is no host ${ordinal}`);
  const [program, args] = host.wrap(process.execPath, ['-e', script]);
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}
