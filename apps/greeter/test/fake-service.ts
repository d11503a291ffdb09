import { unimplemented } from '@raftway/errors';
import {
  implementService,
  type Handlers,
  type ServiceImplementation,
  type ServiceShape,
} from '@raftway/service-kit';

/** A service of which only some methods are there; the others answer UNIMPLEMENTED. */
export function fakeService<const Service extends ServiceShape>(
  definition: Service,
  handlers: Partial<Handlers<Service>>,
): ServiceImplementation {
  const missing = Object.keys(definition).map((name) => [
    name,
    () => {
      throw unimplemented('UNIMPLEMENTED', `${name} is not faked`);
    },
  ]);
  return implementService(definition, {
    ...(Object.fromEntries(missing) as Handlers<Service>),
    ...handlers,
  });
}
