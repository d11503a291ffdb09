/*
 * One request that several methods answer together.
 *
 * Each part is a JSON call of its own, dispatched like any other, so that every policy holds for it. A part begins as soon as those whose answers it
 * needs have ended; the rest run at one time. A part that must be there and fails ends the whole with its status, at once; one that need not is
 * null, and its status stands in `errors`.
 */
import { type Socket } from 'node:net';
import { type JsonValue } from '@bufbuild/protobuf';
import { invalidArgument, ServiceError } from '@raftway/errors';
import { type EngineStream, type HeaderPairs, type StreamListener } from '@raftway/http2';
import { type Deadline, type Deadlines, type Expirable } from '@raftway/service-kit';
import {
  type ExactJson,
  fillTemplate,
  parseQuery,
  type PathValue,
  readExactJson,
  type TemplateSources,
  unusedField,
} from '@raftway/transcoding';
import { type PartCatalog } from '../adapters/part-catalog';
import { type CompiledComposite, type CompiledPart } from '../domain/documents';
import { type JsonRoute } from '../domain/json-routes';
import * as refusal from '../domain/refusal';
import { type MemoryBudget } from '../proxy/memory-budget';
import { sendHttpResponse } from '../proxy/reply';
import { type Dispatch, type JudgeCaller } from './http-exchange';
import { type JsonStyle } from './json-defaults';
import { requestTooLarge } from './json-request';
import { failureOf, type PartFailure, type PartOutcome } from './part-call';
import { type BegunPart, PartRunner } from './part-runner';
import { WholeBody } from './whole-body';

/** How a composite request ended: all parts are there, some are null, a part that must be there failed, or the client went away. */
export type CompositeResult = 'complete' | 'partial' | 'failed' | 'cancelled';

/** How a part ended: it was called, its answer was kept, it came of another request's call, it failed, or nobody waits for it any more. */
export type PartResult = 'called' | 'kept' | 'shared' | 'failed' | 'cancelled';

/** Counts what happens to composites. @see CompiledComposite.document */
export interface CompositeObserver {
  onComposite(document: string, result: CompositeResult): void;
  onPart(document: string, part: string, result: PartResult): void;
}

/** What all composite calls share. */
export interface CompositeContext {
  readonly dispatch: Dispatch;
  readonly judgeCaller: JudgeCaller;
  readonly memory: MemoryBudget;
  readonly deadlines: Deadlines;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly parts: Pick<PartCatalog, 'resolve'>;
  readonly style: JsonStyle;
  readonly observer: CompositeObserver;
}

/** One request. */
export interface CompositeRequest {
  readonly composite: CompiledComposite;
  readonly values: readonly PathValue[];
  readonly query: string;
  readonly headers: HeaderPairs;
  readonly clientAddress: string;
  /** The connection's, which knows the client's certificate. */
  readonly socket: Socket | undefined;
  /** The client's time in milliseconds; undefined when it sets none. */
  readonly requestedMs: number | undefined;
  readonly style: JsonStyle;
}

/** A part of one request. */
interface Run {
  readonly part: CompiledPart;
  state: 'waiting' | 'running' | 'ended';
  /** Its request, where it was made before any part was called. */
  message: Uint8Array | undefined;
  outcome: PartOutcome | undefined;
  leave: (() => void) | undefined;
  /** Its answer, read when another part first needs it. */
  json: JsonValue | undefined;
}

function newRun(part: CompiledPart): Run {
  return {
    part,
    state: 'waiting',
    message: undefined,
    outcome: undefined,
    leave: undefined,
    json: undefined,
  };
}

/** One request under way. Listens to the client. */
export class CompositeCall implements StreamListener, Expirable {
  private readonly runs: readonly Run[];
  private readonly runner: PartRunner;
  private readonly body = new WholeBody();
  private readonly untilMs: number | undefined;
  private readonly timeoutMs: number | undefined;
  private sources: TemplateSources | undefined;
  private deadline: Deadline | undefined;
  private isOver = false;
  private heldBytes = 0;
  private answerBytes = 0;

  /** @param refuse answers a request that is wrong, before anything is called */
  constructor(
    private readonly stream: EngineStream,
    private readonly request: CompositeRequest,
    private readonly context: CompositeContext,
    private readonly refuse: (error: ServiceError) => void,
  ) {
    const { composite, requestedMs } = request;
    this.runner = new PartRunner(context, request);
    this.runs = composite.parts.map(newRun);
    const times = [composite.timeoutMs, requestedMs].filter((time) => time !== undefined);
    this.timeoutMs = times.length === 0 ? undefined : Math.min(...times);
    this.untilMs = this.timeoutMs === undefined ? undefined : context.nowMs() + this.timeoutMs;
    stream.setListener(this);
  }

  /** Begins, once. @param requestEnded whether there is no body */
  start(requestEnded: boolean): void {
    if (this.untilMs !== undefined) this.deadline = this.context.deadlines.add(this, this.untilMs);
    if (requestEnded) this.onEnd();
  }

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    this.stream.release(chunk.length);
    if (this.isOver) return;
    const { memory } = this.context;
    const { limit } = this.request.style;
    if (this.body.byteLength + chunk.length > limit.bytesMax)
      return this.refuseWith(requestTooLarge(limit));
    if (memory.isExhausted)
      return this.refuseWith(
        refusal.limitReached('GATEWAY_MEMORY_FULL', 'buffered bytes', memory.bytesMax),
      );
    this.hold(chunk.length);
    this.body.push(chunk);
  }

  onEnd(): void {
    if (this.isOver) return;
    const bytes = this.body.take();
    this.hold(-bytes.length);
    try {
      this.sources = this.sourcesOf(bytes);
      // What is wrong with the request is found before any part is called, as far as it can be.
      for (const run of this.runs)
        if (run.part.needs.length === 0) run.message = this.messageOf(run, this.routeOf(run));
    } catch (error) {
      return this.refuseWith(ServiceError.from(error));
    }
    this.advance();
  }

  onSent(bytes: number): void {
    this.hold(-Math.min(bytes, this.heldBytes));
  }

  onOverdue(): void {
    if (!this.isOver) this.refuseWith(refusal.connectionTooOld());
  }

  onReset(): void {
    this.end('cancelled');
  }

  onClosed(): void {
    this.end('cancelled');
    this.hold(-this.heldBytes);
  }

  /** What has not ended fails; what need not be there is left out of the answer. */
  onDeadline(): void {
    this.deadline = undefined;
    if (this.sources === undefined) return this.refuseWith(this.timeIsUp());
    for (const run of this.runs)
      if (run.state !== 'ended') {
        run.leave?.();
        this.settle(run, failureOf(this.timeIsUp()));
      }
  }

  // ---- inside ----

  private sourcesOf(bytes: Uint8Array): TemplateSources {
    const { composite, values, query: text, style } = this.request;
    const { references, httpMethod } = composite;
    const parameters = new Map<string, string[]>();
    for (const { name, value } of parseQuery(text))
      parameters.set(name, [...(parameters.get(name) ?? []), value]);
    if (style.request.ignoreUnknownParameters !== true) this.checkParameters(parameters.keys());
    if (httpMethod === 'GET' && bytes.length > 0)
      throw invalidArgument({ field: 'body', description: 'must be empty: this is a GET' });
    const body = bytes.length === 0 ? undefined : readBody(bytes);
    const unused = body === undefined ? undefined : unusedField(body, references);
    if (unused !== undefined && style.request.ignoreUnknownFields !== true)
      throw invalidArgument({ field: unused, description: 'is nothing that this path takes' });
    return {
      path: (name) => values.find(({ variable }) => variable.fieldPath.join('.') === name)?.text,
      query: (name) => parameters.get(name) ?? [],
      body,
      part: (name) => this.answerOf(name),
    };
  }

  private checkParameters(names: Iterable<string>): void {
    const { references } = this.request.composite;
    const known = new Set(
      references.flatMap(({ source, path }) => (source === 'query' ? path.join('.') : [])),
    );
    for (const field of names)
      if (!known.has(field))
        throw invalidArgument({ field, description: 'is no parameter of this path' });
  }

  /** Begins what can begin, and answers when all has ended. */
  private advance(): void {
    for (const run of this.runs) {
      if (this.isOver) return;
      const needed = this.runs.filter(({ part }) => run.part.needs.includes(part.name));
      if (run.state === 'waiting' && needed.every(({ state }) => state === 'ended'))
        this.begin(run, needed);
    }
    if (!this.isOver && this.runs.every(({ state }) => state === 'ended')) this.answer();
  }

  private begin(run: Run, needed: readonly Run[]): void {
    const { part } = run;
    run.state = 'running';
    const failed = needed.find(({ outcome }) => outcome?.kind !== 'answer');
    if (failed !== undefined)
      return this.settle(run, failureOf(refusal.partSkipped(part.name, failed.part.name)));
    try {
      const route = this.routeOf(run);
      if (route === undefined) return;
      const message = run.message ?? this.messageOf(run, route);
      const { nowMs } = this.context;
      const leftMs = this.untilMs === undefined ? undefined : this.untilMs - nowMs();
      const begun: BegunPart = this.runner.run(
        { part, route, message: message ?? nothing, leftMs },
        (end) => this.settle(run, end, begun.result),
      );
      if (begun.kept === undefined) run.leave = begun.leave;
      else this.settle(run, begun.kept, 'kept');
    } catch (error) {
      this.settle(run, failureOf(ServiceError.from(error)));
    }
  }

  /** The method of a part. Where it cannot be called a part that has begun fails, and this is undefined. */
  private routeOf(run: Run): JsonRoute | undefined {
    const found = this.context.parts.resolve(run.part);
    if (!('reason' in found)) return found;
    if (run.state === 'running')
      this.settle(run, failureOf(refusal.partNotCallable(found.message)));
    return undefined;
  }

  private messageOf({ part }: Run, route: JsonRoute | undefined): Uint8Array | undefined {
    if (route === undefined || this.sources === undefined) return undefined;
    const settings = { ...this.request.style.request, registry: route.types };
    return fillTemplate(route.binding.method.input, part.template, this.sources, settings);
  }

  private settle(run: Run, outcome: PartOutcome, result: PartResult = 'called'): void {
    if (this.isOver || run.state === 'ended') return;
    run.state = 'ended';
    run.leave = undefined;
    run.outcome = this.fitting(outcome);
    const { kind } = run.outcome;
    this.note(run, kind === 'failure' ? 'failed' : result);
    if (run.outcome.kind === 'failure' && !run.part.optional) this.failWith(run, run.outcome);
    else this.advance();
  }

  /** All answers together have the limit of one message. */
  private fitting(outcome: PartOutcome): PartOutcome {
    const bytes = outcome.kind === 'answer' ? outcome.json.length : outcome.status.length;
    const { bytesMax, owner } = this.request.style.limit;
    if (outcome.kind === 'answer' && this.answerBytes + bytes > bytesMax)
      return failureOf(
        refusal.limitReached('MESSAGE_TOO_LARGE', 'response message bytes', bytesMax, owner),
      );
    this.answerBytes += bytes;
    this.hold(bytes);
    return outcome;
  }

  private answer(): void {
    const pieces: Uint8Array[] = [];
    const errors: Uint8Array[] = [];
    for (const { part, outcome } of this.runs) {
      const isAnswer = outcome?.kind === 'answer';
      const start = pieces.length === 0 ? '{' : ',';
      pieces.push(Buffer.from(`${start}"${part.name}":`), isAnswer ? outcome.json : jsonNull);
      if (outcome?.kind !== 'failure') continue;
      const comma = errors.length === 0 ? ',"errors":{' : ',';
      errors.push(Buffer.from(`${comma}"${part.name}":`), outcome.status);
    }
    if (errors.length > 0) errors.push(Buffer.from('}'));
    const body = Buffer.concat([...pieces, ...errors, Buffer.from('}\n')]);
    this.end(errors.length > 0 ? 'partial' : 'complete');
    this.hold(body.length - this.heldBytes);
    sendHttpResponse(this.stream, 200, ['content-type', 'application/json'], body);
  }

  private failWith({ part }: Run, { httpStatus, headers, status }: PartFailure): void {
    this.end('failed');
    const error = JSON.parse(Buffer.from(status).toString()) as { message?: string };
    const named = { ...error, message: `part ${part.name}: ${error.message ?? ''}` };
    const body = Buffer.from(`${JSON.stringify(named)}\n`);
    this.hold(body.length - this.heldBytes);
    const all = ['content-type', 'application/json', ...headers];
    sendHttpResponse(this.stream, httpStatus, all, body);
  }

  private refuseWith(error: ServiceError): void {
    this.end('failed');
    this.body.take();
    this.hold(-this.heldBytes);
    this.refuse(error);
  }

  /** Nothing happens after it; what is under way is not needed any more. */
  private end(result: CompositeResult): void {
    if (this.isOver) return;
    this.isOver = true;
    this.context.deadlines.remove(this.deadline);
    for (const run of this.runs) {
      if (run.state !== 'running') continue;
      run.leave?.();
      this.note(run, 'cancelled');
    }
    this.context.observer.onComposite(this.request.composite.document, result);
  }

  private note({ part }: Run, result: PartResult): void {
    this.context.observer.onPart(this.request.composite.document, part.name, result);
  }

  private answerOf(name: string): JsonValue | undefined {
    const run = this.runs.find(({ part }) => part.name === name);
    if (run?.outcome?.kind !== 'answer') return undefined;
    run.json ??= JSON.parse(Buffer.from(run.outcome.json).toString()) as JsonValue;
    return run.json;
  }

  private timeIsUp(): ServiceError {
    return refusal.deadlineExceeded(this.timeoutMs ?? 0, 'the instance');
  }

  private hold(bytes: number): void {
    this.heldBytes += bytes;
    this.context.memory.add(bytes);
  }
}

const jsonNull = Buffer.from('null');
const nothing = new Uint8Array();

function readBody(bytes: Uint8Array): ExactJson {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidArgument({ field: 'body', description: 'must be UTF-8' });
  }
  return readExactJson(text);
}
