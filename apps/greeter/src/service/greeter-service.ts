import { helloworld } from '@raftway/contracts';
import { invalidArgument } from '@raftway/errors';
import { implementService, type ServiceImplementation } from '@raftway/service-kit';
import {
  greet,
  GREETINGS_PER_NAME,
  NAMES_PER_GREETING_MAX,
  NAMES_PER_STREAM_MAX,
} from '../domain/greeting';
import type { NumberedGreetings } from './numbered-greetings';
import { validName, validNames } from './validation';

/** The service's full name in gRPC. */
export const GREETER_GRPC_SERVICE = 'helloworld.Greeter';

/** Greeter in all four kinds of gRPC method, and one method that calls other services. */
export function greeterService(numbered: NumberedGreetings): ServiceImplementation {
  return implementService(helloworld.GreeterService, {
    sayHello: ({ name }) => ({ message: greet(validName(name)) }),

    // eslint-disable-next-line @typescript-eslint/require-await -- streams are async generators, also when they await nothing
    sayHelloStreamReply: async function* ({ name }) {
      const message = greet(validName(name));
      for (let sent = 0; sent < GREETINGS_PER_NAME; sent += 1) yield { message };
    },

    sayHelloClientStream: async (requests) => {
      const names: string[] = [];
      for await (const name of validNames(requests, NAMES_PER_GREETING_MAX)) names.push(name);
      if (names.length === 0) {
        throw invalidArgument({ field: 'name', description: 'the stream holds no name' });
      }
      return { message: greet(...names) };
    },

    sayHelloBidiStream: async function* (requests) {
      for await (const name of validNames(requests, NAMES_PER_STREAM_MAX)) {
        yield { message: greet(name) };
      }
    },

    sayHelloNumbered: ({ name }, call) => numbered.greet(validName(name), call),
  });
}
