import { gateway } from '@raftway/contracts';
import { toMilliseconds } from '@raftway/service-kit';
import { formatDuration } from '@raftway/config';
import type { Style } from '../command/style';
import { table } from '../command/table';

const changeMarks: Partial<Record<gateway.ChangeKind, string>> = {
  [gateway.ChangeKind.ADDED]: '+',
  [gateway.ChangeKind.CHANGED]: '~',
  [gateway.ChangeKind.REMOVED]: '-',
};

/** Routes for people, the rules of documents first. */
export function renderRoutes(routes: readonly gateway.Route[]): string {
  if (routes.length === 0) return 'There is no route.';
  return table([
    ['HOST', 'CALL', 'HEADERS', 'TO', 'BY'],
    ...routes.map((route) => [
      route.hostname || '*',
      callOf(route),
      route.headers.join(', ') || '-',
      whereText(route),
      ruleText(route),
    ]),
  ]);
}

/** Backends for people. */
export function renderBackends(backends: readonly gateway.Backend[]): string {
  if (backends.length === 0) return 'No service is known.';
  return table([
    ['SERVICE', 'INSTANCE', 'ADDRESS', 'WEIGHT', 'STATE', 'SERVES BY REGISTRATION'],
    ...backends.flatMap(({ service, instances, grpcServices }) => {
      const serves = grpcServices.join(', ') || '-';
      if (instances.length === 0) return [[service, '-', '-', '-', 'no live instance', serves]];
      return instances.map(({ instanceId, address, weight, setAside }) => [
        service,
        instanceId,
        address,
        String(weight),
        setAside ? 'set aside' : 'live',
        serves,
      ]);
    }),
  ]);
}

/** Documents with their conditions; of those that hold only the exceptions have a message. */
export function renderDocuments(documents: readonly gateway.Document[], style: Style): string {
  if (documents.length === 0) return 'There are no documents: calls go where instances register.';
  return documents
    .flatMap(({ document, where, conditions }) => [
      `${style.strong(document)}  ${style.faint(where)}`,
      ...conditions.map((one) => `  ${conditionText(one, style)}`),
    ])
    .join('\n');
}

/** What a set of documents changes, or has changed. */
export function renderChanges(
  answer: gateway.ApplyDocumentsResponse,
  dryRun: boolean,
  style: Style,
): string {
  const { documents, removedRoutes, addedRoutes, statuses, generation } = answer;
  const failing = statuses.filter(({ conditions }) => conditions.some(({ status }) => !status));
  const lines = [
    ...documents.map(({ document, change }) => `${changeMarks[change] ?? '?'} ${document}`),
    ...removedRoutes.map((route) => style.bad(`  - ${route}`)),
    ...addedRoutes.map((route) => style.good(`  + ${route}`)),
    ...(failing.length === 0 ? [] : ['', renderDocuments(failing, style)]),
    '',
    dryRun
      ? `${countText(documents.length)}; nothing has been changed (--dry-run).`
      : `${countText(documents.length)}; the gateway routes by generation ${generation}.`,
  ];
  return lines.join('\n').replace(/^\n/, '');
}

/** What becomes of a call, and why. */
export function renderExplanation(answer: gateway.ExplainCallResponse, style: Style): string {
  const { considered, route, local, timeoutMax, timeoutDefault, parts, transcoding } = answer;
  if (local && considered.length === 0) return 'The gateway answers this itself.';
  const lines = considered.map(({ route: rule, taken, why }) => {
    const name = rule === undefined ? '' : ruleText(rule);
    return `${taken ? style.good('takes it') : 'passes  '}  ${name}: ${why}`;
  });
  const action = answer.redirect === '' ? (route?.action ?? '') : `redirect ${answer.redirect}`;
  if (action !== '') lines.push(`does      ${action}`);
  if (answer.grpcMethod !== '') lines.push(`calls     ${answer.grpcMethod}`);
  if (local) lines.push('the gateway answers this itself');
  if (parts.length > 0 && route !== undefined)
    lines.push(`${route.http} is answered by ${ruleText(route)}`);
  else if (considered.every(({ taken }) => !taken) && route !== undefined)
    lines.push('no rule takes it, so it goes where instances register');
  for (const { service, weight, fault, liveInstances } of route?.backends ?? []) {
    const share = `${percentOf(weight, route?.backends ?? [])} of calls`;
    lines.push(
      fault === ''
        ? `to        ${service}: ${share}, ${liveInstances} live instances`
        : `to        ${service}: ${share}, ${style.bad(`refused: ${fault}`)}`,
    );
  }
  const times = [
    timeoutDefault && `${durationText(timeoutDefault)} without a deadline`,
    timeoutMax && `at most ${durationText(timeoutMax)}`,
  ].filter((text) => text !== undefined);
  if (times.length > 0) lines.push(`time      ${times.join(', ')}`);
  for (const { part, call } of parts) {
    lines.push(`part      ${part}`);
    const text = call === undefined ? '' : renderExplanation(call, style);
    lines.push(...text.split('\n').map((line) => `          ${line}`));
  }
  if (transcoding.length > 0) lines.push(`web       ${transcoding.join(', ')}`);
  if (answer.refusalCode !== '')
    lines.push(
      style.bad(
        `refused   ${answer.refusalCode} ${answer.refusalReason}: ${answer.refusalMessage}`,
      ),
    );
  return lines.join('\n');
}

function callOf({ grpcService, method, http }: gateway.Route): string {
  return http || `${grpcService || '*'}/${method || '*'}`;
}

function whereText({ action, backends, parts }: gateway.Route): string {
  if (parts.length > 0) return parts.join(', ');
  const shares = backends.map((one) => backendText(one, backends)).join(', ');
  return [action, shares].filter((text) => text !== '').join(', ') || 'nowhere';
}

function ruleText({ document, rule }: gateway.Route): string {
  if (document === '') return 'registration';
  return rule === '' ? document : `${document}, ${rule}`;
}

function backendText(
  { service, weight, fault, liveInstances }: gateway.RouteBackend,
  all: readonly gateway.RouteBackend[],
): string {
  const share = all.length === 1 ? service : `${service} ${percentOf(weight, all)}`;
  if (fault !== '') return `${share} (refused)`;
  return `${share} (${liveInstances} live)`;
}

function percentOf(weight: number, all: readonly gateway.RouteBackend[]): string {
  const sum = all.reduce((total, one) => total + one.weight, 0);
  return `${sum === 0 ? 0 : Math.round((weight / sum) * 1000) / 10} %`;
}

function conditionText({ type, status, reason, message }: gateway.Condition, style: Style): string {
  if (type === 'FieldsNotUsed') return `${style.doubtful('note')} ${message}`;
  return status
    ? `${style.good('ok  ')} ${type}`
    : `${style.bad('no  ')} ${type}: ${reason}, ${message}`;
}

function durationText(value: NonNullable<gateway.ExplainCallResponse['timeoutMax']>): string {
  return formatDuration(toMilliseconds(value) ?? 0);
}

function countText(count: number): string {
  if (count === 0) return 'No document differs';
  return count === 1 ? 'One document differs' : `${count} documents differ`;
}
