import { id } from '@raftway/contracts';
import { H2Load } from '../measure/h2load';
import { startEtcd } from '../servers/etcd';
import { putRequest } from '../servers/etcd-messages';
import { startRaftwayGroup } from '../servers/raftway';
import { OURS, type Suite } from './suite';

const KEY_BYTES = 16;
const VALUE_BYTES = 100;

/** Small replicated writes. */
export const raft: Suite = {
  name: 'raft',
  title: 'Raft: replicated writes of 100 bytes',
  programs: ['etcd', 'h2load'],
  levels: [1, 64, 256, 1024],
  baseline: 'etcd',
  operation: 'one write that a majority has on disk',
  method: [
    'The client is h2load for both, with up to 64 streams on a connection, connected to the leader.',
    'etcd: `Put` of a value of 100 bytes under a key of 16 bytes, three members.',
    'Raftway: `NextSequence` of `raftway.id.v1.IdService` with a name of 116 characters, three replicas. It is the nearest that we have ' +
      'to a Put: it changes the one value that stands under the name. The log entry is as large as that of etcd, and each call is an entry of its own.',
    'h2load sees only that an HTTP response came; that its gRPC status was OK is checked against the metrics of the servers.',
  ],
  targets: [
    {
      text: 'a median at 1 in flight no longer than that of etcd',
      score: (find) => find('etcd', 1).p50Ms / find(OURS, 1).p50Ms,
    },
    {
      text: 'at least as many writes a second as etcd at 256 in flight',
      score: (find) => find(OURS, 256).perSecond / find('etcd', 256).perSecond,
    },
  ],
  prepare: async (bench) => {
    const registry = await startRaftwayGroup(bench, 'registry', undefined, 1);
    const [group, etcd] = await Promise.all([
      startRaftwayGroup(bench, 'id-service', registry.leader),
      startEtcd(bench),
    ]);
    const h2load = new H2Load(bench.directory);
    const { nextSequence } = id.IdServiceService;
    const name = 'n'.repeat(KEY_BYTES + VALUE_BYTES);
    const request = { name, count: 1, requestId: '' };
    return [
      {
        name: OURS,
        pids: group.pids,
        syncs: group.syncs,
        answered: () => group.answered(nextSequence.path.slice(1)),
        load: await h2load.prepare({
          address: group.leader,
          path: nextSequence.path,
          message: nextSequence.requestSerialize(request),
        }),
      },
      {
        name: 'etcd',
        pids: etcd.pids,
        syncs: etcd.syncs,
        answered: () => etcd.answered('Put'),
        load: await h2load.prepare({
          address: etcd.leader,
          path: '/etcdserverpb.KV/Put',
          message: putRequest(Buffer.alloc(KEY_BYTES, 'k'), Buffer.alloc(VALUE_BYTES, 'v')),
        }),
      },
    ];
  },
};
