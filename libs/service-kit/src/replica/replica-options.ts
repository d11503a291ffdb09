import { boolean, hostPort, integer, oneOf, peers, text } from '@raftway/config';
import { PRIORITY_DEFAULT, PRIORITY_MAX } from '@raftway/raft';
import { z } from 'zod';

/** The options of a Raft replica; spread them into the app's schema. @param defaults.peerBind such as `127.0.0.1:51071` */
export function replicaOptionsShape(defaults: { readonly peerBind: string }) {
  return {
    nodeId: integer({ min: 1, max: 999_999_999 })
      .optional()
      .describe("This replica's number in its group.")
      .meta({ defaultText: 'ordinal at the end of the host name + 1, else 1' }),
    peers: peers()
      .optional()
      .describe('Peer addresses of the voters; read only into an empty data directory.')
      .meta({ defaultText: 'this node alone' }),
    peerBind: hostPort().default(defaults.peerBind).describe('Where the peer endpoint listens.'),
    clusterId: text({ lengthMax: 64 })
      .optional()
      .describe('Name of the Raft group.')
      .meta({ defaultText: "the service's name" }),
    initialState: oneOf(['new', 'existing'])
      .default('new')
      .describe('Whether an empty data directory founds a group or joins one.'),
    raftAutoJoin: boolean()
      .default(false)
      .describe(
        'In a pod of a StatefulSet: ask the leader to be added whenever the group does not know this replica.',
      ),
    raftJoinGeneration: integer({ min: 0, max: 9_000 })
      .default(0)
      .describe(
        'With RAFTWAY_RAFT_AUTO_JOIN: raised after disks were lost, so that pods with empty directories join under ids that were never used.',
      ),
    kubernetesStatefulSet: text({ lengthMax: 253 })
      .optional()
      .describe(
        'Its StatefulSet: the leader removes members whose pods it has no more, as the Kubernetes API says.',
      )
      .meta({ defaultText: 'none: nobody is removed' }),
    kubernetesCredentials: text({ lengthMax: 4096 })
      .default('/var/run/secrets/kubernetes.io/serviceaccount')
      .describe('Directory of `token`, `ca.crt` and `namespace` for the Kubernetes API.'),
    raftPriority: integer({ min: 0, max: PRIORITY_MAX })
      .default(PRIORITY_DEFAULT)
      .describe('Leadership tends to the replica with the highest; a hint, 0 to 100.'),
    dataDir: text({ lengthMax: 4096 })
      .optional()
      .describe('The data directory.')
      .meta({ defaultText: '.raftway/<service>-<node id>' }),
  };
}

/** The replica's options alone, for code that has no others. */
export const replicaOptionsSchema = z.object(replicaOptionsShape({ peerBind: '127.0.0.1:51061' }));

/** What createReplica takes of the app's options. */
export type ReplicaOptions = z.output<typeof replicaOptionsSchema> & {
  /** `host:port` of the gRPC server: the other pods of a StatefulSet have theirs on the same port. Needed with `raftAutoJoin`. */
  readonly bind?: string | undefined;
};
