import { assessGroup, type GroupAssessment } from './assess-group';
import type { GatewayObservation, SuiteObservation } from './observation';
import { bySeverity, type Problem } from './problem';

/** What was seen of a suite, judged. */
export interface SuiteAssessment {
  readonly groups: readonly GroupAssessment[];
  readonly gateway: GatewayObservation | undefined;
  /** Of everything, the most severe first. */
  readonly problems: readonly Problem[];
  /** Somebody answered at all. */
  readonly isReached: boolean;
}

/** Judges a suite. Pure: the same answers mean the same. */
export function assessSuite({ groups, gateway }: SuiteObservation): SuiteAssessment {
  const assessed = groups.map(assessGroup);
  const problems = [
    ...assessed.flatMap((group) => group.problems),
    ...(gateway === undefined ? [] : gatewayProblems(gateway)),
  ];
  const isReached =
    assessed.some(({ health }) => health !== 'unreachable') ||
    (gateway !== undefined && gateway.unreachable === undefined);
  return { groups: assessed, gateway, problems: bySeverity(problems), isReached };
}

function gatewayProblems(gateway: GatewayObservation): Problem[] {
  const subject = 'gateway';
  if (gateway.unreachable !== undefined) {
    const fact = `it cannot be reached at ${gateway.address} (${gateway.unreachable})`;
    const remedy = 'Start it, or name its address with --gateway.';
    return [{ severity: 'error', subject, fact, remedy }];
  }
  if (!gateway.isServing) {
    const fact = 'it answers, and says that it is not serving';
    const remedy = 'It drains, or has not heard from the registry yet: look at its log.';
    return [{ severity: 'error', subject, fact, remedy }];
  }
  const dead = gateway.services.filter(({ isServing }) => !isServing).map(({ name }) => name);
  if (dead.length === 0) return [];
  const fact = `it has no live instance of ${dead.join(', ')}`;
  const remedy = 'Start one; instances register themselves.';
  return [{ severity: 'error', subject, fact, remedy }];
}
