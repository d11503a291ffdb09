import { gateway } from '@raftway/contracts';
import { toMilliseconds } from '@raftway/service-kit';
import { formatDuration } from '@raftway/config';
import type { Style } from '../command/style';
import { table } from '../command/table';
import { trafficLines } from './render-traffic';

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
    ...backends.flatMap(({ service, instances, grpcServices, circuit }) => {
      const serves = grpcServices.join(', ') || '-';
      if (instances.length === 0) return [[service, '-', '-', '-', 'no live instance', serves]];
      return instances.map((instance) => [
        service,
        instance.instanceId,
        instance.address,
        String(instance.weight),
        stateText(instance, circuit),
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

/** A new API key. */
export function renderApiKey(id: string, key: string, sha256: string): string {
  return [
    `key       ${key}`,
    `document  { id: ${JSON.stringify(id)}, sha256: ${sha256} }`,
    `file      ${id} ${sha256}`,
  ].join('\n');
}

/** What becomes of a call, and why. */
export function renderExplanation(answer: gateway.ExplainCallResponse, style: Style): string {
  const { considered, route, local, timeoutMax, timeoutDefault, timeoutIdle } = answer;
  const { parts, transcoding } = answer;
  if (local && considered.length === 0)
    return [
      'The gateway answers this itself.',
      ...securityLines(answer),
      ...refusalLines(answer, style),
    ].join('\n');
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
  for (const one of answer.backends) lines.push(...explainedLines(one, style));
  const times = [
    timeoutDefault && `${durationText(timeoutDefault)} without a deadline`,
    timeoutMax && `at most ${durationText(timeoutMax)}`,
    timeoutIdle && `${durationText(timeoutIdle)} without a byte`,
  ].filter((text) => text !== undefined);
  if (times.length > 0) lines.push(`time      ${times.join(', ')}`);
  for (const { part, call } of parts) {
    lines.push(`part      ${part}`);
    const text = call === undefined ? '' : renderExplanation(call, style);
    lines.push(...text.split('\n').map((line) => `          ${line}`));
  }
  if (transcoding.length > 0) lines.push(`web       ${transcoding.join(', ')}`);
  lines.push(...securityLines(answer), ...trafficLines(answer.traffic, style));
  for (const limit of answer.limits) lines.push(`counts    ${limitText(limit)}`);
  lines.push(...refusalLines(answer, style));
  return lines.join('\n');
}

/** Whether an instance gets calls, and why not. */
function stateText({ leftOut }: gateway.BackendInstance, circuit: string): string {
  const states = leftOut.map(leftOutText);
  if (['open', 'half-open'].includes(circuit)) states.push(`circuit ${circuit}`);
  return states.length === 0 ? 'live' : states.join('; ');
}

const leftOutWords: Partial<Record<gateway.LeftOut_Why, string>> = {
  [gateway.LeftOut_Why.SET_ASIDE]: 'set aside',
  [gateway.LeftOut_Why.EJECTED]: 'ejected',
  [gateway.LeftOut_Why.UNHEALTHY]: 'unhealthy',
};

function leftOutText({ why, cause, remaining }: gateway.LeftOut): string {
  const until = remaining === undefined ? '' : `, ${durationText(remaining)} left`;
  return `${leftOutWords[why] ?? 'left out'}: ${cause}${until}`;
}

/** How often a call is made to a backend, and which of its instances get none. */
function explainedLines(one: gateway.ExplainedBackend, style: Style): string[] {
  const { backend, attemptsMax, retryCodes, perTryTimeout, hedgesMax, hedgeAfter } = one;
  if (backend === undefined) return [];
  const lines: string[] = [];
  if (!one.mayRunTwice) {
    if (hedgesMax > 0)
      lines.push(`once      ${backend.service}: not hedged, as nothing says that it may run twice`);
  } else {
    const each = perTryTimeout && `${durationText(perTryTimeout)} each`;
    const hedges = hedgesMax > 0 && `${hedgesMax} beside the first after ${hedgeAfter}`;
    const parts = [`up to ${attemptsMax} attempts after ${retryCodes.join(', ')}`, each, hedges];
    lines.push(
      `again     ${backend.service}: ${parts.filter((part) => part !== false && part !== undefined).join(', ')}`,
    );
  }
  for (const instance of backend.instances) {
    const state = stateText(instance, backend.circuit);
    if (state !== 'live')
      lines.push(`${style.doubtful('not now')}   ${instance.instanceId}: ${state}`);
  }
  return lines;
}

function securityLines({ security, refusalCode }: gateway.ExplainCallResponse): string[] {
  if (security === undefined) return [];
  const { policy, identityType, principal, rule, asksAuthorizer } = security;
  const who =
    identityType === '' ? 'does not know who calls' : `${identityType} ${principal}`.trimEnd();
  const by = rule === '' ? '' : `, rule ${rule}`;
  const asks =
    asksAuthorizer && refusalCode === '' ? ['          and asks its external authorization'] : [];
  return [`security  ${policy}: ${who}${by}`, ...asks];
}

function limitText({ kind, name, owner, limit, key, shared, cost, priority }: gateway.CallLimit) {
  if (kind === gateway.LimitKind.CONCURRENCY)
    return `as one of the calls under way of ${key}: ${limit}, as ${priority} (${owner})`;
  const title = kind === gateway.LimitKind.QUOTA ? 'quota' : 'rate limit';
  const price = cost === 0 ? 'not at all' : String(cost);
  const scope = shared ? 'of all gateways' : 'of each gateway';
  return `${price} against the ${title} ${name}: ${limit}, for ${key}, ${scope} (${owner})`;
}

function refusalLines(answer: gateway.ExplainCallResponse, style: Style): string[] {
  const { refusalCode, refusalReason, refusalMessage } = answer;
  if (refusalCode === '') return [];
  return [style.bad(`refused   ${refusalCode} ${refusalReason}: ${refusalMessage}`)];
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
