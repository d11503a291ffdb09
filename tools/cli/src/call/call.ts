import type { DescMethod, FileRegistry, JsonValue } from '@bufbuild/protobuf';
import { Code, ServiceError } from '@raftway/errors';
import { type ClientCallOptions, createClient } from '@raftway/service-kit';
import { CommandError, describeFailure, exitCodeOf, failureToJson } from '../command/command-error';
import { ExitCode } from '../command/exit-code';
import { toJsonLine } from '../command/json';
import { decodeDetails, DETAILS_KEY } from './failure-details';
import { checkRequest, findMethod, findService, jsonMethod, type JsonRequest } from './method';
import { Reflection } from './reflection';

/** Whom to call, and how. */
export interface CallSettings {
  readonly address: string;
  readonly metadata: Readonly<Record<string, readonly (string | Uint8Array)[]>>;
  /** Also fields that have their default value. */
  readonly emitDefaults: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** How long a server may take to describe itself, in milliseconds. */
const REFLECTION_TIMEOUT_MS = 10_000;

/** A method that the server has, and what its messages are. */
export interface KnownMethod {
  readonly method: DescMethod;
  readonly registry: FileRegistry;
}

/** The server's services, or the methods of one of them. */
export class Callee {
  private readonly reflection: Reflection;

  constructor(private readonly settings: CallSettings) {
    this.reflection = new Reflection(settings.address, REFLECTION_TIMEOUT_MS);
  }

  services(): Promise<readonly string[]> {
    return this.reflection.services();
  }

  /** @throws CommandError `usage` with the nearest name for what the server does not have. */
  async methods(service: string): Promise<readonly KnownMethod[]> {
    const registry = await this.schemaOf(service);
    const name = registry.getService(service)?.typeName ?? findService(service, namesIn(registry));
    const methods = registry.getService(name)?.methods ?? [];
    return methods.map((method) => ({ method, registry }));
  }

  /** @throws CommandError `usage` with the nearest name for what the server does not have. */
  async method(service: string, name: string): Promise<KnownMethod> {
    const methods = await this.methods(service);
    const [first] = methods;
    if (first === undefined) {
      throw new CommandError(ExitCode.usage, `the service ${service} has no methods`);
    }
    return { method: findMethod(first.method.parent, name), registry: first.registry };
  }

  /**
   * Calls, and yields each reply as JSON.
   *
   * @param deadlineMs of the whole call; 0 = none.
   * @throws CommandError with everything that the server said about a failure.
   */
  async *call(
    { method, registry }: KnownMethod,
    requests: AsyncIterable<JsonValue>,
    deadlineMs: number,
  ): AsyncGenerator<JsonValue, void, undefined> {
    const { address, metadata, signal } = this.settings;
    const shape = jsonMethod(method, registry, this.settings);
    const client = createClient({ call: shape }, address, { attemptsMax: 1, shareChannel: false });
    let details: Uint8Array | undefined;
    const options: ClientCallOptions = {
      timeoutMs: deadlineMs,
      metadata,
      signal,
      onTrailer: (trailer) => {
        details = trailer.getBytes(DETAILS_KEY);
      },
    };
    try {
      const call = client.call as unknown as UntypedMethod;
      const checked = checkedRequests(method, registry, requests);
      const input = shape.requestStream ? checked : await firstOf(checked);
      const replies = call(input, options);
      if (shape.responseStream) yield* replies as AsyncIterable<JsonValue>;
      else yield await (replies as Promise<JsonValue>);
    } catch (error) {
      throw error instanceof ServiceError ? failed(error, details) : error;
    } finally {
      client.close();
    }
  }

  /** A full name is asked for at once; anything else is looked up in the list first. */
  private async schemaOf(typed: string): Promise<FileRegistry> {
    try {
      if (typed.includes('.')) return await this.reflection.schemaOf(typed);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== Code.notFound) throw error;
    }
    return await this.reflection.schemaOf(findService(typed, await this.reflection.services()));
  }
}

type UntypedMethod = (
  input: JsonRequest | AsyncIterable<JsonRequest>,
  options: ClientCallOptions,
) => Promise<JsonValue> | AsyncIterable<JsonValue>;

function namesIn(registry: FileRegistry): string[] {
  return [...registry].flatMap((type) => (type.kind === 'service' ? [type.typeName] : []));
}

async function* checkedRequests(
  method: DescMethod,
  registry: FileRegistry,
  requests: AsyncIterable<JsonValue>,
): AsyncGenerator<JsonRequest, void, undefined> {
  for await (const json of requests) {
    checkRequest(method, registry, json);
    yield { json };
  }
}

async function firstOf(requests: AsyncIterable<JsonRequest>): Promise<JsonRequest> {
  for await (const request of requests) return request;
  return { json: {} };
}

/** Details that `describeFailure` tells in words. */
const TOLD = /google\.rpc\.(ErrorInfo|BadRequest|RetryInfo)$/;

function failed(error: ServiceError, trailer: Uint8Array | undefined): CommandError {
  const details = trailer === undefined ? [] : decodeDetails(trailer);
  const others = details.filter((detail) => !TOLD.test(typeOf(detail)));
  const text = [describeFailure(error), ...others.map(toJsonLine)].join('\n  ');
  const fields = { ...failureToJson(error), details };
  return new CommandError(exitCodeOf(error), text, { cause: error, fields });
}

function typeOf(detail: JsonValue): string {
  if (typeof detail !== 'object' || detail === null || Array.isArray(detail)) return '';
  const type = detail['@type'];
  return typeof type === 'string' ? type : '';
}
