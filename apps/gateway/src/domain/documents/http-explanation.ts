import { type HttpTarget, type PathChange } from './compile-http-route';
import { type HttpEntry } from './http-route-index';

/** What an entry asks of a request's method, path and query, such as `GET /v1/orders/* ?dry=1`. */
export function httpMatchText({ path, httpMethod, query }: HttpEntry<unknown>): string {
  const parameters = query.map(({ name, value }) => `?${name}=${value}`);
  const pathText = path.type === 'exact' ? path.value : `${path.value}/*`;
  return [httpMethod || '*', pathText, ...parameters].join(' ');
}

/** What a rule does with a request before it is a call; '' for nothing. */
export function httpActionText({ redirect, rewrite }: HttpTarget): string {
  if (redirect !== undefined) {
    const { statusCode, scheme, hostname, port, path } = redirect;
    const parts = [scheme, hostname, port, path && pathChangeText(path)];
    return `redirect ${[statusCode, ...parts].filter((part) => part !== undefined).join(' ')}`;
  }
  if (rewrite === undefined) return '';
  const { hostname, path } = rewrite;
  const parts = [hostname, path && pathChangeText(path)].filter((part) => part !== undefined);
  return `rewrite ${parts.join(' ')}`;
}

function pathChangeText({ kind, path }: PathChange): string {
  return kind === 'full' ? `to ${path}` : `prefix to ${path}`;
}
