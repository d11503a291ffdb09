import { type ClientConnection, type ConnectionListener, type EngineStream } from '@raftway/http2';
import { defaultLoadBalancing, EndpointSet, SetAside } from '@raftway/load-balancing';
import { silentLogger } from '@raftway/observability';
import { Deadlines } from '@raftway/service-kit';
import { gatewayStopping } from '../domain/refusal';
import { Backend, type InstanceEndpoint } from '../domain/backend';
import { MemoryBudget } from './memory-budget';
import { OpenCalls } from './open-calls';
import { ProxyCall } from './proxy-call';
import { UpstreamPool } from './upstream-pool';

const nothing = (): void => undefined;
const stream: EngineStream = {
  setListener: nothing,
  sendHeaders: nothing,
  sendData: nothing,
  sendEnd: nothing,
  release: nothing,
  reset: nothing,
};

/** An instance whose only connection is ready when the spec says so, and that notes what is sent to it. */
function slowInstance() {
  const listeners: ConnectionListener[] = [];
  const opened: (readonly string[])[] = [];
  const connection: ClientConnection = {
    hasCapacity: true,
    streamCount: 0,
    open: (headers) => {
      opened.push(headers);
      return stream;
    },
    probe: nothing,
    drain: nothing,
    destroy: nothing,
  };
  const connect = (_address: string, listener: ConnectionListener): ClientConnection => {
    listeners.push(listener);
    return connection;
  };
  return { engine: { connect }, opened, becomeReady: () => listeners[0]?.onReady() };
}

function startCall(engine: ReturnType<typeof slowInstance>['engine']): ProxyCall {
  const nowMs = (): number => 0;
  const setAside = new SetAside(() => 0);
  const limits = { connectionsMax: 1, waitingMax: 10, idleMs: 1000 };
  const observer = {
    onConnect: nothing,
    onConnectFailed: nothing,
    onCallEnd: nothing,
    onRetry: nothing,
    onRetryRefused: nothing,
    onRefused: nothing,
  };
  const settings = { ...defaultLoadBalancing, hashHeader: undefined };
  const parts = { service: 'greeter', loadBalancing: settings, protection: undefined };
  const backend = new Backend({ ...parts, setAside, onEjected: nothing });
  const endpoints = new EndpointSet<InstanceEndpoint>(settings, () => 0);
  const instance = { backend, service: 'greeter', instanceId: '0', address: 'there:1' };
  const load = backend.load.of('0', 0);
  endpoints.replace([{ ...instance, key: '0', weight: 1, zone: '', load }]);
  const context = {
    pool: new UpstreamPool({ engine, limits, setAside, observer, nowMs }),
    ...{ setAside, deadlines: new Deadlines(nowMs), memory: new MemoryBudget(1000) },
    ...{ openCalls: new OpenCalls(), observer, logger: silentLogger(), replayBytesMax: 1000 },
    ...{
      upstreamScheme: 'http' as const,
      trustForwarded: false,
      nowMs,
      wallMs: nowMs,
      random: nowMs,
    },
  };
  return new ProxyCall(context, stream, {
    route: { grpcService: 'a.B', service: 'greeter', backend, endpoints, emptySinceMs: undefined },
    ...{ method: 'C', headers: [':path', '/a.B/C'], requestEnded: true },
    ...{ clientAddress: '', timeoutMs: undefined },
  });
}

describe('a call that waits for a connection', () => {
  it('is sent when there is one', () => {
    const instance = slowInstance();
    startCall(instance.engine);

    instance.becomeReady();

    expect(instance.opened).toHaveLength(1);
  });

  it('is sent to nobody once the gateway has told its client that it stops', () => {
    const instance = slowInstance();
    const call = startCall(instance.engine);

    call.stop(gatewayStopping());
    instance.becomeReady();

    expect(instance.opened).toEqual([]);
  });
});
