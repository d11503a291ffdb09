import { registry as contracts } from '@raftway/contracts';
import { H2Load } from '../measure/h2load';
import type { Contender } from '../measure/contender';
import { UnaryClient } from '../measure/unary';
import { type Backend, startBackend } from '../servers/backend';
import { startNginx } from '../servers/nginx';
import { startGateway, startRaftwayGroup } from '../servers/raftway';
import { OURS, type Suite } from './suite';

const SERVICE = 'raftway.bench.v1.Echo';
const PATH = `/${SERVICE}/Call`;
const MESSAGE = Buffer.from('\x0a\x07raftway', 'latin1');
const REGISTERED_SECONDS = 3600n;
const READY_TIMEOUT_MS = 20_000;

/** Small unary calls through a proxy. */
export const gateway: Suite = {
  name: 'gateway',
  title: 'Gateway: small unary calls',
  programs: ['nginx', 'h2load'],
  levels: [1, 64, 256],
  baseline: 'nginx',
  operation: 'one unary call, 9 bytes there and 16 bytes back',
  method: [
    'The client is h2load, with up to 64 streams on a connection. The backend is one bare `node:http2` server; the same for all.',
    'nginx: `grpc_pass` with one worker, upstream keepalive, no access log, and no limit on requests a connection.',
    'Raftway: the gateway with its defaults, one process; it found the backend in the registry. Metrics are on, as they always are.',
    'Direct: h2load to the backend, which is what a proxy that costs nothing would reach.',
    'CPU time and memory are those of the proxy alone (direct: of the backend). That every call was answered is checked at the backend.',
  ],
  targets: [
    {
      text: 'at least as many calls a second as nginx at 256 in flight',
      score: (find) => find(OURS, 256).perSecond / find('nginx', 256).perSecond,
    },
  ],
  prepare: async (bench) => {
    const backend = await startBackend(bench);
    const registry = await startRaftwayGroup(bench, 'registry', undefined, 1);
    await register(registry.leader, backend);
    const nginx = await startNginx(bench, backend.address);
    const ours = await startGateway(bench, registry.leader);
    await routed(ours.address);
    const h2load = new H2Load(bench.directory);
    const contender = async (name: string, pid: number, address: string): Promise<Contender> => ({
      name,
      pids: [pid],
      answered: backend.answered,
      load: await h2load.prepare({ address, path: PATH, message: MESSAGE }),
    });
    return [
      await contender(OURS, ours.pid, ours.address),
      await contender('nginx', nginx.pid, nginx.address),
      await contender('direct', backend.pid, backend.address),
    ];
  },
};

async function register(address: string, backend: Backend): Promise<void> {
  const client = new UnaryClient(address);
  try {
    await client.call(contracts.RegistryServiceService.register, {
      instance: contracts.Instance.fromPartial({
        service: 'bench-backend',
        instanceId: 'bench-backend-1',
        address: backend.address,
        grpcServices: [SERVICE],
      }),
      ttl: { seconds: REGISTERED_SECONDS, nanos: 0 },
      requestId: '',
    });
  } finally {
    client.close();
  }
}

/** Waits until the gateway has heard of the backend. */
async function routed(address: string): Promise<void> {
  const client = new UnaryClient(address);
  const giveUpMs = performance.now() + READY_TIMEOUT_MS;
  try {
    for (;;) {
      try {
        await client.callBytes(PATH, MESSAGE);
        return;
      } catch (error) {
        if (performance.now() > giveUpMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  } finally {
    client.close();
  }
}
