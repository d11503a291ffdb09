import { hostPort, integer, oneOf, peers, text } from '@raftway/config';
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
      .meta({ defaultText: "the data directory's, in an empty one the service's name" }),
    initialState: oneOf(['new', 'existing'])
      .default('new')
      .describe('Whether an empty data directory founds a group or joins one.'),
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
export type ReplicaOptions = z.output<typeof replicaOptionsSchema>;
