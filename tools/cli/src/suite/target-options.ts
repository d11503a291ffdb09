import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { splitHostPort } from '@raftway/config';
import { registry } from '@raftway/contracts';
import { createClient } from '@raftway/service-kit';
import { address, addressList, InvalidArgumentError, wholeNumber } from '../command/parsers';
import {
  GROUPS,
  localProcesses,
  type NamedGroup,
  namedTargets,
  type SuiteTargets,
  targetsOf,
} from './targets';

/** What the options below are parsed to. */
export interface TargetFlags {
  readonly dataDir: string;
  readonly portOffset: number;
  readonly group: readonly NamedGroup[];
  readonly registry: readonly string[] | undefined;
  readonly gateway: string | undefined;
}

/** How long the registry may take to say where everybody is, in milliseconds. */
const LOOKUP_TIMEOUT_MS = 5000;

/** Options of the commands that look at a whole suite. */
export function addTargetOptions(command: Command, root: string): Command {
  return command
    .addOption(
      new Option(
        '--data-dir <path>',
        'of a suite on this machine, which knows its processes',
      ).default(resolve(root, '.raftway'), '.raftway in the workspace'),
    )
    .option(
      '--port-offset <n>',
      'of a suite on this machine that has left no record',
      wholeNumber(0, 20_000),
      0,
    )
    .option(
      '--group <name=host:port,…>',
      'replicas of one group elsewhere; once for each group',
      namedGroup,
      [],
    )
    .option('--registry <host:port,…>', 'ask the registry there who is elsewhere', addressList)
    .option('--gateway <host:port>', 'the gateway elsewhere', address);
}

/** The suite is on this machine: nobody has named another one. */
export function isLocal({ group, registry: seeds, gateway }: TargetFlags): boolean {
  return seeds === undefined && gateway === undefined && group.length === 0;
}

/** Finds out whom to ask: those that are named, those that a registry knows, or else the suite on this machine. @throws ServiceError */
export async function findTargets(flags: TargetFlags, root: string): Promise<SuiteTargets> {
  const { group, gateway, portOffset } = flags;
  if (flags.registry !== undefined) {
    return namedTargets(await lookUp(flags.registry.join(','), group), gateway);
  }
  if (!isLocal(flags)) return namedTargets(group, gateway);
  return targetsOf(localProcesses({ root, dataDir: resolve(flags.dataDir), portOffset }));
}

/** The replicated services' instances, but for the groups that are named anyway. */
async function lookUp(target: string, named: readonly NamedGroup[]): Promise<NamedGroup[]> {
  const client = createClient(registry.RegistryServiceService, target, {
    idempotentMethods: ['lookup'],
  });
  try {
    const unnamed = GROUPS.filter((name) => !named.some((one) => one.name === name));
    const found = await Promise.all(
      unnamed.map(async (service) => {
        const { instances } = await client.lookup({ service }, { timeoutMs: LOOKUP_TIMEOUT_MS });
        return { name: service, addresses: instances.map((one) => one.address) };
      }),
    );
    return [...named, ...found.filter(({ addresses }) => addresses.length > 0)];
  } finally {
    client.close();
  }
}

function namedGroup(text: string, before: readonly NamedGroup[]): readonly NamedGroup[] {
  const [name = '', list = ''] = text.split('=', 2);
  const addresses = list.split(',').map((one) => one.trim());
  if (name === '' || addresses.some((one) => splitHostPort(one) === undefined)) {
    throw new InvalidArgumentError(`"${text}" is not name=host:port,host:port,….`);
  }
  return [...before, { name, addresses }];
}
