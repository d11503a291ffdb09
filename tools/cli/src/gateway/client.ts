import { Option } from 'commander';
import { gateway } from '@raftway/contracts';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { address } from '../command/parsers';

/** A client of a gateway's admin port. */
export type GatewayAdminClient = ServiceClient<typeof gateway.GatewayAdminServiceService>;

/** Which gateway's admin port is called. */
export function adminOption(): Option {
  return new Option('-a, --admin <host:port>', 'the admin port of the gateway')
    .default('127.0.0.1:8081')
    .argParser(address);
}

/** Does work with a client, which is closed afterwards. */
export async function withAdmin<Result>(
  admin: string,
  work: (client: GatewayAdminClient) => Promise<Result>,
): Promise<Result> {
  const client = createClient(gateway.GatewayAdminServiceService, admin, {
    idempotentMethods: ['listRoutes', 'listBackends', 'listDocuments', 'explainCall'],
  });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** Every item of a list that comes in pages. */
export async function allPages<Item>(
  next: (pageToken: string) => Promise<{ readonly items: readonly Item[]; readonly token: string }>,
): Promise<Item[]> {
  const all: Item[] = [];
  let token = '';
  do {
    const page = await next(token);
    all.push(...page.items);
    ({ token } = page);
  } while (token !== '');
  return all;
}
