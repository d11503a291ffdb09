/** A call's `:path`, taken apart. */
export interface GrpcPath {
  /** Full name of the gRPC service, such as `helloworld.Greeter`. */
  readonly grpcService: string;
  readonly method: string;
}

/** Longer paths are refused: a proto's names are far shorter. */
export const pathLengthMax = 1024;

// One leading slash, dotted identifiers, one slash, one identifier. Everything else (no or two leading slashes, a
// trailing slash, percent signs, queries, dots at the ends) could mean one thing to a rule that is matched here and
// another to the backend: CVE-2026-33186 in grpc-go was that. So it is refused and never repaired.
const canonical =
  /^\/([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\/([A-Za-z_][A-Za-z0-9_]*)$/;

/** Parses a canonical gRPC path; undefined for any other text. */
export function parseGrpcPath(path: string): GrpcPath | undefined {
  if (path.length > pathLengthMax) return undefined;
  const match = canonical.exec(path);
  const [, grpcService, method] = match ?? [];
  if (grpcService === undefined || method === undefined) return undefined;
  return { grpcService, method };
}
