import { silentLogger } from '@raftway/observability';
import { Limit } from '@raftway/resilience';
import { Deadlines } from '@raftway/service-kit';
import { gatewayStopping } from '../domain/refusal';
import { InjectedDelay } from './injected-delay';
import { type ProxyContext } from './proxy-context';
import { type FaultOutcome } from './traffic-observer';

const outcomes: FaultOutcome[] = [];
const told: string[] = [];
const call = { admit: () => void told.push('admit'), fail: () => void told.push('fail') };
let now = 0;
const context = {
  deadlines: new Deadlines(() => now),
  nowMs: () => now,
  logger: silentLogger(),
  observer: {
    traffic: { onFault: (_policy: string, outcome: FaultOutcome) => outcomes.push(outcome) },
  },
} as unknown as ProxyContext;

const delay = (places: Limit, error = false): InjectedDelay =>
  new InjectedDelay(
    { delayMs: 20, policy: 'p', error: error ? gatewayStopping() : undefined, places },
    context,
  );

beforeEach(() => {
  outcomes.length = 0;
  told.length = 0;
});

describe('delays on purpose', () => {
  it('beyond the limit of calls that wait are skipped, and an error comes all the same', () => {
    const places = new Limit(1);
    const first = delay(places);

    first.hold(call);
    delay(places).hold(call);
    delay(places, true).hold(call);
    first.end();
    first.end();

    expect(outcomes).toEqual(['delayed', 'skipped', 'skipped', 'aborted']);
    expect(told).toEqual(['admit', 'fail']);
    expect(places.used).toBe(0);
  });

  it('that are over do nothing when their time comes', () => {
    const places = new Limit(1);
    const one = delay(places);
    one.hold(call);

    now = 100;
    one.end();
    one.onDeadline();

    expect(told).toEqual([]);
    expect(places.used).toBe(0);
  });
});
