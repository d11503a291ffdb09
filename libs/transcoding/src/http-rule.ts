import { type DescMethod } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';

/** One HTTP method and path of a gRPC method, as its proto says. */
export interface HttpRule {
  /** Upper case, such as GET; `*` for any. */
  readonly httpMethod: string;
  readonly path: string;
  /** `*`, a field of the request, or empty for no body. */
  readonly body: string;
  /** A field of the response, or empty for all of it. */
  readonly responseBody: string;
}

/** RFC 9110's token, of letters that the standard methods have. */
const httpMethod = /^(?:[A-Z]+(?:-[A-Z]+)*|\*)$/;
/** The number of the option `google.api.http`. */
const httpOption = 72_295_728;
/** Names of the pattern's fields by number; source: google/api/http.proto. */
const patterns: Readonly<Record<number, string>> = {
  2: 'GET',
  3: 'PUT',
  4: 'POST',
  5: 'DELETE',
  6: 'PATCH',
};

interface RuleParts {
  httpMethod: string;
  path: string;
  body: string;
  responseBody: string;
  additional: RuleParts[];
}

/**
 * The rules of a method, its additional bindings included; empty when it has no `google.api.http`.
 *
 * Read from the option's bytes, so that nobody has to know the extension: a descriptor keeps what it does not know.
 *
 * @throws Error for additional bindings within additional bindings, or bytes that are no HttpRule
 */
export function httpRulesOf(method: DescMethod): HttpRule[] {
  const option = method.proto.options?.$unknown?.filter(({ no }) => no === httpOption) ?? [];
  if (option.length === 0) return [];
  const parts = emptyRule();
  // Parts of one message may come apart, and are merged in their order (protobuf's encoding).
  for (const { data } of option) readRule(new BinaryReader(data).bytes(), parts);
  for (const { additional } of parts.additional)
    if (additional.length > 0) throw new Error('additional_bindings have additional_bindings');
  return [parts, ...parts.additional].map(({ additional: _additional, ...rule }) => {
    if (!httpMethod.test(rule.httpMethod))
      throw new Error(`a rule with the HTTP method ${JSON.stringify(rule.httpMethod)}`);
    if (rule.path === '') throw new Error('a rule of google.api.http without a path');
    return rule;
  });
}

function emptyRule(): RuleParts {
  return { httpMethod: '', path: '', body: '', responseBody: '', additional: [] };
}

function readRule(bytes: Uint8Array, rule: RuleParts): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const pattern = patterns[field];
    if (pattern !== undefined) {
      rule.httpMethod = pattern;
      rule.path = reader.string();
    } else if (field === 7) rule.body = reader.string();
    else if (field === 8) readCustomPattern(reader.bytes(), rule);
    else if (field === 11) {
      const additional = emptyRule();
      readRule(reader.bytes(), additional);
      rule.additional.push(additional);
    } else if (field === 12) rule.responseBody = reader.string();
    else reader.skip(wireType, field);
  }
}

function readCustomPattern(bytes: Uint8Array, rule: RuleParts): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) rule.httpMethod = reader.string().toUpperCase();
    else if (field === 2) rule.path = reader.string();
    else reader.skip(wireType, field);
  }
}
