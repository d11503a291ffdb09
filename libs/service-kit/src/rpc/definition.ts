// The shapes of ts-proto's grpc-js service definitions, read without `any`: what a serializer takes is contravariant, so `never` stands
// for "some message" there and `unknown` where a deserializer yields one.

/** One method of a ts-proto service definition. */
export interface MethodShape {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: never) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

/** A ts-proto service definition, such as `lock.LockServiceService`: its methods by their names in camelCase. */
export type ServiceShape = Readonly<Record<string, MethodShape>>;

/** A method's decoded request message. */
export type RequestOf<Method extends MethodShape> = ReturnType<Method['requestDeserialize']>;

/** A method's decoded response message. */
export type ResponseOf<Method extends MethodShape> = ReturnType<Method['responseDeserialize']>;

/** The full name of the gRPC service that a definition is of, such as `raftway.lock.v1.LockService`. */
export function serviceName(definition: ServiceShape): string {
  const path = Object.values(definition)[0]?.path;
  if (path === undefined) throw new TypeError('a service definition without methods has no name');
  return path.split('/')[1] ?? '';
}
