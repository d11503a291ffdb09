import { type BackendLoadBalancing } from '../backend';
import { namespaceOf } from './attachment';
import { type Fault } from './conditions';
import { type SourcedDocument } from './document-set';
import { type BackendPolicyDocument, type TrafficPolicyDocument } from './kinds/policies';
import { type TranscodePolicyDocument } from './kinds/transcode-policy';
import { compileLoadBalancing } from './policies/load-balancing';
import { compileTimeouts, type Timeouts } from './policies/timeouts';
import { compileTranscoding, type TranscodeSettings } from './policies/transcoding';

/** What a BackendPolicy says of a registered service. */
export interface BackendSettings {
  readonly timeouts: Timeouts | undefined;
  /** What is other than in the gateway's options; undefined for nothing. */
  readonly loadBalancing: Partial<BackendLoadBalancing> | undefined;
}

/** What a TrafficPolicy says of a Gateway, a route or a rule. */
export interface TrafficSettings {
  readonly timeouts: Timeouts | undefined;
}

type PolicyDocument = BackendPolicyDocument | TrafficPolicyDocument | TranscodePolicyDocument;

/** Policies by what they are attached to. One target takes one policy of a kind: the oldest. */
export class PolicyIndex<Document extends PolicyDocument, Settings> {
  private readonly byTarget = new Map<string, { settings: Settings; id: string }>();
  private readonly conflicts = new Map<string, Fault[]>();

  /** @param sources in the order in which they count. */
  constructor(
    sources: readonly SourcedDocument<Document>[],
    compile: (policy: Document) => Settings,
  ) {
    for (const { document, id } of sources) {
      const settings = compile(document);
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
export function compileBackendPolicy({ spec }: BackendPolicyDocument): BackendSettings {
  return {
    timeouts: spec.timeouts && compileTimeouts(spec.timeouts),
    loadBalancing: spec.loadBalancing && compileLoadBalancing(spec.loadBalancing),
  };
}

export function compileTrafficPolicy({ spec }: TrafficPolicyDocument): TrafficSettings {
  return { timeouts: spec.timeouts && compileTimeouts(spec.timeouts) };
}

export function compileTranscodePolicy(policy: TranscodePolicyDocument): TranscodeSettings {
  const owner = `${policy.kind} ${namespaceOf(policy)}/${policy.metadata.name}`;
  return compileTranscoding(policy.spec, owner);
}

/** `Gateway namespace/name`, `GRPCRoute namespace/name`, `GRPCRoute namespace/name/rule`, `Service name`: registered services have no namespace. */
function targetKeys(document: PolicyDocument): string[] {
  if (document.kind === 'BackendPolicy')
    return document.spec.targetRefs.map(({ name }) => `Service ${name}`);
  const namespace = namespaceOf(document);
  return document.spec.targetRefs.map((target) => {
    if (target.kind === 'Service') return `Service ${target.name}`;
    const key = `${target.kind} ${namespace}/${target.name}`;
    const section = 'sectionName' in target ? target.sectionName : undefined;
    return section === undefined ? key : `${key}/${section}`;
  });
}
