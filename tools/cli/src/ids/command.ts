import { type Command } from 'commander';
import { id } from '@raftway/contracts';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { addressOption } from '../command/address-option';
import { type Description, describe } from '../command/describe';
import { CALL_EXIT_CODES } from '../command/exit-code';
import { toJson } from '../command/json';
import type { Output } from '../command/output';
import { wholeNumber } from '../command/parsers';
import { protobufJson } from '../command/protobuf-json';
import { reporting } from '../command/reporting';
import { table } from '../command/table';

interface IdFlags {
  readonly address: string;
  readonly json: boolean;
}

type IdClient = ServiceClient<typeof id.IdServiceService>;

const IDS_MAX = 10_000;
const NUMBERS_MAX = 1_000_000;

/** `raftway ids …`: ids and numbers that nobody else gets. */
export function addIds(parent: Command, output: Output): void {
  const command = describe(parent.command('ids'), {
    summary: 'make unique ids, take them apart, and count without gaps',
    examples: [
      ['raftway ids generate 3', 'three ids, one a line'],
      ['raftway ids decode 230586447217037312', 'when and where an id was made'],
    ],
  });
  addGenerate(command, output);
  addDecode(command, output);
  addNext(command, output);
}

function addGenerate(parent: Command, output: Output): void {
  const command = verb(parent, 'generate', {
    summary: 'make ids',
    examples: [
      ['raftway ids generate', 'one id'],
      ['raftway ids generate 1000 > ids.txt', 'many, one a line'],
    ],
  });
  command
    .argument('[count]', `how many, at most ${IDS_MAX}`, wholeNumber(1, IDS_MAX), 1)
    .action((count: number, flags: IdFlags) =>
      run(flags, output, async (client) => {
        const answer = await client.generateIds({ count });
        const lines = answer.ids.map(({ text }) => text);
        output.out(
          flags.json
            ? toJson(
                protobufJson('raftway.id.v1.GenerateIdsResponse', id.GenerateIdsResponse, answer),
              )
            : lines.join('\n'),
        );
      }),
    );
}

function addDecode(parent: Command, output: Output): void {
  const command = verb(parent, 'decode', {
    summary: 'take an id apart: when it was made, by which worker, which of its millisecond',
    examples: [['raftway ids decode 230586447217037312', 'one id']],
  });
  command.argument('<id>', 'as it was printed').action((text: string, flags: IdFlags) =>
    run(flags, output, async (client) => {
      const inspected = await client.inspectId({ text });
      const json = protobufJson(
        'raftway.id.v1.InspectIdResponse',
        id.InspectIdResponse,
        inspected,
      ) as { readonly createdAt?: string };
      const rows = [
        ['created', json.createdAt ?? '-'],
        ['worker', String(inspected.worker)],
        ['sequence', String(inspected.sequence)],
      ];
      output.out(flags.json ? toJson(json) : table(rows));
    }),
  );
}

function addNext(parent: Command, output: Output): void {
  const command = verb(parent, 'next', {
    summary: 'take the next numbers of a named sequence, which has no gaps',
    examples: [
      ['raftway ids next invoices', 'one number'],
      ['raftway ids next invoices --count 10 --request-id order-17', 'safe to be repeated'],
    ],
  });
  command
    .argument('<sequence>', 'its name; it starts at 1 when it is first asked for')
    .option('--count <n>', 'how many numbers', wholeNumber(1, NUMBERS_MAX), 1)
    .option('--request-id <text>', 'repeated calls with the same one get the same numbers')
    .action(
      (name: string, flags: IdFlags & { readonly count: number; readonly requestId?: string }) =>
        run(flags, output, async (client) => {
          const { count, requestId = '' } = flags;
          const numbers = await client.nextSequence({ name, count, requestId });
          const { first, last } = numbers;
          const text = first === last ? String(first) : `${first} to ${last}`;
          output.out(
            flags.json
              ? toJson(
                  protobufJson(
                    'raftway.id.v1.NextSequenceResponse',
                    id.NextSequenceResponse,
                    numbers,
                  ),
                )
              : text,
          );
        }),
    );
}

/** A command with the options that all of them have. */
function verb(parent: Command, name: string, description: Description): Command {
  const command = parent
    .command(name)
    .addOption(addressOption())
    .option('--json', 'print JSON', false);
  return describe(command, {
    exitCodes: CALL_EXIT_CODES,
    ...description,
  });
}

function run(
  flags: IdFlags,
  output: Output,
  work: (client: IdClient) => Promise<void>,
): Promise<void> {
  return reporting(output, flags.json, async () => {
    const client = createClient(id.IdServiceService, flags.address, {
      idempotentMethods: ['inspectId', 'generateIds'],
    });
    try {
      await work(client);
    } finally {
      client.close();
    }
  });
}
