import { type Command } from 'commander';
import { registry } from '@raftway/contracts';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { addressOption } from '../command/address-option';
import { describe } from '../command/describe';
import { CALL_EXIT_CODES } from '../command/exit-code';
import { toJson, toJsonLine } from '../command/json';
import type { Output } from '../command/output';
import { protobufJson } from '../command/protobuf-json';
import { reporting } from '../command/reporting';
import { describeEvent, renderInstances } from './render';

interface ServicesFlags {
  readonly address: string;
  readonly json: boolean;
}

type RegistryClient = ServiceClient<typeof registry.RegistryServiceService>;

const PAGE_SIZE = 1000;

/** `raftway services …`: what the registry knows. */
export function addServices(parent: Command, output: Output): void {
  const command = describe(parent.command('services'), {
    summary: 'show what the registry knows: services and their instances',
    examples: [
      ['raftway services list', 'everything that is registered'],
      ['raftway services watch greeter', 'what changes, as it happens'],
    ],
  });
  const verb = (name: string, what: string): Command =>
    command
      .command(name)
      .argument('[service]', what)
      .addOption(addressOption())
      .option('--json', 'print JSON', false);
  const listing = verb('list', 'only this one').action(
    (service: string | undefined, flags: ServicesFlags) =>
      reporting(output, flags.json, () =>
        withClient(flags, (client) => list(client, service, flags, output)),
      ),
  );
  describe(listing, {
    summary: 'list services and their instances, with status and zone',
    examples: [
      ['raftway services list', 'everything that is registered'],
      ['raftway services list lock-service --json', 'one service, for programs'],
      ['raftway services list --address 127.0.0.1:20061', 'past the gateway'],
    ],
    exitCodes: CALL_EXIT_CODES,
  });
  const watching = verb('watch', 'only this one; left out, all').action(
    (service: string | undefined, flags: ServicesFlags) =>
      reporting(output, flags.json, () =>
        withClient(flags, (client) => watch(client, service, flags, output)),
      ),
  );
  describe(watching, {
    summary: 'show what is registered, and then every change until Ctrl-C',
    details: ['With --json each event is one line, as WatchResponse of the registry has it.'],
    examples: [['raftway services watch greeter', 'instances that come, drain and go']],
    exitCodes: CALL_EXIT_CODES,
  });
}

async function withClient(
  { address }: ServicesFlags,
  work: (client: RegistryClient) => Promise<void>,
): Promise<void> {
  const client = createClient(registry.RegistryServiceService, address, {
    idempotentMethods: ['lookup', 'listServices'],
  });
  try {
    await work(client);
  } finally {
    client.close();
  }
}

async function list(
  client: RegistryClient,
  service: string | undefined,
  flags: ServicesFlags,
  output: Output,
): Promise<void> {
  const names = service === undefined ? await namesOf(client) : [service];
  const found = await Promise.all(names.map((name) => client.lookup({ service: name })));
  const instances = found.flatMap((answer) => answer.instances);
  output.out(
    flags.json
      ? toJson(
          instances.map((one) =>
            protobufJson('raftway.registry.v1.Instance', registry.Instance, one),
          ),
        )
      : renderInstances(instances),
  );
}

async function namesOf(client: RegistryClient): Promise<string[]> {
  const names: string[] = [];
  let pageToken = '';
  do {
    const page = await client.listServices({ pageSize: PAGE_SIZE, pageToken });
    names.push(...page.services.map(({ service }) => service));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return names;
}

async function watch(
  client: RegistryClient,
  service: string | undefined,
  flags: ServicesFlags,
  output: Output,
): Promise<void> {
  for await (const event of client.watch({ service: service ?? '' })) {
    if (flags.json)
      output.out(
        toJsonLine(
          protobufJson('raftway.registry.v1.WatchResponse', registry.WatchResponse, event),
        ),
      );
    else for (const line of describeEvent(event)) output.out(line);
  }
}
