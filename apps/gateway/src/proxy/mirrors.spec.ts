import { MemoryBudget } from './memory-budget';
import { Mirrors } from './mirrors';
import { type ProxyContext } from './proxy-context';

describe('copies of calls', () => {
  it('hold a sixteenth of what calls may, all together', () => {
    const memory = new MemoryBudget(1600);
    const mirrors = new Mirrors({ memory, random: () => 0 } as unknown as ProxyContext);

    expect([mirrors.hold(60), mirrors.hold(40), mirrors.hold(1)]).toEqual([true, true, false]);
    // What is too much is not counted, and what was sent makes place.
    expect([mirrors.hold(-1), mirrors.hold(1), mirrors.hold(1)]).toEqual([true, true, false]);
    expect(memory.usedBytes).toBe(0);
  });
});
