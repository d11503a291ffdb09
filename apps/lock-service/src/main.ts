import { runApp } from '@raftway/service-kit';
import { createLockApp } from './app';
import { lockOptionsSchema } from './options';

void runApp('lock-service', {
  summary: 'Locks with sessions, FIFO waiting and fencing tokens, replicated by Raft.',
  schema: lockOptionsSchema,
  create: createLockApp,
});
