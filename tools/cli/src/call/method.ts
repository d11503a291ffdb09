import {
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { editDistance, nearest } from '@raftway/config';
import type { MethodShape } from '@raftway/service-kit';
import { CommandError } from '../command/command-error';
import { ExitCode } from '../command/exit-code';

/** A method's name as it was typed. */
export interface MethodName {
  readonly service: string;
  /** Undefined when only a service was named. */
  readonly method: string | undefined;
}

/** Reads `package.Service/Method`, `/package.Service/Method`, or a service alone. */
export function parseMethodName(text: string): MethodName {
  const [service = '', method] = text.replace(/^\//, '').split('/', 2);
  return { service, method: method === '' ? undefined : method };
}

/** The full name of the service that was meant: its full name, or the end of one that only one service has. @throws CommandError */
export function findService(typed: string, services: readonly string[]): string {
  if (services.includes(typed)) return typed;
  const ending = services.filter((name) => name.endsWith(`.${typed}`));
  const [only] = ending;
  if (ending.length === 1 && only !== undefined) return only;
  if (ending.length > 1) {
    const message = `"${typed}" may be ${ending.join(' or ')}: use the full name`;
    throw new CommandError(ExitCode.usage, message);
  }
  throw new CommandError(ExitCode.usage, notThere('service', typed, services));
}

/** The method of a service. @throws CommandError */
export function findMethod({ methods }: DescService, typed: string): DescMethod {
  const found = methods.find(({ name }) => name === typed);
  if (found !== undefined) return found;
  const names = methods.map(({ name }) => name);
  throw new CommandError(ExitCode.usage, notThere('method', typed, names));
}

function notThere(kind: string, typed: string, there: readonly string[]): string {
  // Whoever leaves the package out is to be understood, too.
  const short = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const close = nearest(short(typed), there.map(short));
  const isClose = close !== undefined && editDistance(short(typed), close) <= close.length / 2;
  const meant = there.find((name) => short(name) === close);
  const hint = isClose ? `did you mean ${meant}?` : `it has ${there.join(', ') || 'none'}`;
  return `the server has no ${kind} "${typed}": ${hint}`;
}

/** A request as JSON; wrapped, because clients are given fields of requests. */
export interface JsonRequest {
  readonly json: JsonValue;
}

/** How messages of a method become JSON. */
export interface JsonSettings {
  /** Also fields that have their default value. */
  readonly emitDefaults: boolean;
}

/** A method as clients of service-kit take it, with JSON on this side of the wire. */
export function jsonMethod(
  method: DescMethod,
  registry: FileRegistry,
  settings: JsonSettings,
): MethodShape {
  const { input, output, methodKind } = method;
  const options = { registry, alwaysEmitImplicit: settings.emitDefaults };
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestSerialize: (request: JsonRequest) =>
      Buffer.from(toBinary(input, fromJson(input, request.json, { registry }))),
    requestDeserialize: () => ({}),
    responseSerialize: (response: Message) => Buffer.from(toBinary(output, response)),
    responseDeserialize: (bytes) => toJson(output, fromBinary(output, bytes), options),
  };
}

/** Says which field of a request is wrong before anything is sent. @throws CommandError */
export function checkRequest(method: DescMethod, registry: FileRegistry, json: JsonValue): void {
  try {
    fromJson(method.input, json, { registry });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `that is no ${method.input.typeName}: ${why}`;
    throw new CommandError(ExitCode.usage, message, { cause: error });
  }
}

/** `SayHello(HelloRequest) → stream HelloReply`, for people. */
export function describeMethod({ name, input, output, methodKind }: DescMethod): string {
  const streams = { in: '', out: '' };
  if (methodKind === 'client_streaming' || methodKind === 'bidi_streaming') streams.in = 'stream ';
  if (methodKind === 'server_streaming' || methodKind === 'bidi_streaming') streams.out = 'stream ';
  return `${name}(${streams.in}${input.typeName}) → ${streams.out}${output.typeName}`;
}
