import {
  type ClientConnection,
  type ConnectionListener,
  type EngineStream,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { defaultLoadBalancing, EndpointSet, SetAside } from '@raftway/load-balancing';
import { silentLogger } from '@raftway/observability';
import { Deadlines } from '@raftway/service-kit';
import { gatewayStopping } from '../domain/refusal';
import { Backend, type InstanceEndpoint } from '../domain/backend';
import { LimitStates } from '../domain/limits/limit-states';
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

type SlowInstance = ReturnType<typeof slowInstance>;

/** An instance whose only connection is ready when the spec says so, and that notes what is sent to it. */
function slowInstance() {
  const listeners: ConnectionListener[] = [];
  const opened: (readonly string[])[] = [];
  const streams: StreamListener[] = [];
  const connection: ClientConnection = {
    hasCapacity: true,
    streamCount: 0,
    open: (headers, _ended, listener) => {
      opened.push(headers);
      streams.push(listener);
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
  return {
    engine: { connect },
    opened,
    stream: () => streams[0],
    becomeReady: () => listeners[0]?.onReady(),
    failToConnect: () => listeners[0]?.onClosed('refused', false),
  };
}

function startCall(engine: SlowInstance['engine'], ids: readonly string[] = ['0']) {
  const nowMs = (): number => 0;
  const setAside = new SetAside(() => 0);
  const limits = { connectionsMax: 1, waitingMax: 10, idleMs: 1000 };
  const observer = {
    onConnect: nothing,
    onConnectFailed: nothing,
    onViolation: nothing,
    onCallEnd: nothing,
    onRetry: nothing,
    onRetryRefused: nothing,
    onRefused: nothing,
    onHedge: nothing,
    onHedgeWon: nothing,
    traffic: { onFault: nothing, onMirror: nothing, onSession: nothing },
    onRuleCallEnd: nothing,
  };
  const settings = { ...defaultLoadBalancing, hashHeader: undefined };
  const parts = { service: 'greeter', loadBalancing: settings, protection: undefined };
  const backend = new Backend({ ...parts, setAside, onEjected: nothing });
  const endpoints = new EndpointSet<InstanceEndpoint>(settings, () => 0);
  const instances = ids.map((key): InstanceEndpoint => {
    const identity = { key, backend, service: 'greeter', instanceId: key, address: 'there:1' };
    return { ...identity, weight: 1, zone: '', load: backend.load.of(key, 0) };
  });
  endpoints.replace(instances);
  const context = {
    pool: new UpstreamPool({ engine, limits, setAside, observer, nowMs }),
    ...{ deadlines: new Deadlines(nowMs), memory: new MemoryBudget(1000) },
    ...{ openCalls: new OpenCalls(), observer, logger: silentLogger(), replayBytesMax: 1000 },
    limits: {
      ...{ states: new LimitStates({ nowMs, wallMs: nowMs }), shared: undefined },
      observer: { onCounted: nothing, onConcurrency: nothing, onCountedAlone: nothing },
      digest: (text: string) => text,
    },
    ...{
      upstreamScheme: 'http' as const,
      trustForwarded: false,
      nowMs,
      wallMs: nowMs,
      random: nowMs,
    },
  };
  const call = new ProxyCall(context, stream, {
    route: { grpcService: 'a.B', service: 'greeter', backend, endpoints, emptySinceMs: undefined },
    ...{ method: 'C', headers: [':path', '/a.B/C'], requestEnded: true },
    ...{ clientAddress: '', timeoutMs: undefined },
  });
  return { call, loads: instances.map(({ load }) => load) };
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
    const { call } = startCall(instance.engine);

    call.stop(gatewayStopping());
    instance.becomeReady();

    expect(instance.opened).toEqual([]);
  });
});

describe('the load of an instance', () => {
  const reset = (overrides: Partial<StreamReset>): StreamReset => {
    return { code: 0, unprocessed: false, connectionLost: false, detail: '', ...overrides };
  };
  const ok = [':status', '200'];
  const ends: Record<string, (instance: SlowInstance, call: ProxyCall) => void> = {
    'its client gives up before there is a connection': (_, call) => call.onReset(reset({})),
    'no connection can be made': (instance) => instance.failToConnect(),
    'the gateway stops it': (instance, call) => {
      instance.becomeReady();
      call.stop(gatewayStopping());
    },
    'its time has passed': (instance, call) => {
      instance.becomeReady();
      call.onDeadline();
    },
    'its client gives up': (instance, call) => {
      instance.becomeReady();
      call.onReset(reset({}));
      call.onClosed();
    },
    'the stream of its client closes': (instance, call) => {
      instance.becomeReady();
      call.onClosed();
    },
    'the answer is an error without more': (instance) => {
      instance.becomeReady();
      instance.stream()?.onHeaders([...ok, 'grpc-status', '5'], true);
    },
    'the answer ends': (instance, call) => {
      instance.becomeReady();
      instance.stream()?.onHeaders(ok, false);
      instance.stream()?.onEnd(['grpc-status', '0']);
      call.onClosed();
    },
    'the answer makes no sense': (instance) => {
      instance.becomeReady();
      instance.stream()?.onHeaders([':status', '999'], false);
    },
    'the instance resets it': (instance) => {
      instance.becomeReady();
      instance.stream()?.onReset(reset({ code: 2 }));
    },
    'the connection breaks': (instance) => {
      instance.becomeReady();
      instance.stream()?.onReset(reset({ connectionLost: true }));
    },
  };

  it.each(Object.entries(ends))('has a call until %s', (_, end) => {
    const instance = slowInstance();
    const { call, loads } = startCall(instance.engine);
    expect(loads.map(({ active }) => active)).toEqual([1]);

    end(instance, call);

    expect(loads.map(({ active }) => active)).toEqual([0]);
  });

  it('has a call again that it has handed back, when it is the only one', () => {
    const instance = slowInstance();
    const { loads } = startCall(instance.engine);
    instance.becomeReady();

    instance.stream()?.onReset(reset({ unprocessed: true }));

    expect(instance.opened).toHaveLength(2);
    expect(loads.map(({ active }) => active)).toEqual([1]);
  });

  it('passes on with the call when another instance is tried', () => {
    const instance = slowInstance();
    const { loads } = startCall(instance.engine, ['0', '1']);
    expect(loads.map(({ active }) => active)).toEqual([1, 0]);

    instance.failToConnect();

    expect(loads.map(({ active }) => active)).toEqual([0, 1]);
  });
});
