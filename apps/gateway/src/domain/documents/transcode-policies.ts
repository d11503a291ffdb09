import { type CompiledRule } from './compile-route';
import { condition, type Condition } from './conditions';
import { type SourcedDocument } from './document-set';
import { type TranscodePolicyDocument } from './kinds/transcode-policy';
import { combineTranscoding, type TranscodeSettings } from './policies/transcoding';
import { compileTranscodePolicy, PolicyIndex } from './policy-index';
import { servicePrefix } from './sources';

/** The TranscodePolicies of one set of documents. */
export class TranscodePolicies {
  /** By registered service; undefined when there is no policy at all. */
  readonly services: ReadonlyMap<string, TranscodeSettings> | undefined;
  private readonly index: PolicyIndex<TranscodePolicyDocument, TranscodeSettings>;

  /** @param sources in the order in which they count */
  constructor(sources: readonly SourcedDocument<TranscodePolicyDocument>[]) {
    this.index = new PolicyIndex(sources, compileTranscodePolicy);
    const services = this.index
      .entries()
      .filter(([key]) => key.startsWith(servicePrefix))
      .map(([key, settings]) => [key.slice(servicePrefix.length), settings] as const);
    this.services = sources.length === 0 ? undefined : new Map(services);
  }

  /** What they say of a document, by its id. */
  get(id: string): TranscodeSettings | undefined {
    return this.index.get(id);
  }

  /** The rule with what they say of it: of itself, its route, its Gateway, and its first backend. */
  addTo(
    rule: CompiledRule,
    name: string | undefined,
    gateway: { readonly id: string } | undefined,
  ): CompiledRule {
    if (this.services === undefined) return rule;
    const service = rule.backends.find(({ weight }) => weight > 0)?.service;
    const transcoding = combineTranscoding([
      name === undefined ? undefined : this.get(`${rule.document}/${name}`),
      this.get(rule.document),
      gateway && this.get(gateway.id),
      service === undefined ? undefined : this.services.get(service),
    ]);
    return transcoding === undefined ? rule : { ...rule, transcoding };
  }

  conditionsOf(
    source: SourcedDocument<TranscodePolicyDocument>,
    exists: (key: string) => boolean,
  ): Condition[] {
    const faults = this.index.faultsOf(source, exists);
    return [condition('Accepted', faults, 'it holds for all of its targets')];
  }
}
