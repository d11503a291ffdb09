import { afterReactions } from './after-reactions';
import { FlushScheduler } from './flush-scheduler';

describe('a turn that ends after the reactions', () => {
  it('sees everything that the reactions of promises do, also those behind the one that asked for it', async () => {
    const done: string[] = [];
    const defer = afterReactions();

    void Promise.resolve()
      .then(() => defer(() => done.push('flush')))
      .then(() => done.push('reaction 1'))
      .then(() => Promise.resolve())
      .then(() => done.push('reaction 2'));
    await new Promise((resolve) => setImmediate(resolve));

    expect(done).toEqual(['reaction 1', 'reaction 2', 'flush']);
  });

  it('comes before the event loop goes on, but not for ever', async () => {
    const scheduler = new FlushScheduler(afterReactions());
    let flushes = 0;
    let running = true;
    const endless = {
      flush: () => {
        flushes += 1;
        if (running) scheduler.schedule(endless);
      },
    };
    scheduler.schedule(endless);

    await new Promise((resolve) => setImmediate(resolve));
    const flushesInOneTurn = flushes;
    await new Promise((resolve) => setTimeout(resolve, 5));
    running = false;

    expect(flushesInOneTurn).toBeGreaterThan(1);
    expect(flushes).toBeGreaterThan(flushesInOneTurn);
  });
});
