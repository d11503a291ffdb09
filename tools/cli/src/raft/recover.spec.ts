import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRaftNode, FileStorage, inspectDirectory } from '@raftway/raft';
import { runWords } from '../../test/support/run-words';
import { CommandError } from '../command/command-error';
import { recover as recoverDirectory } from './recover';

const PEERS = [1, 2, 3].map((id) => ({ id, address: `127.0.0.1:${id}` }));

describe('raftway raft recover', () => {
  let root: string;

  /** A stopped replica's directory whose log ends with this many entries of term 2. */
  async function directoryOf(id: number, entries: number): Promise<string> {
    const directory = join(root, String(id));
    const stateMachine = {
      apply: () => 'done',
      snapshot: () => new Uint8Array(0),
      restore: () => undefined,
      encodeResult: () => new Uint8Array(0),
      decodeResult: () => 'done',
    };
    // Founds the group: entry 1. Nobody else is there, so nothing follows it.
    const node = createRaftNode({
      ...{ id, clusterId: 'orders', peers: PEERS, stateMachine, dataDir: directory },
      bindAddress: '127.0.0.1:0',
    });
    await node.start();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await node.stop();
    const storage = new FileStorage({ directory, nodeId: id, clusterId: 'orders' });
    await storage.open();
    const own = { version: 1, term: 2, kind: 1, stampMs: 5, clientId: '', sequence: 0 } as const;
    await storage.persist({
      number: 1,
      hardState: { currentTerm: 2, votedFor: 0, commitIndex: 1 },
      entries: Array.from({ length: entries }, (_, at) => ({
        ...own,
        index: at + 2,
        payload: new Uint8Array(1),
      })),
      snapshot: undefined,
    });
    await storage.close();
    return directory;
  }

  function recover(words: readonly string[], typed = '') {
    return runWords(['raft', 'recover', ...words], { typed });
  }

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'raftway-recover-'));
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('says what may be lost, asks for the cluster id, and makes a group of one', async () => {
    const directory = await directoryOf(1, 3);

    const { out, code, questions } = await recover([directory], 'orders\n');

    expect(code).toBe(0);
    expect(out).toContain('last entry 4 of term 2');
    expect(out).toContain('committed is everything up to index 1. What follows, 3 entries');
    expect(out).toContain('Not compared: 2, 3');
    expect(questions).toEqual([expect.stringContaining('"orders"')]);
    const { members, lastIndex } = await inspectDirectory(directory);
    expect({ members, lastIndex }).toEqual({
      members: [{ id: 1, address: '127.0.0.1:1', voter: true }],
      lastIndex: 5,
    });
  });

  it('changes nothing unless the id is typed', async () => {
    const directory = await directoryOf(1, 1);
    const before = readFileSync(join(directory, 'meta.json'), 'utf8');

    const { error, code } = await recover([directory], 'yes');

    expect(code).toBe(1);
    expect(error).toContain('nothing was changed');
    expect(readFileSync(join(directory, 'meta.json'), 'utf8')).toBe(before);
    expect((await inspectDirectory(directory)).lastIndex).toBe(2);
  });

  it('does not ask when the loss was accepted on the command line', async () => {
    const directory = await directoryOf(1, 1);

    const { code, questions } = await recover([
      ...[directory, '--yes-i-accept-data-loss', '--address', '127.0.0.1:9'],
    ]);

    expect({ code, questions }).toEqual({ code: 0, questions: [] });
    expect((await inspectDirectory(directory)).members[0]?.address).toBe('127.0.0.1:9');
  });

  it('refuses when another directory has more, and names it', async () => {
    const shorter = await directoryOf(1, 1);
    const longer = await directoryOf(2, 4);

    const { error, code } = await recover([
      ...[shorter, '--others', longer, '--yes-i-accept-data-loss'],
    ]);

    expect(code).toBe(1);
    expect(error).toContain(`${longer} has more than ${shorter}`);
  });

  it('refuses what is no data directory', async () => {
    const { error, code } = await recover([root, '--yes-i-accept-data-loss']);

    expect(code).toBe(1);
    expect(error).toContain('this is no data directory of a replica');
  });

  it('says that the replica was started while the operator was being asked', async () => {
    const directory = await directoryOf(1, 1);
    const storage = new FileStorage({ directory, nodeId: 1, clusterId: 'orders' });
    const ask = async (): Promise<string> => {
      await storage.open();
      return 'orders';
    };
    const told = { others: [], address: undefined, isAccepted: false, out: () => undefined };

    const recovered = recoverDirectory({ ...told, directory, ask });

    await expect(recovered).rejects.toBeInstanceOf(CommandError);
    await storage.close();
  });
});
