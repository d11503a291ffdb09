/*
 * Path templates of google.api.http.
 *
 *   Template  = "/" Segments [ ":" LITERAL ]
 *   Segments  = Segment { "/" Segment }
 *   Segment   = "*" | "**" | LITERAL | Variable
 *   Variable  = "{" FieldPath [ "=" Segments ] "}"
 *
 * "**" is the last segment if it is there at all, and a variable has none within it. Source: google/api/http.proto of googleapis.
 */

/** What one segment of a path has to be. */
export type TemplateSegment =
  | { readonly kind: 'literal'; /** Percent-decoded. */ readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'rest' };

/** The part of a path that a field is read from. */
export interface TemplateVariable {
  /** Names of fields from the request inwards, such as `['book', 'name']`. */
  readonly fieldPath: readonly string[];
  /** Index of its first segment. */
  readonly start: number;
  /** Index behind its last one; undefined when it takes all that follow. */
  readonly end: number | undefined;
}

/** A template, taken apart. */
export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly TemplateSegment[];
  readonly variables: readonly TemplateVariable[];
  /** The custom verb behind the last colon; empty when there is none. */
  readonly verb: string;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** RFC 3986's pchar without the colon, `*` and percent-encoding, which is looked at apart. */
const literal = /^(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+$/;

/**
 * Parses a template.
 *
 * @throws Error that says what is wrong with it, and where
 */
export function parsePathTemplate(text: string): PathTemplate {
  return new TemplateParser(text).parse();
}

class TemplateParser {
  private readonly segments: TemplateSegment[] = [];
  private readonly variables: TemplateVariable[] = [];

  constructor(private readonly text: string) {}

  parse(): PathTemplate {
    const { text } = this;
    if (!text.startsWith('/')) this.fail('must begin with "/"');
    const { path, verb } = this.splitVerb();
    for (const part of this.split(path.slice(1))) {
      if (part.startsWith('{')) this.takeVariable(part);
      else this.takeSegment(part);
    }
    const rest = this.segments.findIndex(({ kind }) => kind === 'rest');
    if (rest >= 0 && rest < this.segments.length - 1) this.fail('has "**" before its end');
    return { text, segments: this.segments, variables: this.variables, verb };
  }

  /** A colon within a variable's braces is an error that the segment reports. */
  private splitVerb(): { path: string; verb: string } {
    const colon = this.text.lastIndexOf(':');
    if (colon < 0 || colon < this.text.lastIndexOf('}')) return { path: this.text, verb: '' };
    const verb = this.text.slice(colon + 1);
    if (!literal.test(verb)) this.fail(`has the verb ${JSON.stringify(verb)}`);
    return { path: this.text.slice(0, colon), verb: this.decode(verb) };
  }

  /** Parts between slashes, those within braces aside. */
  private split(path: string): string[] {
    const parts: string[] = [];
    let part = '';
    let depth = 0;
    for (const character of path) {
      if (character === '{') depth += 1;
      if (character === '}') depth -= 1;
      if (depth < 0 || depth > 1)
        this.fail('has braces that do not match, or one variable within another');
      if (character === '/' && depth === 0) {
        parts.push(part);
        part = '';
      } else part += character;
    }
    if (depth !== 0) this.fail('has a brace that is not closed');
    return [...parts, part];
  }

  private takeVariable(part: string): void {
    if (!part.endsWith('}'))
      this.fail(`has ${JSON.stringify(part)}, which is more than a variable`);
    const inner = part.slice(1, -1);
    const equals = inner.indexOf('=');
    const path = equals < 0 ? inner : inner.slice(0, equals);
    const fieldPath = path.split('.');
    if (!fieldPath.every((name) => identifier.test(name)))
      this.fail(`has the field path ${JSON.stringify(path)}`);
    if (this.variables.some((other) => other.fieldPath.join('.') === path))
      this.fail(`has the field ${path} twice`);
    const start = this.segments.length;
    for (const segment of (equals < 0 ? '*' : inner.slice(equals + 1)).split('/'))
      this.takeSegment(segment);
    const isOpen = this.segments.at(-1)?.kind === 'rest';
    this.variables.push({ fieldPath, start, end: isOpen ? undefined : this.segments.length });
  }

  private takeSegment(part: string): void {
    if (part === '*') this.segments.push({ kind: 'any' });
    else if (part === '**') this.segments.push({ kind: 'rest' });
    else if (literal.test(part)) this.segments.push({ kind: 'literal', text: this.decode(part) });
    else
      this.fail(part === '' ? 'has an empty segment' : `has the segment ${JSON.stringify(part)}`);
  }

  private decode(part: string): string {
    try {
      return decodeURIComponent(part);
    } catch {
      return this.fail(`has ${JSON.stringify(part)}, which is no UTF-8`);
    }
  }

  private fail(what: string): never {
    throw new Error(`the path template ${JSON.stringify(this.text)} ${what}`);
  }
}
