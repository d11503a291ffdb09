import type { Style } from '../command/style';
import { table } from '../command/table';
import type { GroupAssessment, GroupHealth, ReplicaAssessment } from '../suite/assess-group';
import type { SuiteAssessment } from '../suite/assess-suite';
import type { GatewayObservation } from '../suite/observation';
import type { Problem, Severity } from '../suite/problem';

const COLUMNS = [
  'REPLICA',
  'ADDRESS',
  'ROLE',
  'PART',
  'TERM',
  'COMMITTED',
  'APPLIED',
  'BEHIND',
  'HEALTH',
];
const NAME_WIDTH = 14;
const INDENT = '  ';

/** A suite on one screen: each group with its replicas, the gateway, and what is wrong in words. */
export function renderStatus(suite: SuiteAssessment, style: Style): string {
  const parts = suite.groups.map((group) => renderGroup(group, style));
  if (suite.gateway !== undefined) parts.push(renderGateway(suite.gateway, style));
  parts.push(renderProblems(suite.problems, style));
  return parts.join('\n\n');
}

function renderGroup(group: GroupAssessment, style: Style): string {
  const { name, health, leader, term, voters, votersAnswering } = group;
  const answering = `${votersAnswering} of ${voters} voters ${votersAnswering === 1 ? 'answers' : 'answer'}`;
  const facts = {
    unreachable: 'nobody answers',
    leaderless: `no leader, ${answering}`,
    stalled: `leader ${leader?.name}, term ${term}, ${answering}`,
    degraded: `leader ${leader?.name}, term ${term}, ${answering}`,
    healthy: `leader ${leader?.name}, term ${term}, ${answering}`,
  }[health];
  const rows = group.replicas.map((replica) => cellsOf(replica, style));
  const heading = `${style.strong(name.padEnd(NAME_WIDTH))}${markHealth(health, style)}  ${facts}`;
  return `${heading}\n${table([COLUMNS, ...rows], INDENT)}`;
}

function markHealth(health: GroupHealth, style: Style): string {
  if (health === 'healthy') return style.good(health);
  return health === 'degraded' ? style.doubtful(health) : style.bad(health);
}

function cellsOf(replica: ReplicaAssessment, style: Style): string[] {
  const { name, address, facts, behind } = replica;
  if (facts === undefined) {
    return [name, address, ...Array<string>(6).fill('-'), style.bad(replica.unreachable ?? '-')];
  }
  return [
    name,
    address,
    facts.role,
    facts.standing,
    String(facts.term),
    String(facts.commitIndex),
    String(facts.appliedIndex),
    behind === undefined ? '-' : String(behind),
    healthOf(replica, style),
  ];
}

function healthOf({ facts, isServing, notReady }: ReplicaAssessment, style: Style): string {
  if (facts?.isDiskFull === true) return style.bad('disk full');
  if (notReady.length > 0) return style.bad('not ready');
  if (isServing === undefined) return style.doubtful('did not say');
  return isServing ? style.good('serving') : style.bad('not serving');
}

function renderGateway(gateway: GatewayObservation, style: Style): string {
  const { address, unreachable, isServing, services } = gateway;
  const title = style.strong('gateway'.padEnd(NAME_WIDTH));
  if (unreachable !== undefined) {
    return `${title}${style.bad('unreachable')}  ${address}, ${unreachable}`;
  }
  const state = (one: boolean): string => (one ? style.good('serving') : style.bad('not serving'));
  const rows = services.map((service) => [service.name, state(service.isServing)]);
  const routes = rows.length === 0 ? `${INDENT}It routes nothing.` : table(rows, INDENT);
  return `${title}${state(isServing)}  ${address}\n${routes}`;
}

/** What is wrong, each with what to do about it. */
export function renderProblems(problems: readonly Problem[], style: Style): string {
  if (problems.length === 0) return style.good('Nothing is wrong.');
  return problems
    .map(({ severity, subject, fact, remedy }) => {
      const mark = markSeverity(severity, style);
      return `${mark} ${style.strong(subject)}: ${fact}.\n${' '.repeat(8)}${remedy}`;
    })
    .join('\n');
}

/** A severity in a column of its own. */
function markSeverity(severity: Severity, style: Style): string {
  const text = severity.padEnd(7);
  if (severity === 'error') return style.bad(text);
  return severity === 'warning' ? style.doubtful(text) : style.faint(text);
}
