import { type GrpcPath } from '../grpc-path';
import { type CallIdentity } from '../call-identity';

/** Who may, or may not, call what. */
export interface AccessRule {
  readonly name: string;
  readonly isAllowed: boolean;
  /** Whether the rule is about this method. */
  readonly isForMethod: (path: GrpcPath) => boolean;
  /** Whether the rule is about this caller. */
  readonly isForCaller: (identity: CallIdentity) => boolean;
}

/** What rules say to a call. */
export interface AccessDecision {
  readonly isAllowed: boolean;
  /** The rule that has decided; undefined when none is about the call. */
  readonly rule: string | undefined;
}

/** Methods whose rules are remembered. */
const methodsMax = 1024;

const refusedByNone: AccessDecision = { isAllowed: false, rule: undefined };

/** A list of rules: what one denies is denied, whatever others allow, and so is what none allows. */
export class AccessRules {
  /** Rules are many and methods few: which are about a method is found out once. */
  private readonly byMethod = new Map<string, readonly AccessRule[]>();
  private readonly ordered: readonly AccessRule[];

  constructor(rules: readonly AccessRule[]) {
    const denying = rules.filter(({ isAllowed }) => !isAllowed);
    this.ordered = [...denying, ...rules.filter(({ isAllowed }) => isAllowed)];
  }

  decide(identity: CallIdentity, path: GrpcPath): AccessDecision {
    const found = this.rulesFor(path).find((rule) => rule.isForCaller(identity));
    return found === undefined ? refusedByNone : { isAllowed: found.isAllowed, rule: found.name };
  }

  private rulesFor(path: GrpcPath): readonly AccessRule[] {
    const key = `${path.grpcService}/${path.method}`;
    const known = this.byMethod.get(key);
    if (known !== undefined) return known;
    // Clients choose methods. Starting over is cheap.
    if (this.byMethod.size >= methodsMax) this.byMethod.clear();
    const found = this.ordered.filter((rule) => rule.isForMethod(path));
    this.byMethod.set(key, found);
    return found;
  }
}
