import { runApp } from '@raftway/service-kit';
import { createGreeterApp } from './app';
import { greeterOptionsSchema } from './options';

void runApp('greeter', {
  summary: 'The sample service: greets, in all four kinds of gRPC method.',
  schema: greeterOptionsSchema,
  create: createGreeterApp,
});
