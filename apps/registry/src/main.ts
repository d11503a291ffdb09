import { runApp } from '@raftway/service-kit';
import { createRegistryApp } from './app';
import { registryOptionsSchema } from './options';

void runApp('registry', {
  summary: 'The service registry: who is alive, and where.',
  schema: registryOptionsSchema,
  create: createRegistryApp,
});
