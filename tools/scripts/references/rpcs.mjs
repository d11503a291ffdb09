// docs/reference/rpcs.md: services, methods, messages and fields, with the comments that stand beside them in protos/.
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { buf, loadBuilt } from '../lib.mjs';
import { code, inline, table } from './markdown.mjs';

const INTRODUCTION = `# RPCs

Every method of the suite's services, with the messages that it takes and gives, from the comments in [protos/](../../protos): \`npm run generate\` writes this page. How calls fail is in [errors.md](errors.md).
Every server has \`grpc.health.v1.Health\` and \`grpc.reflection\` besides. Over HTTP and JSON, by way of the gateway, every method of what registers is at \`POST /package.Service/Method\`, too: all here but those of Raft and of administration. In JSON names are in camelCase (\`sessionId\`), 64-bit numbers are strings, and durations read \`"10s"\`.
`;

// Field numbers of descriptor.proto, of which the paths of comments are made.
const FILE = { message: 4, enum: 5, service: 6 };
const MESSAGE = { field: 2, message: 3, enum: 4 };
const METHOD = 2;
const VALUE = 2;

// As the gateway reads them.
const { httpRulesOf } = loadBuilt('libs/transcoding/dist/http-rule.js');

export function rpcsPage() {
  const { status, stdout } = buf(['build', '--as-file-descriptor-set', '-o', '-#format=binpb']);
  if (status !== 0) throw new Error('buf cannot read protos/');
  const set = fromBinary(FileDescriptorSetSchema, stdout);
  const registry = createFileRegistry(set);
  // Those of gRPC and Google are there to be imported.
  const files = set.file.filter(({ package: name }) => !/^(grpc|google)\./.test(name));
  const sections = files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((file) => {
      const comments = commentsOf(file);
      const messages = file.messageType.flatMap((one, index) =>
        messageSections(one, [FILE.message, index], comments, ''),
      );
      const enums = file.enumType.map((one, index) =>
        enumSection(one, [FILE.enum, index], comments, ''),
      );
      const services = file.service.map((one, index) =>
        serviceSection(file, one, [FILE.service, index], comments, registry),
      );
      const heading = `## ${file.package}: ${file.name}`;
      return [heading, ...services, ...messages, ...enums];
    });
  return `${INTRODUCTION}\n${sections.join('\n\n')}\n`;
}

/** The comment in front of each element, by the element's path. */
function commentsOf(file) {
  const locations = file.sourceCodeInfo?.location ?? [];
  const texts = new Map(
    locations.map(({ path, leadingComments, trailingComments }) => [
      path.join('.'),
      inline(leadingComments || trailingComments || ''),
    ]),
  );
  return (path) => texts.get(path.join('.')) ?? '';
}

function serviceSection(file, service, path, comments, registry) {
  const { methods } = registry.getService(`${file.package}.${service.name}`);
  const rows = service.method.map((method, index) => [
    code(method.name),
    streamed(method.clientStreaming, method.inputType),
    streamed(method.serverStreaming, method.outputType),
    httpRulesOf(methods[index])
      .map(({ httpMethod, path }) => code(`${httpMethod} ${path}`))
      .join('<br>'),
    comments([...path, METHOD, index]),
  ]);
  return section(
    `${file.package}.${service.name}`,
    comments(path),
    table(['method', 'takes', 'gives', 'over HTTP', 'what it does'], rows),
  );
}

function messageSections(message, path, comments, outer) {
  // The entries of maps are the fields' own affair.
  if (message.options?.mapEntry) return [];
  const name = `${outer}${message.name}`;
  const rows = message.field.map((field, index) => [
    code(field.name),
    typeName(field, message),
    comments([...path, MESSAGE.field, index]),
  ]);
  const fields = rows.length === 0 ? 'No fields.' : table(['field', 'type', 'meaning'], rows);
  return [
    section(name, comments(path), fields),
    ...message.nestedType.flatMap((one, index) =>
      messageSections(one, [...path, MESSAGE.message, index], comments, `${name}.`),
    ),
    ...message.enumType.map((one, index) =>
      enumSection(one, [...path, MESSAGE.enum, index], comments, `${name}.`),
    ),
  ];
}

function enumSection(type, path, comments, outer) {
  const rows = type.value.map((value, index) => [
    code(value.name),
    String(value.number),
    comments([...path, VALUE, index]),
  ]);
  return section(
    `${outer}${type.name}`,
    comments(path),
    table(['value', 'number', 'meaning'], rows),
  );
}

function section(name, comment, body) {
  return [`### ${name}`, comment, body.trimEnd()].filter((part) => part !== '').join('\n\n');
}

function streamed(isStream, type) {
  return `${isStream ? 'stream of ' : ''}${code(shortName(type))}`;
}

function typeName(field, message) {
  const own = field.typeName === '' ? Type[field.type].toLowerCase() : shortName(field.typeName);
  const entry = message.nestedType.find(
    ({ name, options }) => options?.mapEntry && field.typeName.endsWith(`.${name}`),
  );
  if (entry !== undefined) {
    const [key, value] = entry.field.map((one) => typeName(one, entry).replaceAll('`', ''));
    return code(`map<${key}, ${value}>`);
  }
  if (field.label === Label.REPEATED) return `list of ${code(own)}`;
  return `${field.proto3Optional ? 'optional ' : ''}${code(own)}`;
}

/** Without the package, of which there is one a section; well-known types keep theirs. */
function shortName(type) {
  return type.startsWith('.google.') ? type.slice(1) : type.replace(/^\.[a-z0-9_.]+\./, '');
}
