import { command, eventually, KeyValue } from '../../test/support/key-value';
import { DivergenceError } from '../core';
import type { ApplyContext } from '../state-machine';
import { createMemoryCluster } from './memory-cluster';

/** One replica answers with something of its own now and then. */
class Whimsical extends KeyValue {
  constructor(private readonly isWhimsical: boolean) {
    super();
  }

  override apply(bytes: Uint8Array, context: ApplyContext): string {
    const result = super.apply(bytes, context);
    return this.isWhimsical && context.index > 20 ? `${result}!` : result;
  }
}

describe('a replica whose state machine is no function of its log', () => {
  it('stops with an error that names the index; the group goes on without it', async () => {
    const fatal: Error[] = [];
    const onFatal = (error: Error): void => void fatal.push(error);
    const options = { compareEveryEntries: 4, onFatal };
    const cluster = await createMemoryCluster(3, (id) => new Whimsical(id === 2), options);
    await cluster.leader();

    for (let count = 0; count < 40; count += 1) {
      await cluster.node(1).propose(command('add a 1'), { requestId: `request-${count}` });
    }
    await eventually('a replica stops', () => fatal.length > 0);

    const error = fatal[0] as DivergenceError;
    expect(error).toBeInstanceOf(DivergenceError);
    expect(error.serverId).toBe(2);
    // The newest compared index; nothing from 21 on is equal.
    expect(error.index).toBeGreaterThanOrEqual(24);
    expect(error.equalIndex).toBeLessThanOrEqual(20);
    const { result } = await cluster.node(3).propose(command('add a 1'));
    expect(result).toBe('41');
    expect(fatal).toHaveLength(1);
    await cluster.stop();
  });
});
