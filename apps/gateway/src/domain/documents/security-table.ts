import { type GatewaySource, listenerHostnames } from './attachment';
import { type PolicyIndex } from './policy-index';
import { type SecurityPolicyDocument } from './kinds/security-policy';
import { type RouteEntry, RouteIndex } from './route-index';
import { type SecuritySettings } from './security-settings';

/** What a rule says of security: its policy; none, as its Gateway has none; or that the call's host decides, as it has no Gateway. */
export type RuleSecurity = SecuritySettings | 'none' | 'of-host';

/** What a call is subject to: a policy, nothing, or a refusal since it is for a host of no Gateway while Gateways have policies. */
export type CallSecurity = SecuritySettings | 'none' | 'host-not-covered';

/**
 * Which SecurityPolicy holds for a call: that of its rule, of its route, or of its Gateway, the first that there is, alone. Calls that no rule
 * of a Gateway takes (no rule at all, a route without a Gateway, the gateway's own services) are subject to the Gateway whose listener has their
 * host: else whoever names another host, or a method without a rule, would go past it.
 */
export class SecurityTable {
  /** Headers that policies tell instances something in: never taken from clients. */
  readonly toldHeaders: ReadonlySet<string>;
  /** Undefined when no Gateway has a policy. */
  private readonly hosts: RouteIndex<SecuritySettings | 'none'> | undefined;

  constructor(
    private readonly policies: PolicyIndex<SecurityPolicyDocument, SecuritySettings>,
    gateways: Iterable<GatewaySource>,
  ) {
    this.toldHeaders = new Set(this.settings.flatMap(({ toldHeaders }) => toldHeaders));
    const entries = [...gateways].flatMap(({ id, order, document }) => {
      const target: SecuritySettings | 'none' = policies.get(id) ?? 'none';
      return listenerHostnames(document).map((hostname): RouteEntry<typeof target> => ({
        ...{ hostname, grpcService: '', method: '', headers: [] },
        // Of two Gateways with one host name the one with a policy counts.
        order: `${target === 'none' ? 1 : 0} ${order}`,
        target,
      }));
    });
    const areAllOpen = entries.every(({ target }) => target === 'none');
    this.hosts = areAllOpen ? undefined : RouteIndex.of(entries);
  }

  /** Every policy that holds for something. */
  get settings(): readonly SecuritySettings[] {
    return [...new Set(this.policies.entries().map(([, settings]) => settings))];
  }

  /** What holds for the calls of a rule. @param gateway that has taken its route; undefined for a route without one */
  ofRule(
    route: string,
    rule: string | undefined,
    gateway: GatewaySource | undefined,
  ): RuleSecurity {
    const own = rule === undefined ? undefined : this.policies.get(`${route}/${rule}`);
    const named = own ?? this.policies.get(route);
    if (named !== undefined) return named;
    return gateway === undefined ? 'of-host' : (this.policies.get(gateway.id) ?? 'none');
  }

  /** What holds for one call. @param rule that takes it; undefined for none. @param host without port, in lower case */
  ofCall(rule: { readonly security: RuleSecurity } | undefined, host: string): CallSecurity {
    if (rule !== undefined && rule.security !== 'of-host') return rule.security;
    if (this.hosts === undefined) return 'none';
    const call = { host, grpcService: '', method: '', header: () => undefined };
    return this.hosts.find(call)?.target ?? 'host-not-covered';
  }
}
