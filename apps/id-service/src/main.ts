import { runApp } from '@raftway/service-kit';
import { createIdServiceApp } from './app';
import { idServiceOptionsSchema } from './options';

void runApp('id-service', {
  summary: 'Unique ids that survive clocks and restarts, and gap-free sequences.',
  schema: idServiceOptionsSchema,
  create: createIdServiceApp,
});
