import type { Command } from 'commander';
import { gateway } from '@raftway/contracts';
import { type Description, describe } from '../command/describe';
import { CALL_EXIT_CODES, ExitCode } from '../command/exit-code';
import { toJson } from '../command/json';
import type { Output } from '../command/output';
import { InvalidArgumentError } from '../command/parsers';
import { protobufJson } from '../command/protobuf-json';
import { reporting } from '../command/reporting';
import { styleFor } from '../command/style';
import { adminOption, allPages, type GatewayAdminClient, withAdmin } from './client';
import { readDocuments } from './files';
import {
  renderBackends,
  renderChanges,
  renderDocuments,
  renderExplanation,
  renderRoutes,
} from './render';

interface GatewayFlags {
  readonly admin: string;
  readonly json: boolean;
}

/** `raftway gateway …`: where a gateway sends calls, and why. */
export function addGateway(parent: Command, output: Output): void {
  const command = describe(parent.command('gateway'), {
    summary: 'show where a gateway sends calls and why, and give it documents',
    details: [
      'Each command asks the admin port of one gateway, which listens on its own machine unless it is told otherwise.',
    ],
    examples: [
      ['raftway gateway why helloworld.Greeter/SayHello', 'the rule that a call would take'],
    ],
    exitCodes: CALL_EXIT_CODES,
  });
  addRoutes(command, output);
  addBackends(command, output);
  addDocuments(command, output);
  addApply(command, output);
  addWhy(command, output);
}

function verb(parent: Command, name: string, description: Omit<Description, 'exitCodes'>): Command {
  const command = parent
    .command(name)
    .addOption(adminOption())
    .option('--json', 'print JSON', false);
  return describe(command, { ...description, exitCodes: CALL_EXIT_CODES });
}

/** Runs work with a client of the admin port that the flags name. */
function run(
  flags: GatewayFlags,
  output: Output,
  work: (client: GatewayAdminClient) => Promise<number | void>,
): Promise<void> {
  return reporting(output, flags.json, () => withAdmin(flags.admin, work));
}

function addRoutes(parent: Command, output: Output): void {
  verb(parent, 'routes', {
    summary: 'list where calls go: by the rules of documents, and by registration',
    examples: [
      ['raftway gateway routes', 'all of them'],
      [
        'raftway gateway routes helloworld.Greeter',
        'those that calls of one gRPC service may take',
      ],
    ],
  })
    .argument('[grpc-service]', 'only for this gRPC service', '')
    .action((grpcService: string, flags: GatewayFlags) =>
      run(flags, output, async (client) => {
        const routes = await allPages(async (pageToken) => {
          const page = await client.listRoutes({ grpcService, pageToken });
          return { items: page.routes, token: page.nextPageToken };
        });
        output.out(
          flags.json
            ? toJson(
                routes.map((one) => protobufJson('raftway.gateway.v1.Route', gateway.Route, one)),
              )
            : renderRoutes(routes),
        );
      }),
    );
}

function addBackends(parent: Command, output: Output): void {
  verb(parent, 'backends', {
    summary: 'list the registered services that calls can be sent to, with their instances',
    examples: [['raftway gateway backends greeter', 'one of them']],
  })
    .argument('[service]', 'only this registered service', '')
    .action((service: string, flags: GatewayFlags) =>
      run(flags, output, async (client) => {
        const { backends } = await client.listBackends({ service });
        output.out(
          flags.json
            ? toJson(
                backends.map((one) =>
                  protobufJson('raftway.gateway.v1.Backend', gateway.Backend, one),
                ),
              )
            : renderBackends(backends),
        );
      }),
    );
}

function addDocuments(parent: Command, output: Output): void {
  verb(parent, 'documents', {
    summary: 'list the documents that a gateway routes by, with their conditions',
    details: ['It ends with 1 when the newest documents are refused, so that older ones hold.'],
    examples: [['raftway gateway documents', 'what is accepted, and what is not']],
  }).action((flags: GatewayFlags) =>
    run(flags, output, async (client) => {
      let problems: readonly string[] = [];
      const documents = await allPages(async (pageToken) => {
        const page = await client.listDocuments({ pageToken });
        ({ problems } = page);
        return { items: page.documents, token: page.nextPageToken };
      });
      const name = 'raftway.gateway.v1.Document';
      output.out(
        flags.json
          ? toJson(documents.map((one) => protobufJson(name, gateway.Document, one)))
          : renderDocuments(documents, styleFor(output.hasColors)),
      );
      if (problems.length === 0) return ExitCode.done;
      output.error(['raftway: the newest documents are not used:', ...problems].join('\n  '));
      return ExitCode.failed;
    }),
  );
}

function addApply(parent: Command, output: Output): void {
  verb(parent, 'apply', {
    summary: 'replace all documents of a gateway by those of files, as one',
    details: [
      'What is in none of the files ceases to hold. One mistake refuses them all, with file and line. The gateway keeps them until it stops. One that follows the registry’s store (RAFTWAY_DOCUMENTS=registry:///…) writes them there, for all gateways that do; one that follows files takes --dry-run only.',
    ],
    examples: [
      ['raftway gateway apply routes --dry-run', 'what the files of a directory would change'],
      ['raftway gateway apply gateway.yaml routes', 'a file and a directory'],
    ],
  })
    .argument('<path...>', 'files, and directories of .yaml, .yml and .json files')
    .option('-n, --dry-run', 'say what would change, and change nothing', false)
    .action((paths: string[], flags: GatewayFlags & { readonly dryRun: boolean }) =>
      run(flags, output, async (client) => {
        const { dryRun } = flags;
        const files = await readDocuments(paths);
        const answer = await client.applyDocuments({ files, dryRun });
        const name = 'raftway.gateway.v1.ApplyDocumentsResponse';
        output.out(
          flags.json
            ? toJson(protobufJson(name, gateway.ApplyDocumentsResponse, answer))
            : renderChanges(answer, dryRun, styleFor(output.hasColors)),
        );
      }),
    );
}

interface WhyFlags extends GatewayFlags {
  readonly request: string;
  readonly authority: string;
  readonly header: Readonly<Record<string, string>>;
}

function addWhy(parent: Command, output: Output): void {
  verb(parent, 'why', {
    summary: 'say which rule a call would take, or why it is refused',
    details: ['Nothing is sent. It ends with 1 when the call would be refused.'],
    examples: [
      ['raftway gateway why helloworld.Greeter/SayHello', 'a call without headers'],
      [
        `raftway gateway why helloworld.Greeter/SayHello --authority api.example.com -H 'x-canary: 1'`,
        'one with a host name and a header',
      ],
      [
        `raftway gateway why -X GET '/v1/greetings/Ada?locale=de'`,
        'an HTTP request, and the call that it becomes',
      ],
    ],
  })
    .argument('<method>', 'package.Service/Method, or the path of an HTTP request')
    .option('-X, --request <method>', 'the method of an HTTP request, such as GET', '')
    .option('--authority <host>', 'the host that the client calls', '')
    .option('-H, --header <name:value>', 'a header of the call; may be repeated', header, {})
    .action((method: string, flags: WhyFlags) =>
      run(flags, output, async (client) => {
        const { request: httpMethod, authority, header: headers } = flags;
        const answer = await client.explainCall({ method, authority, headers, httpMethod });
        const name = 'raftway.gateway.v1.ExplainCallResponse';
        output.out(
          flags.json
            ? toJson(protobufJson(name, gateway.ExplainCallResponse, answer))
            : renderExplanation(answer, styleFor(output.hasColors)),
        );
        return answer.refusalCode === '' ? ExitCode.done : ExitCode.failed;
      }),
    );
}

function header(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const colon = text.indexOf(':');
  const name = text.slice(0, colon).trim().toLowerCase();
  if (colon < 1 || name === '') throw new InvalidArgumentError(`"${text}" is not name:value.`);
  return { ...before, [name]: text.slice(colon + 1).trim() };
}
