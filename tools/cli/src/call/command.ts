import type { Command } from 'commander';
import type { JsonValue } from '@bufbuild/protobuf';
import { describe } from '../command/describe';
import { CALL_EXIT_CODES } from '../command/exit-code';
import { toJson, toJsonLine } from '../command/json';
import type { Output } from '../command/output';
import { addressOption } from '../command/address-option';
import { duration, InvalidArgumentError } from '../command/parsers';
import { reporting } from '../command/reporting';
import { Callee, type KnownMethod } from './call';
import { describeMethod, parseMethodName } from './method';
import { readRequests } from './requests';

type Headers = Readonly<Record<string, readonly (string | Uint8Array)[]>>;

interface CallFlags {
  readonly address: string;
  readonly deadline: number | undefined;
  readonly header: Headers;
  readonly emitDefaults: boolean;
  readonly json: boolean;
}

const UNARY_DEADLINE_MS = 10_000;

/** `raftway call`: any method of any service, over reflection. */
export function addCall(parent: Command, output: Output): void {
  const command = parent
    .command('call')
    .argument(
      '[method]',
      'package.Service/Method, a service to list its methods, or nothing to list the services',
    )
    .argument('[request]', 'JSON, @file, or - for standard input', '{}')
    .addOption(addressOption())
    .option(
      '--deadline <duration>',
      'of the call; 10s by default, none for streams of replies',
      duration(1, 86_400_000),
    )
    .option(
      '-H, --header <key:value>',
      'metadata to send; once for each, values of -bin keys in base64',
      header,
      {},
    )
    .option('--emit-defaults', 'print fields that have their default value, too', false)
    .option('--json', 'print each reply in one line, and failures as JSON', false)
    .action((method: string | undefined, request: string, flags: CallFlags) =>
      reporting(output, flags.json, () => run(method, request, flags, output)),
    );
  describe(command, {
    summary: 'call any method of any service, with JSON',
    details: [
      'The server describes its methods by gRPC reflection, so no proto file is needed. A service may be named without its package. Streams of replies are printed as they come, one JSON object a line. A stream of requests is an array, or one JSON object a line; lines of standard input are sent as they come.',
      'A failed call prints its gRPC code, reason and message, and every detail that came with it.',
    ],
    examples: [
      ['raftway call', 'the services behind the gateway'],
      ['raftway call helloworld.Greeter', 'the methods of one of them'],
      [`raftway call Greeter/SayHello '{"name": "Ada"}'`, 'a call'],
      [
        `raftway call raftway.lock.v1.LockService/Acquire '{"name": "printer", "ttl": "30s"}' --deadline 2s`,
        'with a deadline',
      ],
      [
        'raftway call raftway.registry.v1.RegistryService/Watch | jq .revision',
        'a stream of replies',
      ],
      [
        'raftway call raftway.raft.v1.RaftAdminService/GetStatus --address 127.0.0.1:20071',
        'one replica, past the gateway',
      ],
    ],
    exitCodes: CALL_EXIT_CODES,
  });
}

async function run(
  typed: string | undefined,
  request: string,
  flags: CallFlags,
  output: Output,
): Promise<void> {
  const callee = new Callee({
    address: flags.address,
    metadata: flags.header,
    emitDefaults: flags.emitDefaults,
  });
  if (typed === undefined) {
    const services = await callee.services();
    output.out(flags.json ? toJsonLine(services) : services.join('\n'));
    return;
  }
  const { service, method } = parseMethodName(typed);
  if (method === undefined) {
    listMethods(await callee.methods(service), flags, output);
    return;
  }
  const known = await callee.method(service, method);
  const { methodKind } = known.method;
  const hasManyReplies = methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
  const hasManyRequests = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
  const deadlineMs = flags.deadline ?? (hasManyReplies ? 0 : UNARY_DEADLINE_MS);
  const print = (reply: JsonValue): void =>
    output.out(hasManyReplies || flags.json ? toJsonLine(reply) : toJson(reply));
  const requests = readRequests(request, hasManyRequests, output.input);
  for await (const reply of callee.call(known, requests, deadlineMs)) print(reply);
}

function listMethods(methods: readonly KnownMethod[], flags: CallFlags, output: Output): void {
  if (flags.json) {
    output.out(toJsonLine(methods.map(({ method }) => `${method.parent.typeName}/${method.name}`)));
    return;
  }
  const lines = methods.map(({ method }) => `${method.parent.typeName}/${describeMethod(method)}`);
  output.out(lines.join('\n'));
}

function header(text: string, before: Headers): Headers {
  const colon = text.indexOf(':');
  const key = text.slice(0, colon).trim().toLowerCase();
  if (colon < 1 || !/^[0-9a-z_.-]+$/.test(key)) {
    throw new InvalidArgumentError(`"${text}" is not key:value.`);
  }
  if (key.startsWith('grpc-')) {
    throw new InvalidArgumentError(
      `${key} is gRPC's own; --deadline sets the time that a call has.`,
    );
  }
  const value = text.slice(colon + 1).trim();
  const sent = key.endsWith('-bin') ? Buffer.from(value, 'base64') : value;
  return { ...before, [key]: [...(before[key] ?? []), sent] };
}
