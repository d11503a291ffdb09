import { eventually } from '../../test/support/key-value';
import { Ticker } from './ticker';

describe('the ticker', () => {
  it('leaves the tick out that follows a standstill, so that sockets are read first', async () => {
    const events: string[] = [];
    const ticker = new Ticker(
      20,
      50,
      () => events.push('tick'),
      () => events.push('stall'),
    );
    ticker.start();
    await new Promise((resolve) => setTimeout(resolve, 30));
    events.length = 0;

    const untilMs = performance.now() + 80;
    while (performance.now() < untilMs);
    setImmediate(() => events.push('sockets'));
    await eventually('time goes on', () => events.includes('tick'));
    ticker.stop();

    // A busy machine may add standstills of its own.
    const beforeTick = events.slice(0, events.indexOf('tick'));
    expect(beforeTick).toContain('stall');
    expect(beforeTick).toContain('sockets');
  });
});
