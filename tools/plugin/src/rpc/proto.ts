import { capitalized } from '../names';
import type { Stream } from './streams';

/** Adds a method to the file's first service, and its messages behind everything. @throws Error when there is no service. */
export function appendRpc(proto: string, method: string, kind: Stream): string {
  const service = /^service \w+ \{\n[^]*?^\}/m.exec(proto);
  if (service === null) throw new Error('it has no service');
  const end = service.index + service[0].length - 1;
  const rpc = [
    `  // ${capitalized(kind.summary)}.`,
    `  rpc ${method}(${kind.request}${method}Request) returns (${kind.response}${method}Response);`,
    '',
  ].join('\n');
  const messages = [
    '',
    `message ${method}Request {`,
    '  // 1 to 1024 characters.',
    '  string text = 1;',
    '}',
    '',
    `message ${method}Response {`,
    '  // The answer.',
    '  string text = 1;',
    '}',
    '',
  ].join('\n');
  return `${proto.slice(0, end)}${rpc}${proto.slice(end).trimEnd()}\n${messages}`;
}
