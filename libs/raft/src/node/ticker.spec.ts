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
    await new Promise((resolve) => setTimeout(resolve, 40));
    ticker.stop();

    expect(events.filter((event) => event === 'stall')).toEqual(['stall']);
    expect(events.indexOf('tick')).toBeGreaterThan(events.indexOf('sockets'));
  });
});
