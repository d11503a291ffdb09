import { invalidArgument } from '@raftway/errors';
import { type PathTemplate, type TemplateVariable } from './path-template';

/** Segments of a path that is looked up, at most. */
const segmentsMax = 256;

/** Something that is reached by an HTTP method and a path. */
export interface Routable {
  /** Upper case; `*` for any. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
}

/** The value of a path variable. */
export interface PathValue {
  readonly variable: TemplateVariable;
  /** Decoded; where the variable has several segments, `%2F` is left as it came. */
  readonly text: string;
}

/** What a path leads to. */
export type RouteMatch<Target> =
  | { readonly kind: 'found'; readonly target: Target; readonly values: readonly PathValue[] }
  /** The path exists, with these methods. */
  | { readonly kind: 'method-unknown'; readonly allowed: readonly string[] }
  | { readonly kind: 'path-unknown' };

/** Verb → HTTP method → target. */
type Ends<Target> = Map<string, Map<string, Target>>;

class Node<Target> {
  readonly literals = new Map<string, Node<Target>>();
  any: Node<Target> | undefined;
  readonly ends: Ends<Target> = new Map();
  /** Behind `**`. */
  readonly restEnds: Ends<Target> = new Map();
}

/**
 * Finds what an HTTP method and a path lead to.
 *
 * A tree of segments: a literal goes before `*`, and that before `**`, with steps back, so that the most special template whose HTTP method
 * fits wins. A template's node has one depth, so a look-up visits no node twice. Of two rules with the same method and the same shape the
 * one that was added last wins.
 */
export class Router<Target extends Routable> {
  private readonly root = new Node<Target>();

  /** @param targets in order: later ones win */
  constructor(
    targets: Iterable<Target>,
    private readonly fullyDecode = false,
  ) {
    for (const target of targets) this.add(target);
  }

  /**
   * Looks a request's path up.
   *
   * @param path as it came, without the query
   * @throws ServiceError INVALID_ARGUMENT when the path is not percent-encoded UTF-8
   */
  match(httpMethod: string, path: string): RouteMatch<Target> {
    const allowed = new Set<string>();
    if (!path.startsWith('/')) return { kind: 'path-unknown' };
    const raw = path.slice(1).split('/');
    if (raw.length > segmentsMax) return { kind: 'path-unknown' };
    const found =
      this.withVerb(httpMethod, raw, allowed) ?? this.find(httpMethod, raw, '', allowed);
    if (found !== undefined) return found;
    return allowed.size === 0
      ? { kind: 'path-unknown' }
      : { kind: 'method-unknown', allowed: [...allowed].sort() };
  }

  private add(target: Target): void {
    const { segments, verb } = target.template;
    let node = this.root;
    let isRest = false;
    for (const segment of segments) {
      if (segment.kind === 'rest') isRest = true;
      else if (segment.kind === 'any') node = node.any ??= new Node<Target>();
      else {
        let next = node.literals.get(segment.text);
        if (next === undefined) node.literals.set(segment.text, (next = new Node<Target>()));
        node = next;
      }
    }
    const ends = isRest ? node.restEnds : node.ends;
    let methods = ends.get(verb);
    if (methods === undefined) ends.set(verb, (methods = new Map<string, Target>()));
    methods.set(target.httpMethod, target);
  }

  /** A colon in the last segment that no rule knows as a verb is part of the segment. */
  private withVerb(
    httpMethod: string,
    raw: readonly string[],
    allowed: Set<string>,
  ): RouteMatch<Target> | undefined {
    const last = raw.at(-1) ?? '';
    const colon = last.lastIndexOf(':');
    if (colon < 0 || colon === last.length - 1) return undefined;
    const shortened = [...raw.slice(0, -1), last.slice(0, colon)];
    return this.find(httpMethod, shortened, decode(last.slice(colon + 1)), allowed);
  }

  private find(
    httpMethod: string,
    raw: readonly string[],
    verb: string,
    allowed: Set<string>,
  ): RouteMatch<Target> | undefined {
    const decoded = raw.map(decode);
    const search = (node: Node<Target>, depth: number): Target | undefined => {
      if (depth === decoded.length) {
        const target = pick(node.ends, verb, httpMethod, allowed);
        if (target !== undefined) return target;
      } else {
        const segment = decoded[depth] ?? '';
        const next = node.literals.get(segment);
        const byLiteral = next && search(next, depth + 1);
        if (byLiteral !== undefined) return byLiteral;
        const byAny = segment === '' || !node.any ? undefined : search(node.any, depth + 1);
        if (byAny !== undefined) return byAny;
      }
      return pick(node.restEnds, verb, httpMethod, allowed);
    };
    const target = search(this.root, 0);
    if (target === undefined) return undefined;
    const values = target.template.variables.map((variable) => ({
      variable,
      text: this.valueOf(variable, raw),
    }));
    return { kind: 'found', target, values };
  }

  private valueOf({ start, end }: TemplateVariable, raw: readonly string[]): string {
    if (end === start + 1) return decode(raw[start] ?? '');
    const parts = raw.slice(start, end);
    return parts.map(this.fullyDecode ? decode : decodeButSlash).join('/');
  }
}

function pick<Target>(
  ends: Ends<Target>,
  verb: string,
  httpMethod: string,
  allowed: Set<string>,
): Target | undefined {
  const methods = ends.get(verb);
  if (methods === undefined) return undefined;
  const target = methods.get(httpMethod) ?? methods.get('*');
  if (target === undefined) for (const method of methods.keys()) allowed.add(method);
  return target;
}

function decodeButSlash(segment: string): string {
  return segment
    .split(/(%2[Ff])/)
    .map((part, index) => (index % 2 === 1 ? part : decode(part)))
    .join('');
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw invalidArgument({
      field: 'path',
      description: `must be percent-encoded UTF-8, got ${JSON.stringify(segment.slice(0, 64))}`,
    });
  }
}
