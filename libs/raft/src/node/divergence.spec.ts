import { command, eventually, KeyValue } from '../../test/support/key-value';
import { DivergenceError } from '../core';
import type { ApplyContext } from '../state-machine';
import type { RaftNode } from '../raft-node';
import { createMemoryCluster, type MemoryCluster } from './memory-cluster';

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

/** Proposes until there is an answer: the replica that stops may be the leader, and then the outcome of calls under way is unknown. */
async function answered(node: RaftNode<string>, requestId: string): Promise<string> {
  for (;;) {
    try {
      return (await node.propose(command('add a 1'), { requestId })).result;
    } catch (error) {
      expect(error).toMatchObject({ code: 'outcomeUnknown' });
    }
  }
}

describe('a replica whose state machine is no function of its log', () => {
  let cluster: MemoryCluster<string>;

  afterEach(async () => {
    await cluster.stop();
  });

  it('stops with an error that names the index; the group goes on without it', async () => {
    const fatal: Error[] = [];
    const onFatal = (error: Error): void => void fatal.push(error);
    const options = { compareEveryEntries: 4, onFatal };
    cluster = await createMemoryCluster(3, (id) => new Whimsical(id === 2), options);
    await cluster.leader();

    for (let count = 0; count < 40; count += 1) {
      await answered(cluster.node(1), `request-${count}`);
    }
    await eventually('a replica stops', () => fatal.length > 0);

    const error = fatal[0] as DivergenceError;
    expect(error).toBeInstanceOf(DivergenceError);
    expect(error.serverId).toBe(2);
    // The newest compared index; nothing from 21 on is equal.
    expect(error.index).toBeGreaterThanOrEqual(24);
    expect(error.equalIndex).toBeLessThanOrEqual(20);
    expect(await answered(cluster.node(3), 'request-40')).toBe('41');
    expect(fatal).toHaveLength(1);
  });
});
