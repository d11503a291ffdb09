import { registry as contracts } from '@raftway/contracts';
import { H2Load } from '../measure/h2load';
import type { Contender } from '../measure/contender';
import { UnaryClient } from '../measure/unary';
import { type Backend, startBackend } from '../servers/backend';
import { startHaproxy } from '../servers/haproxy';
import { startNginx } from '../servers/nginx';
import { startGateway, startRaftwayGroup } from '../servers/raftway';
import { atHalfLoad, DIRECT, withIdleConnections } from './gateway-supplements';
import { OURS, type Suite } from './suite';
import { usualPolicies } from './usual-policies';

const SERVICE = 'raftway.bench.v1.Echo';
const PATH = `/${SERVICE}/Call`;
const MESSAGE = Buffer.from('\x0a\x07raftway', 'latin1');
const BACKEND = 'bench-backend';
const POLICED = 'Raftway+policies';
const REGISTERED_SECONDS = 3600n;
const READY_TIMEOUT_MS = 20_000;

/** Known when the servers are started. */
let policyNames: readonly string[] = [];

/** Small unary calls through a proxy. */
export const gateway: Suite = {
  name: 'gateway',
  title: 'Gateway: small unary calls',
  programs: ['nginx', 'haproxy', 'h2load'],
  levels: [1, 64, 256],
  baseline: 'nginx',
  operation: 'one unary call, 9 bytes there and 16 bytes back',
  method: [
    'The client is h2load, with up to 64 streams on a connection. The backend is one bare `node:http2` server; the same for all.',
    'nginx: `grpc_pass` with one worker, upstream keepalive, no access log, and no limit on requests a connection.',
    'HAProxy: one thread, HTTP/2 without TLS on both sides, connections that are used again, no log.',
    'Raftway: the gateway with its defaults, one process; it found the backend in the registry. Metrics are on, as they always are.',
    `${POLICED}: a second gateway with what an edge usually has: a rule of a GRPCRoute, timeouts, retries, a limit of calls under way, a breaker, JSON Web Tokens and a rate limit, as far as the line below the tables names them. The other proxies do nothing of it.`,
    'Direct: h2load to the backend, which is what a proxy that costs nothing would reach.',
    'CPU time and memory are those of the proxy alone (direct: of the backend). That every call was answered is checked at the backend.',
  ],
  targets: [
    {
      text: 'at least as many calls a second as nginx at 256 in flight',
      score: (find) => find(OURS, 256).perSecond / find('nginx', 256).perSecond,
    },
    {
      text: 'the usual policies cost at most 15 % of the calls a second at 256 in flight',
      score: (find) => find(POLICED, 256).perSecond / (0.85 * find(OURS, 256).perSecond),
    },
    {
      text: 'no more CPU time a call than nginx at 256 in flight, with the usual policies',
      score: (find) =>
        find('nginx', 256).cpuMicrosecondsPerOperation /
        find(POLICED, 256).cpuMicrosecondsPerOperation,
    },
  ],
  prepare: async (bench) => {
    const backend = await startBackend(bench);
    const registry = await startRaftwayGroup(bench, 'registry', undefined, 1);
    await register(registry.leader, backend);
    const nginx = await startNginx(bench, backend.address);
    const haproxy = await startHaproxy(bench, backend.address);
    const roomy = { RAFTWAY_CONNECTIONS_MAX: '19000' };
    const ours = await startGateway(bench, registry.leader, 'gateway', roomy);
    const policies = usualPolicies(bench, BACKEND, SERVICE);
    policyNames = policies.names;
    const policed = await startGateway(bench, registry.leader, 'gateway-policies', {
      ...roomy,
      ...policies.options,
    });
    await routed(ours.address, []);
    await routed(policed.address, policies.headers);
    const h2load = new H2Load(bench.directory);
    const contender = async (
      name: string,
      { pid, address }: { readonly pid: number; readonly address: string },
      headers: readonly string[] = [],
    ): Promise<Contender> => ({
      ...{ name, address, pids: [pid], answered: backend.answered },
      load: await h2load.prepare({ address, path: PATH, message: MESSAGE, headers }),
    });
    return [
      await contender(OURS, ours),
      await contender(POLICED, policed, policies.headers),
      await contender('nginx', nginx),
      await contender('HAProxy', haproxy),
      await contender(DIRECT, backend),
    ];
  },
  supplement: async (context) => {
    const half = await atHalfLoad(context);
    const idle = await withIdleConnections(context);
    const on = `${POLICED} had on: ${policyNames.join('; ')}.`;
    return [half, { ...idle, method: [...idle.method, on] }];
  },
};

async function register(address: string, backend: Backend): Promise<void> {
  const client = new UnaryClient(address);
  try {
    await client.call(contracts.RegistryServiceService.register, {
      instance: contracts.Instance.fromPartial({
        service: BACKEND,
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

/** Waits until a gateway has heard of the backend. @param headers `name: value` each */
async function routed(address: string, headers: readonly string[]): Promise<void> {
  const client = new UnaryClient(address);
  const giveUpMs = performance.now() + READY_TIMEOUT_MS;
  try {
    for (;;) {
      try {
        await client.callBytes(PATH, MESSAGE, headers.flatMap(pairOf));
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

function pairOf(header: string): readonly [string, string] {
  const colon = header.indexOf(': ');
  return [header.slice(0, colon), header.slice(colon + 2)];
}
