import { type BackendLoadBalancing } from '../backend';
import { type RoutePolicy } from '../protection';
import { namespaceOf } from './attachment';
import { type Fault } from './conditions';
import { type SourcedDocument } from './document-set';
import { type BackendPolicyDocument, type TrafficPolicyDocument } from './kinds/policies';
import { type SecurityPolicyDocument } from './kinds/security-policy';
import { type PolicyLimits } from '../limits/limit-settings';
import { compileTrafficLimits } from './policies/traffic-limits';
import { compileFault, type FaultInjection } from './policies/fault';
import { type TranscodePolicyDocument } from './kinds/transcode-policy';
import { compileLoadBalancing } from './policies/load-balancing';
import {
  compileProtection,
  compileRoutePolicy,
  type ProtectionPolicy,
} from './policies/protection';
import { compileTimeouts, type Timeouts } from './policies/timeouts';
import { compileTranscoding, type TranscodeSettings } from './policies/transcoding';

/** What a BackendPolicy says of a registered service. */
export interface BackendSettings {
  readonly timeouts: Timeouts | undefined;
  /** What is other than in the gateway's options; undefined for nothing. */
  readonly loadBalancing: Partial<BackendLoadBalancing> | undefined;
  readonly protection: ProtectionPolicy | undefined;
  /** What holds for a route or a rule that it names. */
  readonly route: RoutePolicy | undefined;
}

/** What a TrafficPolicy says of a Gateway, a route or a rule. */
export interface TrafficSettings {
  readonly timeouts: Timeouts | undefined;
  readonly limits: PolicyLimits | undefined;
  readonly fault: FaultInjection | undefined;
}

type PolicyDocument =
  BackendPolicyDocument | TrafficPolicyDocument | SecurityPolicyDocument | TranscodePolicyDocument;

/** Policies by what they are attached to. One target takes one policy of a kind: the oldest. */
export class PolicyIndex<Document extends PolicyDocument, Settings> {
  private readonly byTarget = new Map<string, { settings: Settings; id: string }>();
  private readonly conflicts = new Map<string, Fault[]>();

  /** @param sources in the order in which they count. */
  constructor(
    sources: readonly SourcedDocument<Document>[],
    compile: (policy: Document, id: string) => Settings,
  ) {
    for (const { document, id } of sources) {
      const settings = compile(document, id);
      for (const key of targetKeys(document)) {
        const holder = this.byTarget.get(key);
        if (holder === undefined) this.byTarget.set(key, { settings, id });
        else
          this.conflicts.set(id, [
            ...(this.conflicts.get(id) ?? []),
            { reason: 'Conflicted', message: `${key} has ${holder.id} already` },
          ]);
      }
    }
  }

  get(key: string): Settings | undefined {
    return this.byTarget.get(key)?.settings;
  }

  /** Targets and what holds for them. */
  entries(): (readonly [key: string, settings: Settings])[] {
    return [...this.byTarget].map(([key, { settings }]) => [key, settings]);
  }

  /** What a policy does not hold for, because another one does or because there is no such thing. */
  faultsOf({ document, id }: SourcedDocument<Document>, exists: (key: string) => boolean): Fault[] {
    const missing = targetKeys(document)
      .filter((key) => !exists(key))
      .map((key) => ({ reason: 'TargetNotFound', message: `${key} does not exist` }));
    return [...(this.conflicts.get(id) ?? []), ...missing];
  }
}

/** What each kind of policy compiles to; a further part of policies gets its line here. */
export function compileBackendPolicy({ spec }: BackendPolicyDocument, id: string): BackendSettings {
  return {
    timeouts: spec.timeouts && compileTimeouts(spec.timeouts),
    loadBalancing: spec.loadBalancing && compileLoadBalancing(spec.loadBalancing),
    protection: compileProtection(spec, id),
    route: compileRoutePolicy(spec),
  };
}

export function compileTrafficPolicy(policy: TrafficPolicyDocument): TrafficSettings {
  const { spec, kind, metadata } = policy;
  const id = `${kind} ${namespaceOf(policy)}/${metadata.name}`;
  return {
    timeouts: spec.timeouts && compileTimeouts(spec.timeouts),
    limits: compileTrafficLimits(spec, id),
    fault: spec.fault && compileFault(id, spec.fault),
  };
}

/** What a policy says that means nothing for one of its targets. */
export function partFaults({ spec }: BackendPolicyDocument): Fault[] {
  if (spec.targetRefs.every(({ kind }) => kind === 'Service')) return [];
  const parts = Object.keys(spec).filter(
    (part) => !['targetRefs', 'retry', 'hedging'].includes(part),
  );
  if (spec.retry?.budget !== undefined) parts.push('retry.budget');
  if (parts.length === 0) return [];
  const message = `${parts.join(', ')}: not for a route; ${partsWhy}`;
  return [{ reason: 'Invalid', message }];
}

const partsWhy =
  'that is of a Service, however its calls come (timeouts of routes are in a TrafficPolicy)';

export function compileTranscodePolicy(policy: TranscodePolicyDocument): TranscodeSettings {
  const owner = `${policy.kind} ${namespaceOf(policy)}/${policy.metadata.name}`;
  return compileTranscoding(policy.spec, owner);
}

/** `Gateway namespace/name`, `GRPCRoute namespace/name`, `GRPCRoute namespace/name/rule`, `Service name`: registered services have no namespace. */
function targetKeys(document: PolicyDocument): string[] {
  const namespace = namespaceOf(document);
  return document.spec.targetRefs.map((target) => {
    if (target.kind === 'Service') return `Service ${target.name}`;
    const key = `${target.kind} ${namespace}/${target.name}`;
    const section = 'sectionName' in target ? target.sectionName : undefined;
    return section === undefined ? key : `${key}/${section}`;
  });
}
