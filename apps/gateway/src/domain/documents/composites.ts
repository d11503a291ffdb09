/*
 * CompositeRoutes → what requests are looked up in. Like routes of calls, those of documents that have not changed are kept.
 */
import { parseDuration, formatDuration } from '@raftway/config';
import {
  parsePathTemplate,
  type PathTemplate,
  type PathValue,
  referencesIn,
  type RequestTemplate,
  type Routable,
  Router,
  type TemplateReference,
} from '@raftway/transcoding';
import { parseGrpcPath } from '../grpc-path';
import { condition, type Condition, type Fault } from './conditions';
import { type SourcedDocument } from './document-set';
import { anyHostname, hostnamesFor } from './hostnames';
import {
  type CompositePart,
  type CompositeRouteDocument,
  templateOf,
} from './kinds/composite-route';
import { type TranscodeSettings, transcodingTexts } from './policies/transcoding';

/** How answers of a part are kept. */
export interface PartCaching {
  readonly ttlMs: number;
  readonly bytesMax: number;
  /** In lower case; undefined for all that may matter. */
  readonly keyHeaders: readonly string[] | undefined;
}

/** One method of a composite. The same object as long as its document is. */
export interface CompiledPart {
  readonly name: string;
  readonly grpcService: string;
  readonly method: string;
  readonly template: RequestTemplate;
  /** Names of the parts whose answers it needs: all of them are above it. */
  readonly needs: readonly string[];
  readonly timeoutMs: number | undefined;
  readonly optional: boolean;
  readonly cache: PartCaching | undefined;
}

/** A path that several methods answer together. */
export interface CompiledComposite extends Routable {
  /** `kind namespace/name` of its document. */
  readonly document: string;
  readonly hostnames: readonly string[];
  readonly template: PathTemplate;
  readonly timeoutMs: number | undefined;
  readonly parts: readonly CompiledPart[];
  /** What the requests of its parts refer to. */
  readonly references: readonly TemplateReference[];
  readonly transcoding: TranscodeSettings | undefined;
}

/** What keeps parts of a composite from being called now. */
export type PartFaults = (composite: CompiledComposite) => readonly Fault[];

/** What a request leads to; undefined where no composite has its path. */
export type CompositeMatch =
  | {
      readonly kind: 'found';
      readonly composite: CompiledComposite;
      readonly values: readonly PathValue[];
    }
  | { readonly kind: 'method-unknown'; readonly allowed: readonly string[] }
  | undefined;

/** The composites of one set of documents. */
export class CompositeTable {
  /** In the order in which they count: the first of equals. */
  readonly composites: readonly CompiledComposite[];
  private readonly routers: ReadonlyMap<string, Router<CompiledComposite>>;
  private readonly conflicts = new Map<string, Fault[]>();

  private constructor(
    private readonly compiled: ReadonlyMap<CompositeRouteDocument, CompiledComposite>,
  ) {
    this.composites = [...compiled.values()];
    const byHost = new Map<string, CompiledComposite[]>();
    for (const composite of this.composites)
      for (const hostname of composite.hostnames) this.note(hostname, composite, byHost);
    // The last of equals wins in a router.
    this.routers = new Map(
      [...byHost].map(([host, own]) => [host, new Router(own.toReversed())] as const),
    );
  }

  /**
   * @param sources in any order
   * @param transcodingOf what policies say of a document, by its id
   * @param previous of the set before, with the same policies
   */
  static of(
    sources: readonly SourcedDocument<CompositeRouteDocument>[],
    transcodingOf: (id: string) => TranscodeSettings | undefined,
    previous: CompositeTable | undefined,
  ): CompositeTable | undefined {
    if (sources.length === 0) return undefined;
    const sorted = [...sources].sort((a, b) => (a.order < b.order ? -1 : 1));
    const isSame =
      previous?.compiled.size === sorted.length &&
      [...previous.compiled.keys()].every(
        (document, index) => document === sorted[index]?.document,
      );
    if (isSame) return previous;
    return new CompositeTable(
      new Map(
        sorted.map(({ document, id }) => {
          const known = previous?.compiled.get(document);
          return [document, known ?? compileComposite(document, id, transcodingOf(id))] as const;
        }),
      ),
    );
  }

  /** What is true of a document. */
  conditionsOf(
    { document, id }: SourcedDocument<CompositeRouteDocument>,
    partFaults: PartFaults,
  ): Condition[] {
    const composite = this.compiled.get(document);
    const faults = composite === undefined ? [] : partFaults(composite);
    return [
      condition('Accepted', this.conflicts.get(id) ?? [], 'its path is its own'),
      condition('ResolvedRefs', faults, 'its methods are known, and take its requests'),
    ];
  }

  /**
   * Looks a request up: the most specific host name that has the path.
   * @throws ServiceError INVALID_ARGUMENT when the path is not percent-encoded UTF-8
   */
  match(host: string, httpMethod: string, path: string): CompositeMatch {
    const allowed = new Set<string>();
    for (const hostname of hostnamesFor(host)) {
      const found = this.routers.get(hostname)?.match(httpMethod, path);
      if (found?.kind === 'found')
        return { kind: 'found', composite: found.target, values: found.values };
      if (found?.kind === 'method-unknown') for (const method of found.allowed) allowed.add(method);
    }
    return allowed.size === 0
      ? undefined
      : { kind: 'method-unknown', allowed: [...allowed].sort() };
  }

  private note(
    hostname: string,
    composite: CompiledComposite,
    byHost: Map<string, CompiledComposite[]>,
  ): void {
    const own = byHost.get(hostname) ?? [];
    byHost.set(hostname, [...own, composite]);
    const shape = shapeOf(composite);
    const holder = own.find((other) => shapeOf(other) === shape);
    if (holder === undefined) return;
    const { document } = composite;
    const message = `${hostname || 'any host'} ${pathText(composite)} has ${holder.document} already`;
    this.conflicts.set(document, [
      ...(this.conflicts.get(document) ?? []),
      { reason: 'Conflicted', message },
    ]);
  }
}

/** A composite on one line: what it takes, and what it asks, such as `* GET /v1/overview/{name} → greeting helloworld.Greeter/SayHello`. */
export function compositeLine(composite: CompiledComposite): string {
  const hosts = composite.hostnames.map((hostname) => hostname || '*').join(',');
  const { timeoutMs, transcoding } = composite;
  const notes = [
    timeoutMs && `at most ${formatDuration(timeoutMs)}`,
    ...(transcoding === undefined ? [] : transcodingTexts(transcoding)),
  ].filter((note) => note !== undefined);
  const note = notes.length === 0 ? '' : ` {${notes.join(', ')}}`;
  const parts = composite.parts.map(partText).join(', ');
  return `${hosts} ${pathText(composite)} → ${parts}${note} (${composite.document})`;
}

/** What a part is, such as `greeting helloworld.Greeter/SayHello {optional, at most 1s}`. */
export function partText(part: CompiledPart): string {
  const { name, grpcService, method, optional, timeoutMs, cache, needs } = part;
  const notes = [
    optional ? 'optional' : undefined,
    timeoutMs && `at most ${formatDuration(timeoutMs)}`,
    cache && `kept ${formatDuration(cache.ttlMs)}`,
    needs.length === 0 ? undefined : `after ${needs.join(' and ')}`,
  ].filter((note) => note !== undefined);
  const note = notes.length === 0 ? '' : ` {${notes.join(', ')}}`;
  return `${name} ${grpcService}/${method}${note}`;
}

/** HTTP method and path. */
export function pathText({ httpMethod, template }: Routable): string {
  return `${httpMethod} ${template.text}`;
}

function compileComposite(
  { spec }: CompositeRouteDocument,
  id: string,
  transcoding: TranscodeSettings | undefined,
): CompiledComposite {
  const parts = spec.parts.map(compilePart);
  const { hostnames = [] } = spec;
  return {
    document: id,
    hostnames: hostnames.length === 0 ? [anyHostname] : [...new Set(hostnames)],
    httpMethod: spec.method,
    template: parsePathTemplate(spec.path),
    timeoutMs: inMs(spec.timeout),
    parts,
    references: parts.flatMap(({ template }) => referencesIn(template)),
    transcoding,
  };
}

function compilePart({
  name,
  call,
  request,
  timeout,
  optional,
  cache,
}: CompositePart): CompiledPart {
  const template = templateOf(request);
  const needs = referencesIn(template).flatMap(({ source, path }) =>
    source === 'parts' ? (path[0] ?? []) : [],
  );
  const { grpcService = '', method = '' } = parseGrpcPath(`/${call}`) ?? {};
  return {
    name,
    grpcService,
    method,
    template,
    needs: [...new Set(needs)],
    timeoutMs: inMs(timeout),
    optional,
    cache: cache && {
      ttlMs: inMs(cache.ttl) ?? 0,
      bytesMax: cache.maxBytes,
      keyHeaders: cache.keyHeaders,
    },
  };
}

/** What a path is without the names of its variables. */
function shapeOf({ httpMethod, template }: Routable): string {
  const segments = template.segments.map((one) => (one.kind === 'literal' ? [one.text] : one.kind));
  return JSON.stringify([httpMethod, template.verb, segments]);
}

function inMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}
